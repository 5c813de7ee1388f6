"""What survives a restart: counters and last answers, one file a (workspace, feed) in a folder.

A file is replaced before its answer is shown, never after. So a process that is killed at any moment has
shown no counter above the one it finds again, and counts no rise twice. Where a file can't be written, the
old one is removed: a counter that starts from 0 again is what Prometheus expects, one that falls back a
little is not. The file's modification time is the poll's: an answer that did not change costs no writing.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
import structlog
from isal import igzip, isal_zlib

from exporter.fleet.saved import Saved
from exporter.fleet.workspace import Key

_FORMAT = b"sendkit-exporter state 2\n"
_DIGEST_BYTES = 16
_SUFFIX = ".state"

_log = structlog.get_logger(__name__)


class StateUnavailableError(Exception):
    """The folder can't be used; the message says why."""


_decoder = msgspec.msgpack.Decoder(Saved)


class StateDirectory:
    """A folder that one exporter keeps its state in; may be used from several threads, one a file."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, and take it; raises `StateUnavailableError`."""
        self.path = path
        self.error = ""
        """Why something is not saved, while it is not."""
        self._unsaved: set[Path] = set()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (path / "lock").open("w")
        except OSError as error:
            raise StateUnavailableError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            why = "is in use by another exporter" if isinstance(error, BlockingIOError) else error.strerror
            raise StateUnavailableError(f"{path} {why}") from None

    def close(self) -> None:
        """Let the folder go."""
        self._lock.close()

    def load(self) -> Iterator[Saved]:
        """Yield all that was saved; a damaged file is told, set aside and left out."""
        for path in sorted(self.path.glob(f"*{_SUFFIX}")):
            try:
                saved = _decode(path.read_bytes())
                saved.succeeded = path.stat().st_mtime
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
        try:
            _replace(path, _encode(saved), succeeded)
        except OSError as error:
            self._remove(path)
            self._not_saved(path, error.strerror or type(error).__name__)
        else:
            self._saved(path)

    def touch(self, key: Key, feed: str, succeeded: float) -> bool:
        """Note that what was saved is the answer at this time, too; return whether it was saved."""
        path = self._file(key, feed)
        if path in self._unsaved:  # one that could not be removed may be there, and is out of date
            return False
        try:
            os.utime(path, (succeeded, succeeded))
        except OSError:
            return False
        return True

    def forget(self, key: Key, feed: str) -> None:
        """Remove what was saved of a (workspace, feed)."""
        path = self._file(key, feed)
        self._remove(path)
        self._saved(path)

    def clear(self) -> None:
        """Remove all that was saved."""
        for path in self.path.glob(f"*{_SUFFIX}"):
            self._remove(path)

    def _not_saved(self, path: Path, error: str) -> None:
        if not self._unsaved:
            _log.error("state: not saved", directory=str(self.path), error=error)
        self._unsaved.add(path)
        self.error = error

    def _saved(self, path: Path) -> None:
        if path in self._unsaved:
            self._unsaved.discard(path)
            if not self._unsaved:
                self.error = ""
                _log.info("state: saved again", directory=str(self.path))

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("state: an old file can't be removed", file=path.name, error=error.strerror)

    def _file(self, key: Key, feed: str) -> Path:
        name = f"{key.id}\0{key.account}\0{feed}".encode()
        return self.path / (blake2b(name, digest_size=_DIGEST_BYTES).hexdigest() + _SUFFIX)


def _encode(saved: Saved) -> bytes:
    content = igzip.compress(msgspec.msgpack.encode(saved), 1, mtime=0)
    return _FORMAT + blake2b(content, digest_size=_DIGEST_BYTES).digest() + content


def _decode(file: bytes) -> Saved:
    """Return what a file holds; raises `ValueError` if it is damaged."""
    start, rest = file[: len(_FORMAT)], file[len(_FORMAT) :]
    digest, content = rest[:_DIGEST_BYTES], rest[_DIGEST_BYTES:]
    if start != _FORMAT or blake2b(content, digest_size=_DIGEST_BYTES).digest() != digest:
        raise ValueError("not a whole state file of this format")
    try:
        return _decoder.decode(igzip.decompress(content))  # type: ignore[no-untyped-call]
    except (EOFError, isal_zlib.IsalError) as error:  # type: ignore[misc] # declared as an instance
        raise ValueError(str(error)) from None


def _replace(path: Path, content: bytes, modified: float) -> None:
    """Replace a file so that after a crash it has the old content or the new one; raises `OSError`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.utime(file.fileno(), (modified, modified))
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _set_aside(path: Path) -> None:
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as error:
        _log.error("state: a damaged file can't be set aside", file=path.name, error=error.strerror)
