"""What can be wrong with a workspace: its kind, how bad it is, and the numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.fleet.limits import Level
from exporter.wilson import QUANTILES, lower_bound

SHOWN_Z = QUANTILES["99.9"]
"""Of the bounds that people read."""


class State(StrEnum):
    """How something is; the worst last."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return its place, from the best."""
        return list(State).index(self)

    @classmethod
    def worst(cls, findings: Iterable["Finding"]) -> "State":
        """Return the worst state of findings; without any it is well."""
        return max((finding.state for finding in findings), key=lambda state: state.rank, default=cls.OK)


class Kind(StrEnum):
    """What is wrong."""

    BOUNCES = "bounces"
    LEAVING = "leaving active"
    UNHEALTHY = "unhealthy"
    STALLED = "sends nothing"
    LISTED = "on more blacklists"
    REFUSED = "key refused"
    KEYLESS = "no usable key"
    STALE = "no new data"


@dataclass(frozen=True, slots=True)
class Count:
    """So many bounces of so many sends, or mailboxes of mailboxes, and what the ratio is at least."""

    part: int
    whole: int

    @property
    def bound(self) -> float | None:
        """Return the lower bound of the ratio (0-1) at 99.9 % confidence; `None` without a whole."""
        return lower_bound(self.part, self.whole, SHOWN_Z)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a subject; `name` is a domain, a mailbox's id, or "" for the workspace.

    `count` is of the last `hours`.
    """

    state: State
    kind: Kind
    level: Level
    name: str
    count: Count
    hours: int

    @property
    def subject(self) -> "Subject":
        """Return what it is about."""
        return self.kind, self.level, self.name


Subject = tuple[Kind, Level, str]
OF_DATA = {Kind.REFUSED, Kind.KEYLESS, Kind.STALE}
"""What is wrong with the data, and not with the mail."""


@dataclass(frozen=True, slots=True)
class Judged:
    """All that was found of a workspace, the worst first, and how much it sent and bounced in 24 h."""

    findings: Sequence[Finding] = ()
    day: Count = Count(0, 0)

    @property
    def state(self) -> State:
        """Return the worst state."""
        return State.worst(self.findings)

    @property
    def critical(self) -> Mapping[Subject, Finding]:
        """Return what is critical."""
        return {finding.subject: finding for finding in self.findings if finding.state is State.CRITICAL}
