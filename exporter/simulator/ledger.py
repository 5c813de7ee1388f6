"""What happened in a workspace: counts of every kind of event by mailbox, at any instant.

Each mailbox-day has a plan (`plans`), and the curves of `rhythm` say what share of it has come true by an
instant, so any instant can be asked for, in any order. The mails of a day are a *cohort*; what becomes of
them counts for the day on which they were sent. Instants are Unix seconds of simulated time, days are counted
from 1970-01-01 in UTC.
"""

from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from operator import add, sub
from typing import TypeVar

from exporter.simulator import plans
from exporter.simulator.disturbances import Disturbance, disturbed_row, stretches
from exporter.simulator.fleet import Workspace
from exporter.simulator.plans import Columns, Plans
from exporter.simulator.rhythm import DAY_SECONDS, KINDS, LIVE_DAYS, SENT, Reached, rhythm

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_COMPLETE: Sequence[Reached] = (((1.0, 1.0),),) * len(KINDS)
_KEPT_PLANS = 12
_KEPT_CHECKPOINTS = 8
_KEPT_COHORTS = LIVE_DAYS
_KEPT_TOTALS = 2  # of the instant, and of details, which are as of one before


class Ledger:
    """The counts of one workspace; the history begins on `first_day`, with what was there earlier."""

    def __init__(self, workspace: Workspace, first_day: int) -> None:
        self._workspace = workspace
        self._mailboxes = workspace.mailboxes
        self._first_day = first_day
        self._rhythm = rhythm(workspace.opening_hour, workspace.late_bounces)
        self._disturbances: list[Disturbance] = []
        self._plans: OrderedDict[int, Plans] = OrderedDict()
        self._checkpoints: OrderedDict[int, Columns] = OrderedDict({first_day: self._earlier(first_day)})
        self._cohorts: OrderedDict[tuple[int, float], Columns] = OrderedDict()
        self._latest: OrderedDict[float, Columns] = OrderedDict()

    def disturb(self, disturbance: Disturbance) -> None:
        """Let a disturbance shape what happens from its start on; that must not lie in the past."""
        self._disturbances.append(disturbance)
        self._cohorts.clear()
        self._latest.clear()

    def totals(self, now: float) -> Columns:
        """Return all counts by an instant, which has come already."""
        return _kept(self._latest, now, _KEPT_TOTALS, lambda: self._sum(now, now))

    def sent_before(self, bound: float, now: float) -> Columns:
        """Return what has become by now of the mails that were sent before an instant."""
        return self.totals(now) if bound >= now else self._sum(bound, now)

    def sent_on_day_of(self, now: float) -> Sequence[int]:
        """Return the mails that each mailbox has sent since midnight."""
        day = int(now // DAY_SECONDS)
        if day < self._first_day:
            return [0] * len(self._mailboxes)
        return self._live_cohort(day, now)[SENT]

    def _sum(self, bound: float, now: float) -> Columns:
        """Add up the cohorts before the bound, and the part of its own day that was sent before it."""
        day = int(bound // DAY_SECONDS)
        if day < self._first_day:
            return self._earlier(bound / DAY_SECONDS)
        first_live_day = max(int(now // DAY_SECONDS) - LIVE_DAYS + 1, self._first_day)
        columns = self._settled(min(day, first_live_day))
        for live_day in range(first_live_day, day):
            columns = _added(columns, self._live_cohort(live_day, now))
        if bound >= now:
            return _added(columns, self._live_cohort(day, now))
        if share := self._rhythm.sent(bound - day * DAY_SECONDS):
            reached = self._rhythm.reached(now - day * DAY_SECONDS, share)
            columns = _added(columns, self._cohort(day, reached))
        return columns

    def _live_cohort(self, day: int, now: float) -> Columns:
        """Return what has become of the mails of a day by now."""
        return _kept(
            self._cohorts,
            (day, now),
            _KEPT_COHORTS,
            lambda: self._cohort(day, self._rhythm.reached(now - day * DAY_SECONDS)),
        )

    def _settled(self, day: int) -> Columns:
        """Return the sums over the cohorts before a day, to which nothing more happens."""
        return _kept(self._checkpoints, day, _KEPT_CHECKPOINTS, lambda: self._settle(day))

    def _settle(self, day: int) -> Columns:
        nearest = max((known for known in self._checkpoints if known <= day), default=self._first_day)
        columns = self._checkpoints.get(nearest) or self._earlier(self._first_day)
        for settled_day in range(nearest, day):
            if settled_day % 7 == 0 and settled_day > nearest:  # a near start for windows in the past
                self._checkpoints[settled_day] = _packed(columns)
            columns = _added(columns, self._cohort(settled_day, _COMPLETE))
        return _packed(columns)

    def _earlier(self, day: float) -> Columns:
        """Return the counts by a moment before the history, in days, as if all came evenly."""
        rows = []
        for mailbox in self._mailboxes:
            earlier = mailbox.earlier
            share = (day - earlier.since) / max(self._first_day - earlier.since, 1)
            rows.append([int(count * min(max(share, 0.0), 1.0)) for count in earlier.counts])
        return [array("q", column) for column in zip(*rows, strict=True)] or [array("q")] * len(KINDS)

    def _cohort(self, day: int, reached: Sequence[Reached]) -> Columns:
        """Return what has become of the mails of a day when each kind has come so far."""
        planned = _kept(self._plans, day, _KEPT_PLANS, lambda: plans.drawn(self._workspace, day))
        columns = [
            _come(plan, sum(weight * share for weight, share in parts), planned.phases)
            for plan, parts in zip(planned.columns, reached, strict=True)
        ]
        for disturbances, indices in self._disturbed(day).items():
            parts = stretches(day, disturbances, self._rhythm)
            has_spike = any(part.bounce_ratio is not None for part in parts)
            for index in indices:
                plan = [column[index] for column in planned.columns]
                lots = plans.bounce_lots(self._mailboxes[index], day, plan[SENT]) if has_spike else ()
                row = disturbed_row(plan, planned.phases[index], reached, parts, lots)
                for column, count in zip(columns, row, strict=True):
                    column[index] = count
        return columns

    def _disturbed(self, day: int) -> dict[tuple[Disturbance, ...], list[int]]:
        """Return the mailboxes that anything disturbed on a day, by what did."""
        by_mailbox: dict[int, tuple[Disturbance, ...]] = defaultdict(tuple)
        for disturbance in self._disturbances:
            if disturbance.period.touches(day):
                for index in disturbance.mailboxes:
                    by_mailbox[index] += (disturbance,)
        by_disturbances = defaultdict(list)
        for index, disturbances in by_mailbox.items():
            by_disturbances[disturbances].append(index)
        return by_disturbances


def difference(later: Columns, earlier: Columns) -> Columns:
    """Return what was added between two totals."""
    return [list(map(sub, *pair)) for pair in zip(later, earlier, strict=True)]


def _added(left: Columns, right: Columns) -> Columns:
    return [list(map(add, *pair)) for pair in zip(left, right, strict=True)]


def _packed(columns: Columns) -> Columns:
    """Return columns that are to be kept, at 8 bytes a count."""
    return [array("q", column) for column in columns]


def _kept(memory: OrderedDict[_Key, _Value], key: _Key, size: int, made: Callable[[], _Value]) -> _Value:
    """Return what is kept for a key, made when it is missing; the least recently used goes first."""
    if key not in memory:
        memory[key] = made()
        while len(memory) > size:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


def _come(plan: Sequence[int], share: float, phases: Sequence[float]) -> list[int]:
    """Return how many of each planned count have come. A phase below 1 keeps 0 at 0 and all at all."""
    if share <= 0:
        return [0] * len(plan)
    if share >= 1 - 1e-9:  # weights add up to 1 but for rounding
        return list(plan)
    return [int(count * share + phase) for count, phase in zip(plan, phases, strict=True)]
