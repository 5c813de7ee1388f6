"""How the data is: the polls of all workspaces in a few words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.catalogue.kinds import ALL_TIME
from exporter.nouns import several
from exporter.page import wording
from exporter.page.poll_state import COLOURS, LEVELS, SYMBOLS, Level, State
from exporter.page.polls import Seen, cause

MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Headline:
    """How the data is, in a few words, and the failures behind it."""

    level: Level
    text: str
    failures: Sequence[str]

    @property
    def symbol(self) -> str:
        """Return the symbol of its level."""
        return SYMBOLS[self.level]

    @property
    def colour(self) -> str:
        """Return the colour of its level, in hexadecimal digits."""
        return COLOURS[self.level]

    @classmethod
    def of(cls, workspaces: Sequence[Seen], notices: Sequence[str]) -> "Headline":
        """Return how the data of workspaces is; a notice makes it a warning at least."""
        total = several(len(workspaces), "workspace")
        failing = sum(seen.state.is_failing for seen in workspaces)
        waiting = sum(seen.state is State.WAITING for seen in workspaces)
        levels: list[Level] = [seen.state.level for seen in workspaces] or ["wait"]
        if not workspaces:
            text = "No workspace yet"
        elif failing:
            text = f"{failing} of {total} failing"
        elif waiting == len(workspaces):
            text = f"Waiting for the first poll of {total}"
        elif waiting:
            text = f"{len(workspaces) - waiting} of {total} fresh, {waiting} waiting for the first poll"
        else:
            text = f"All {total} fresh" if len(workspaces) > 1 else f"{total}, fresh"
        if notices:
            levels.append("warn")
        return cls(max(levels, key=LEVELS.index), text, _failures(workspaces))


def _failures(workspaces: Iterable[Seen]) -> list[str]:
    """Return each way of failing with the workspaces that fail so, the worst first."""
    names: dict[str, list[str]] = {}
    for seen in workspaces:
        causes: dict[str, str] = {}  # a window that fails as all-time does is not repeated
        for window, poll in seen.figures.items():
            if State.of(poll, seen.now).is_failing:
                name = seen.label if window == ALL_TIME else f"{seen.label} ({window})"
                causes.setdefault(cause(poll), name)
        for why, name in causes.items():
            names.setdefault(why, []).append(name)
    return [f"{why}: {wording.listing(failing, MOST_NAMES)}" for why, failing in names.items()]
