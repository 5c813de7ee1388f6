"""Files of people, read whole: regular ones alone, up to a size, within a limit of time.

They are read again later, at a reload or at each poll. So a pipe or a terminal, which can be read once, is
refused at once, `/dev/stdin` before one of them and `<(command)` of a shell included.
"""

import os
import stat
import threading
import time
from asyncio import sleep
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from exporter import hanging

READ_SECONDS = 5.0
MOST_AT_ONCE = 64
"""Files that are being read: those that hang take no more threads than this."""
PAUSE_SECONDS = 0.01

_KINDS: Mapping[str, Callable[[int], bool]] = {
    "a folder": stat.S_ISDIR,
    "a pipe": stat.S_ISFIFO,
    "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
    "a socket": stat.S_ISSOCK,
}

_reads: dict[tuple[Path, int], Future[bytes]] = {}
_lock = threading.Lock()


class FileError(Exception):
    """A file that cannot be read; the message goes after its name, as in `cannot be read: ...`."""


class HangingFileError(FileError):
    """A file that did not answer in time."""


def read(path: Path, most_bytes: int) -> bytes:
    """Return what a file holds; raises `FileError`."""
    waits = _patience()
    while (future := _begun(path, most_bytes)) is None:
        time.sleep(next(waits))
    with _told():
        return hanging.result(future, READ_SECONDS)


async def read_soon(path: Path, most_bytes: int) -> bytes:
    """Return what a file holds, without keeping the event loop; raises `FileError`."""
    waits = _patience()
    while (future := _begun(path, most_bytes)) is None:  # noqa: ASYNC110 - threads end it, not tasks
        await sleep(next(waits))
    with _told():
        return await hanging.soon(future, READ_SECONDS)


def _begun(path: Path, most_bytes: int) -> Future[bytes] | None:
    """Return the reading of a file, one that is under way if there is one; None while there are too many."""
    place = path, most_bytes
    with _lock, _told():
        if place in _reads:
            return _reads[place]
        if len(_reads) >= MOST_AT_ONCE:
            return None
        future = _reads[place] = hanging.started(lambda: _read(path, most_bytes))
    future.add_done_callback(lambda _: _reads.pop(place, None))
    return future


def _patience() -> Iterator[float]:
    """Yield pauses until there was time enough; raises `FileError` then."""
    for _ in range(round(READ_SECONDS / PAUSE_SECONDS)):
        yield PAUSE_SECONDS
    raise HangingFileError("cannot be read: too many other files give no answer")


def _read(path: Path, most_bytes: int) -> bytes:
    """Read a file here and now."""
    refuse_irregular(path.stat().st_mode)
    with path.open("rb") as file:
        refuse_irregular(os.fstat(file.fileno()).st_mode)  # it may be another one by now
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FileError(f"is larger than {most_bytes} bytes")
    return content


def refuse_irregular(mode: int) -> None:
    """Raise `FileError` for what is no regular file by its mode."""
    if not stat.S_ISREG(mode):
        kind = next((kind for kind, is_one in _KINDS.items() if is_one(mode)), "no file")
        raise FileError(f"is {kind}, expected a regular file")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the system says of a file into a `FileError`."""
    try:
        yield
    except hanging.HangingError as error:
        raise HangingFileError(f"cannot be read: {error.strerror}") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:  # a path with a NUL character
        raise FileError("is no path") from None
