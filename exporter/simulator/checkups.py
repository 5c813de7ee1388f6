"""Blacklist and inbox placement tests, as an operator has them run.

There is one a day, and one that ends as something happens which it finds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.simulator.disturbances import Period
from exporter.simulator.fleet import Workspace, token
from exporter.simulator.rhythm import DAY_SECONDS

_KEPT_DAYS = 7
_HOUR = 3600
_STARTS_SECONDS, _TAKES_SECONDS = 5 * _HOUR, 3 * _HOUR
_SEEDS = 40


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that tests find from its start on: of so many mailboxes."""

    period: Period
    mailboxes: int
    spam_ratio: float | None = None


class Checkups:
    """The tests of one workspace. Of a test that still runs, the summary is null."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._events: list[_Event] = []

    def list_addresses(self, period: Period, mailboxes: int) -> None:
        """Let so many mailboxes be on a blacklist for a period; a test at its start finds them."""
        self._events.append(_Event(period, mailboxes))

    def collapse(self, period: Period, mailboxes: int, spam_ratio: float) -> None:
        """Let the mail of so many mailboxes land in spam for a period; a test at its start finds that."""
        self._events.append(_Event(period, mailboxes, spam_ratio))

    def blacklist_tests(self, now: float) -> list[dict[str, object]]:
        """Return the tests as `GET /v1/blacklist-tests` shows them, the newest first."""
        size = len(self._workspace.mailboxes)
        return [
            self._test("blacklist", begun, now, "overallSummary", self._blacklisted(size, begun))
            for begun in self._begun(now)
        ]

    def placement_tests(self, now: float) -> list[dict[str, object]]:
        """Return the tests as `GET /v1/inbox-placement` shows them, the newest first."""
        return [
            self._test("placement", begun, now, "summary", self._placement(begun))
            for begun in self._begun(now)
        ]

    def _begun(self, now: float) -> list[float]:
        """Return when tests began, the newest first."""
        today = int(now // DAY_SECONDS)
        days = (day * DAY_SECONDS + _STARTS_SECONDS for day in range(today - _KEPT_DAYS, today + 1))
        events = (event.period.start - _TAKES_SECONDS for event in self._events if event.period.start <= now)
        return sorted((begun for begun in (*days, *events) if begun <= now), reverse=True)

    def _test(
        self, kind: str, begun: float, now: float, summary: str, found: dict[str, int]
    ) -> dict[str, object]:
        completed = begun + _TAKES_SECONDS
        is_over = completed <= now
        return {
            "_id": token(self._workspace.id, kind, begun, digits=24),
            "testName": f"{self._workspace.name} {_written(begun)[:10]}",
            "status": "completed" if is_over else "running",
            summary: found if is_over else None,
            "createdAt": _written(begun),
            "completedAt": _written(completed) if is_over else None,
        }

    def _blacklisted(self, size: int, begun: float) -> dict[str, int]:
        listed = sum(event.mailboxes for event in self._at(begun) if event.spam_ratio is None)
        blacklisted = min(listed, size)
        return {"totalChecked": size, "clean": size - blacklisted, "blacklisted": blacklisted}

    def _placement(self, begun: float) -> dict[str, int]:
        ratios = [
            event.spam_ratio * event.mailboxes / max(len(self._workspace.mailboxes), 1)
            for event in self._at(begun)
            if event.spam_ratio is not None
        ]
        lot = int(token(self._workspace.id, "seeds", begun, digits=2), 16)
        missing = lot % 2
        spam = min(round(_SEEDS * (0.05 + sum(ratios))) + lot % 3, _SEEDS - missing)
        return {"inbox": _SEEDS - missing - spam, "spam": spam, "missing": missing}

    def _at(self, begun: float) -> Iterator[_Event]:
        """Yield what was there when a test that began then came to its end."""
        return (event for event in self._events if event.period.covers(begun + _TAKES_SECONDS))


def _written(instant: float) -> str:
    written = datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")
