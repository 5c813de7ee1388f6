"""State as it is saved, and a disk that is full."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.saved import Saved
from exporter.fleet.state import StateDirectory, _decode
from exporter.fleet.workspace import Workspace
from tests.answers import answer_of, mailbox

WORKSPACE = Workspace(Key("w1"), "acme", "One", "One (w1)")
OTHER = Workspace(Key("w2"), "acme", "Two", "Two")


def some(workspace: Workspace = WORKSPACE, *, rise: int = 5, feed: str = "all") -> Saved:
    """Return the state of a workspace with a mailbox whose total rose by so much."""
    totals = Totals().after(answer_of(mailbox(performance={"sent": 100})), 0)
    last = answer_of(mailbox(performance={"sent": 100 + rise}))
    return Saved.of(workspace, feed, last, totals.after(last, 1), 1)


def files(folder: Path) -> list[Path]:
    """Return the files of a folder of state."""
    return sorted(folder.glob("*.state"))


def polled(folder: Path) -> list[Path]:
    """Return the files of workspaces that are polled: without those of which only the counters are kept."""
    return [path for path in files(folder) if not _decode(path.read_bytes()).left]


def loaded(state: StateDirectory) -> dict[str, float]:
    """Return the rises that are loaded, by workspace id."""
    return {saved.workspace_id: saved.counters.risen["campaign_sent"][0] or 0 for saved in state.load()}


@contextmanager
def no_room(size_bytes: int = 50) -> Iterator[None]:
    """Let no file of this process grow any further, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
