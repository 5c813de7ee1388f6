"""Days that a backfill has fetched, in a folder beside its output, so that a run that ends early goes on."""

import fcntl
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Self

import msgspec

from exporter import atomic


class InUseError(OSError):
    """Another run fetches into the folder."""


class Day(msgspec.Struct):
    """A day of a workspace: the counters' rises by mailbox, `None` where the API gave no number.

    It is kept in a file, and holds no address.
    """

    domains: Sequence[str]
    ids: Sequence[str]
    rises: Mapping[str, Sequence[float | None]]
    fetched: date = date.min
    """The day on which it was fetched."""


class Days:
    """The days that are kept, each under a name; one run at a time has them, as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._decode = msgspec.json.Decoder(Day).decode

    def __enter__(self) -> Self:
        """Make the folder and take it; raises `OSError`, `InUseError` if another run has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock = os.open(self.folder / "lock", flags, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            if isinstance(error, BlockingIOError):
                raise InUseError(f"another backfill writes this output: {self.folder} is in use") from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def get(self, name: str) -> Day | None:
        """Return a day; None for one that was not fetched, or whose file is damaged."""
        with suppress(OSError, msgspec.MsgspecError, ValueError):
            return self._decode(self._path(name).read_bytes())
        return None

    def keep(self, name: str, day: Day) -> None:
        """Keep a day; raises `OSError`."""
        atomic.replace(self._path(name), msgspec.json.encode(day), 0o644)

    def remove(self) -> None:
        """Remove the folder with all days; raises `OSError`."""
        shutil.rmtree(self.folder)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
