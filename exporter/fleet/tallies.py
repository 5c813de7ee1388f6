"""How polls went, added up over runs of `once`: without a daemon nothing else remembers it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from exporter import atomic, hanging
from exporter.catalogue.workspace import Reason
from exporter.config import files
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Workspace

FILE = "once.tallies"
"""The file in the folder of state that holds them."""
_MOST_BYTES = 64 << 20
_SECONDS = 10.0


class Tally(msgspec.Struct, array_like=True):
    """The counters of the polls of a workspace's feed."""

    workspace_id: str
    account: str
    feed: str
    polls: int
    failures: Mapping[Reason, int]
    suspects: Mapping[str, int]

    @classmethod
    def of(cls, key: Key, poll: Poll) -> "Tally":
        """Return the counters of a poll."""
        return cls(key.id, key.account, poll.feed.name, poll.polls, poll.failures, poll.suspects)

    def add_to(self, poll: Poll) -> None:
        """Let a poll's counters go on from here."""
        poll.polls += self.polls
        poll.failures += Counter(self.failures)
        poll.suspects += Counter(self.suspects)


Tallies = Mapping[tuple[Key, str], Tally]
"""By the workspace's key, and the name of the feed."""

_decoder = msgspec.msgpack.Decoder(list[Tally])


def load(folder: Path) -> Tallies:
    """Return what was saved in a folder of state.

    Raises `OSError`, or `ValueError` for a file that holds something else.
    """
    path = folder / FILE
    if not hanging.within(_SECONDS, path.exists):
        return {}
    try:
        tallies = _decoder.decode(files.read(path, _MOST_BYTES))
    except files.FileError as error:
        raise ValueError(f"{path} {error}") from None
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: damaged: {error}") from None
    return {(Key(tally.workspace_id, tally.account), tally.feed): tally for tally in tallies}


def save(folder: Path, workspaces: Iterable[Workspace]) -> None:
    """Replace what was saved in a folder of state by the counters as they are now; raises `OSError`."""
    tallies = [Tally.of(workspace.key, poll) for workspace in workspaces for poll in workspace.polls.values()]
    content = msgspec.msgpack.encode(tallies)
    hanging.within(_SECONDS, lambda: atomic.replace(folder / FILE, content, sync_folder=True))
