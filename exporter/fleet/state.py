"""What survives a restart: counters and last answers, one file a (workspace, feed) in a folder.

A file is replaced before its answer is shown, never after. So a process that is killed at any moment has
shown no counter above the one it finds again, and counts no rise twice. Where a file can't be written, the
old one is removed: a counter that starts from 0 again is what Prometheus expects, one that falls back a
little is not. A file begins with the time of its poll: of an answer that did not change, that is all that is
written again, and a copy of the folder is as old as what it holds.

The folder may be on a mount that hangs: whatever is done in it has a limit of time, and while something hangs
nothing else is begun.
"""

import fcntl
import math
import os
import stat
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import Future  # noqa: TC003 - as in every other module
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
import structlog
from isal import igzip, isal_zlib

from exporter import atomic, hanging
from exporter.fleet.key import Key
from exporter.fleet.saved import Saved

ANSWER_SECONDS = 10.0
REMOVAL_SECONDS = 0.5
"""Files are removed on the event loop, too."""
QUIET_SECONDS = 3600.0
"""Between two tales of a disk that takes some files and others not."""

_FORMAT = b"sendkit-exporter state 3\n"
_TIME = struct.Struct(">d")  # Unix seconds
_PLAINLY = os.O_NOFOLLOW | os.O_CLOEXEC
_DIGEST_BYTES = 16
_SUFFIX, _KEPT_SUFFIX = ".state", ".kept"

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class StateUnavailableError(Exception):
    """The folder can't be used; the message says why."""


class StateInUseError(StateUnavailableError):
    """Another exporter has the folder."""


_decoder = msgspec.msgpack.Decoder(Saved)


class StateDirectory:
    """A folder that one exporter keeps its state in; may be used from several threads, one a file."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, and take it; raises `StateUnavailableError`."""
        self.path = path
        self.error = ""
        """Why something is not saved, while it is not."""
        self._unsaved: set[Path] = set()
        self._unremoved: set[Path] = set()
        self._told_at = -math.inf
        self._is_told = False
        self._hanging: Future[Any] | None = None
        try:
            self._lock = self._limited(lambda: _taken(path))
        except BlockingIOError:
            raise StateInUseError(f"{path} is in use by another exporter") from None
        except OSError as error:
            raise StateUnavailableError(f"{path}: {error.strerror}") from None

    def close(self) -> None:
        """Let the folder go."""
        self._lock.close()

    def is_at(self, path: Path) -> bool:
        """Whether a path, however it is written, leads to this folder."""
        try:
            return path == self.path or self._limited(lambda: path.samefile(self.path))
        except OSError:
            return False

    def load(self) -> Iterator[Saved]:
        """Yield all that was saved; a damaged file is logged, set aside and left out.

        Raises `StateUnavailableError` if the folder hangs.
        """
        for path in self._limited_or_unavailable(lambda: sorted(self.path.glob(f"*{_SUFFIX}"))):
            try:
                saved = self._limited(lambda path=path: _decode(_read(path)))  # type: ignore[misc]
            except hanging.HangingError as error:
                raise StateUnavailableError(f"{path}: {error.strerror}") from None
            except (OSError, ValueError) as error:
                _log.error(
                    "state: damaged file set aside, counters start afresh", file=path.name, error=str(error)
                )
                _set_aside(path)
            else:
                yield saved
        for unfinished in self.path.glob(f".*{_SUFFIX}.*"):
            with suppress(OSError):
                unfinished.unlink()

    def save(self, saved: Saved, succeeded: float) -> None:
        """Replace what was saved of this (workspace, feed); where that fails, remove it."""
        path = self._file(saved.key, saved.feed)
        saved.succeeded = succeeded
        content = _encode(saved)
        try:
            self._limited(lambda: atomic.replace(path, content, sync_folder=True))
        except OSError as error:
            self._remove(path)
            self._not_saved(path, error.strerror or type(error).__name__, succeeded)
        else:
            self._saved(path)

    def touch(self, key: Key, feed: str, succeeded: float) -> bool:
        """Note that what was saved is the answer at this time, too; return whether it was saved."""
        path = self._file(key, feed)
        if path in self._unsaved:  # one that could not be removed may be there, and is out of date
            return False
        try:
            self._limited(lambda: _set_time(path, succeeded))
        except OSError:
            return False
        return True

    def forget(self, key: Key, feed: str) -> None:
        """Remove what was saved of a (workspace, feed)."""
        path = self._file(key, feed)
        self._remove(path)
        self._saved(path)

    def keep(self, name: str, value: object) -> bool:
        """Save what is good to have and no counter, and return whether that succeeded.

        Where it fails, what was saved before stays.
        """
        content = igzip.compress(msgspec.msgpack.encode(value), 1, mtime=0)
        try:
            self._limited(lambda: atomic.replace(self.path / f"{name}{_KEPT_SUFFIX}", content))
        except OSError:
            return False
        return True

    def kept(self, name: str, kind: type[Result]) -> Result | None:
        """Return what was last kept under a name; `None` if there is nothing that can be read."""
        path = self.path / f"{name}{_KEPT_SUFFIX}"
        try:
            content = igzip.decompress(self._limited(lambda: _read(path)))  # type: ignore[no-untyped-call]
            return msgspec.msgpack.decode(content, type=kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, isal_zlib.IsalError) as error:  # type: ignore[misc] # declared as an instance
            _log.error("state: file cannot be read", file=path.name, error=str(error))
            return None

    def clear(self) -> None:
        """Remove all that was saved."""
        with suppress(OSError):
            for suffix in (_SUFFIX, _KEPT_SUFFIX):
                for path in self._limited(lambda suffix=suffix: list(self.path.glob(f"*{suffix}"))):  # type: ignore[misc]
                    self._remove(path)

    def _limited(self, work: Callable[[], Result], seconds: float | None = None) -> Result:
        """Do something in the folder; raises `OSError`, at once while something before it hangs."""
        if self._hanging and not self._hanging.done():
            raise hanging.HangingError(None, "the folder gives no answer")
        future = hanging.started(work)
        try:
            return hanging.result(future, seconds or ANSWER_SECONDS)
        except hanging.HangingError:
            self._hanging = future
            raise

    def _limited_or_unavailable(self, work: Callable[[], Result]) -> Result:
        try:
            return self._limited(work)
        except OSError as error:
            raise StateUnavailableError(f"{self.path}: {error.strerror}") from None

    def _not_saved(self, path: Path, error: str, now: float) -> None:
        """Tell it, but not again and again on a disk that is nearly full."""
        if not self._unsaved and not 0 <= now - self._told_at < QUIET_SECONDS:
            self._told_at = now
            self._is_told = True
            _log.error("state: not saved", directory=str(self.path), error=error)
        self._unsaved.add(path)
        self.error = error

    def _saved(self, path: Path) -> None:
        if path in self._unsaved:
            self._unsaved.discard(path)
            if not self._unsaved:
                self.error = ""
                if self._is_told:
                    self._is_told = False
                    _log.info("state: saved again", directory=str(self.path))

    def _remove(self, path: Path) -> None:
        try:
            self._limited(lambda: path.unlink(missing_ok=True), REMOVAL_SECONDS)
        except OSError as error:
            if path not in self._unremoved:
                self._unremoved.add(path)
                _log.error("state: an old file can't be removed", file=path.name, error=error.strerror)
        else:
            self._unremoved.discard(path)

    @staticmethod
    def name_of(key: Key, feed: str) -> str:
        """Return the name of what is saved of a (workspace, feed), without its suffix."""
        name = f"{key.id}\0{key.account}\0{feed}".encode()
        return blake2b(name, digest_size=_DIGEST_BYTES).hexdigest()

    def _file(self, key: Key, feed: str) -> Path:
        return self.path / f"{self.name_of(key, feed)}{_SUFFIX}"


