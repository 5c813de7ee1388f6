"""A poll: one feed of one workspace, how its polls went, and the last good answer."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Feed
from exporter.catalogue.workspace import Reason
from exporter.fleet.reading import Reading

REFUSED_SECONDS = 3600.0
"""A collector that the key may not use is asked again so often."""

OVERDUE_INTERVALS, OVERDUE_SECONDS = 3, 300.0
"""Without a success for so many intervals, and for so long, polls are no longer on time."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, by the wall clock (Unix seconds) and by one that is never set (seconds)."""

    unix: float
    steady: float


class Job(Protocol):
    """What polls at the poll's interval."""

    def cancel(self) -> None:
        """End it."""

    def change(self, interval: timedelta) -> None:
        """Have it come at another interval."""

    def due_seconds(self) -> float | None:
        """Return the seconds until it polls next."""


@dataclass(slots=True, eq=False)
class Poll:
    """One feed of one workspace.

    Times are Unix seconds; `fresh_since` is the last success by the steady clock, so that a clock that is set
    makes nothing stale. `overruns` says that it was still running when it was last due, `has_key` is false if
    it failed for want of a key to send, `due` says when it is due next by the steady clock, if that is known
    from before. `is_refused` says that the key may not use what a collector asks for: it is asked rarely.
    """

    feed: Feed
    stale_after: float
    reading: Reading | None = None
    last_success: float | None = None
    fresh_since: float | None = None
    last_poll: float | None = None
    duration: float | None = None
    failure: Reason | None = None
    error: str = ""
    has_key: bool = True
    polls: int = 0
    skipped: int = 0
    overruns: bool = False
    failures: Counter[Reason] = field(default_factory=Counter)
    suspects: Counter[str] = field(default_factory=Counter)
    job: Job | None = None
    due: float | None = None
    running: bool = False
    is_refused: bool = False

    @property
    def answer(self) -> Answer | None:
        """Return the last good answer that still counts."""
        return self.reading.answer if self.reading else None

    @property
    def interval_seconds(self) -> float:
        """Return the time between two polls."""
        return REFUSED_SECONDS if self.is_refused else self.feed.interval_seconds

    @property
    def up(self) -> bool | None:
        """Whether the last poll succeeded; `None` before the first one."""
        return None if self.last_poll is None else self.failure is None

    def succeeded(self, reading: Reading, now: Instant, duration: float) -> None:
        """Take a good answer in."""
        self.failure, self.error = None, ""
        self.last_success = now.unix
        self._take(reading, now)
        self._ended(now, duration)

    def partly_refused(
        self, reading: Reading, reason: Reason, error: str, now: Instant, duration: float
    ) -> None:
        """Take in what was answered, and note why the rest was not."""
        self._take(reading, now)
        self.failed(reason, error, now, duration)

    def _take(self, reading: Reading, now: Instant) -> None:
        self.reading, self.fresh_since = reading, now.steady
        self.suspects.update(reading.answer.suspects)

    def failed(
        self, reason: Reason, error: str, now: Instant, duration: float, *, has_key: bool = True
    ) -> None:
        """Note a failure; the last answer stays until it is stale."""
        self.failure, self.error, self.has_key = reason, error, has_key
        self.failures[reason] += 1
        self._ended(now, duration)

    def _ended(self, now: Instant, duration: float) -> None:
        self.last_poll, self.duration = now.unix, duration
        self.polls += 1

    def is_stale(self, now: Instant) -> bool:
        """Whether there was no success for so long that the last answer no longer counts."""
        return self.fresh_since is None or now.steady - self.fresh_since >= self.stale_after

    def is_overdue(self, now: Instant) -> bool:
        """Whether the last success is longer ago than the alert on stale data allows."""
        longest = max(OVERDUE_INTERVALS * self.feed.interval_seconds, OVERDUE_SECONDS)
        return self.fresh_since is not None and now.steady - self.fresh_since > longest

    def is_fresh(self, now: Instant) -> bool:
        """Whether there is an answer that counts, and the key behind it was not refused since."""
        return self.reading is not None and not self.is_stale(now) and self.failure is not Reason.AUTH

    def cancel(self) -> None:
        """End polling."""
        if self.job:
            self.job.cancel()
            self.job = None

    def pause(self, now: Instant) -> None:
        """End polling for now; `due` is when it was to go on."""
        seconds = 0.0 if self.running else self.job.due_seconds() if self.job else None
        self.due = None if seconds is None else now.steady + seconds
        self.cancel()
