"""Blacklists: the newest finished test of a workspace beside those of the day before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from exporter.fleet.findings import Count, Finding, Kind, State
from exporter.fleet.limits import Level
from exporter.fleet.recent import DAY_SECONDS, HOURS

MOST_CHECKUPS = 100


@dataclass(frozen=True, slots=True)
class Checkup:
    """A finished test: when it ended (Unix seconds), and how many of how many mailboxes it lists."""

    completed: float
    listed: int
    checked: int


@dataclass(slots=True)
class Checkups:
    """The tests that were the newest at some time of the last day, each with its last moment as that."""

    _seen: list[tuple[Checkup, float]] = field(default_factory=list)
    _since: float = 0.0

    def take(self, newest: Checkup, now: float) -> None:
        """Take in which test is the newest one now (Unix seconds)."""
        if not self._seen:
            self._since = now
        else:
            self._seen[-1] = self._seen[-1][0], now
        if not self._seen or self._seen[-1][0] != newest:
            self._seen.append((newest, now))
        self._seen = [(test, until) for test, until in self._seen if now - until <= DAY_SECONDS][
            -MOST_CHECKUPS:
        ]

    def findings(self, before: Iterable[Finding]) -> Iterator[Finding]:
        """Yield that the newest test lists more than one within the day before it.

        What was found `before` lasts for a day over a restart, after which no earlier test is known.
        """
        if not self._seen:
            return
        (newest, now), tests = self._seen[-1], [test for test, _ in self._seen]
        if newest.listed > min(test.listed for test in tests) and newest.completed > tests[0].completed:
            count = Count(newest.listed, newest.checked)
            yield Finding(State.CRITICAL, Kind.LISTED, Level.WORKSPACE, "", count, HOURS)
        elif len(tests) == 1 and now - self._since < DAY_SECONDS:
            yield from (finding for finding in before if finding.kind is Kind.LISTED)