def _taken(path: Path) -> IO[bytes]:
    """Make a folder if need be and lock it; return the open lock. Raises `OSError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not through a link that someone else has put there: it may lead to a file that is none of ours.
    lock = os.fdopen(os.open(path / "lock", os.O_RDWR | os.O_CREAT | _PLAINLY, 0o600), "wb", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock


def _encode(saved: Saved) -> bytes:
    content = igzip.compress(msgspec.msgpack.encode(saved), 1, mtime=0)
    digest = blake2b(content, digest_size=_DIGEST_BYTES).digest()
    return _FORMAT + _time_written(saved.succeeded) + digest + content


def _time_written(succeeded: float) -> bytes:
    """Return a time as a file has it: few bytes, written at once, with a checksum of their own."""
    seconds = _TIME.pack(succeeded)
    return seconds + blake2b(seconds, digest_size=_TIME.size).digest()


def _decode(file: bytes) -> Saved:
    """Return what a file holds; raises `ValueError` if it is damaged."""
    start, moment = file[: len(_FORMAT)], file[len(_FORMAT) :][: 2 * _TIME.size]
    rest = file[len(start) + len(moment) :]
    digest, content = rest[:_DIGEST_BYTES], rest[_DIGEST_BYTES:]
    intact = blake2b(content, digest_size=_DIGEST_BYTES).digest() == digest
    if start != _FORMAT or not intact:
        raise ValueError("not a whole state file of this format")
    (succeeded,) = _TIME.unpack(moment[: _TIME.size])
    if moment != _time_written(succeeded):
        raise ValueError("not a whole state file of this format: its time is damaged")
    try:
        saved = _decoder.decode(igzip.decompress(content))  # type: ignore[no-untyped-call]
    except (EOFError, isal_zlib.IsalError) as error:  # type: ignore[misc] # declared as an instance
        raise ValueError(str(error)) from None
    saved.succeeded = succeeded
    return saved


def _read(path: Path) -> bytes:
    """Return what a file of ours holds; raises `OSError`, or `ValueError` for what can be none."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("no regular file")
    with os.fdopen(os.open(path, os.O_RDONLY | _PLAINLY), "rb") as file:
        return file.read()


def _set_time(path: Path, succeeded: float) -> None:
    """Replace the time that a file begins with, in place; raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | _PLAINLY)
    try:
        os.pwrite(descriptor, _time_written(succeeded), len(_FORMAT))
    finally:
        os.close(descriptor)


def _set_aside(path: Path) -> None:
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as error:
        _log.error("state: a damaged file can't be set aside", file=path.name, error=error.strerror)
