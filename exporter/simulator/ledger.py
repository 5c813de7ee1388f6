"""What happened in a workspace: counts of every kind of event by mailbox, at any instant.

Each mailbox-day has a plan that depends on the mailbox and the day alone: how many mails of the day's cohort
are sent, opened, answered in the end. The curves of `rhythm` say what share of a plan has come true by an
instant, so any instant can be asked for, in any order, and the past never changes. Instants are Unix seconds
of simulated time, days are counted from 1970-01-01 in UTC, and counts stand in columns: one list for each of
KINDS, with one entry for each mailbox in the workspace's order.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b, shake_128
from itertools import accumulate, pairwise, takewhile
from math import ceil, comb, inf
from operator import add, sub
from struct import Struct
from typing import TypeVar

from exporter.simulator.fleet import (
    CAMPAIGNS_START_ON_WARMUP_DAY,
    WARMUP_RAMP_DAYS,
    Mailbox,
    Workspace,
)
from exporter.simulator.rhythm import (
    BOUNCED,
    DAY_SECONDS,
    KINDS,
    LIVE_DAYS,
    SENT,
    WARMUP_RECEIVED,
    WARMUP_SENT,
    curves,
)

Columns = Sequence[Sequence[int]]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_UNIT = 65_536  # lots are drawn as 16-bit integers
_LOTS = Struct("<8H")
_ALL_HAPPENED = (1.0,) * len(KINDS)
_KEPT_PLANS = 12
_KEPT_CHECKPOINTS = 8
_KEPT_MIDNIGHTS = 4


@dataclass(slots=True)
class Period:
    """A stretch of simulated time, from its start up to but without its end, in Unix seconds."""

    start: float
    end: float = inf

    def covers(self, instant: float) -> bool:
        """Tell whether an instant lies within."""
        return self.start <= instant < self.end

    def stop(self, now: float) -> None:
        """Let it end now; what has not begun by then never comes."""
        if now < self.start:
            self.start = self.end = inf
        else:
            self.end = min(self.end, now)


@dataclass(frozen=True, slots=True, eq=False)
class Disturbance:
    """Something that keeps mailboxes from their plans for a while: they stop, or bounce at a ratio."""

    period: Period
    mailboxes: frozenset[int]
    stops_campaigns: bool = False
    stops_warmup: bool = False
    bounce_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a cohort, from one share of its mails to another, that fares in one way."""

    low: float
    high: float
    is_sent: bool
    bounce_ratio: float | None

    def reached(self, share: float) -> float:
        """Return how much of the stretch lies below a share of the cohort."""
        return max(min(share, self.high) - self.low, 0.0)


@dataclass(frozen=True, slots=True)
class _Plans:
    """The plans of all mailboxes for one day, and a phase (0-1) for each, which spreads their events."""

    columns: Columns
    phases: Sequence[float]


class Ledger:
    """The counts of one workspace since the history began on `first_day`."""

    def __init__(self, workspace: Workspace, first_day: int) -> None:
        self._mailboxes = workspace.mailboxes
        self._first_day = first_day
        self._curves = curves(workspace.opening_hour)
        self._disturbances: list[Disturbance] = []
        self._plans: OrderedDict[int, _Plans] = OrderedDict()
        self._checkpoints: OrderedDict[int, Columns] = OrderedDict({first_day: self._zeros()})
        self._midnights: OrderedDict[float, Columns] = OrderedDict()
        self._latest: OrderedDict[float, Columns] = OrderedDict()

    def disturb(self, disturbance: Disturbance) -> None:
        """Let a disturbance shape what happens from its start on; that must not lie in the past."""
        self._disturbances.append(disturbance)

    def totals(self, instant: float) -> Columns:
        """Return the counts from the beginning of the history up to an instant, which has come already."""
        if instant % DAY_SECONDS:
            return _kept(self._latest, instant, 1, self._totals)
        return _kept(
            self._midnights, instant, _KEPT_MIDNIGHTS, lambda midnight: _packed(self._totals(midnight))
        )

    def sent_on_day_of(self, instant: float) -> list[int]:
        """Return the mails, of warm-up too, that each mailbox sent from midnight to an instant."""
        day = int(instant // DAY_SECONDS)
        if day < self._first_day:
            return [0] * len(self._mailboxes)
        cohort = self._cohort(day, self._shares(instant - day * DAY_SECONDS))
        return list(map(add, cohort[SENT], cohort[WARMUP_SENT]))

    def _totals(self, instant: float) -> Columns:
        day = int(instant // DAY_SECONDS)
        columns = self._settled(day - LIVE_DAYS + 1)
        for live_day in range(max(day - LIVE_DAYS + 1, self._first_day), day + 1):
            columns = _added(columns, self._cohort(live_day, self._shares(instant - live_day * DAY_SECONDS)))
        return columns

    def _settled(self, day: int) -> Columns:
        """Return the sums over the cohorts before a day, to which nothing more happens."""
        if day <= self._first_day:
            return self._zeros()
        return _kept(self._checkpoints, day, _KEPT_CHECKPOINTS, self._settle)

    def _settle(self, day: int) -> Columns:
        nearest = max((known for known in self._checkpoints if known <= day), default=self._first_day)
        columns = self._checkpoints.get(nearest, self._zeros())
        for settled_day in range(nearest, day):
            if settled_day % 7 == 0 and settled_day > nearest:  # a near start for windows in the past
                self._checkpoints[settled_day] = _packed(columns)
            columns = _added(columns, self._cohort(settled_day, _ALL_HAPPENED))
        return _packed(columns)

    def _zeros(self) -> Columns:
        return (array("q", bytes(8 * len(self._mailboxes))),) * len(KINDS)

    def _shares(self, age_seconds: float) -> tuple[float, ...]:
        return tuple(curve.at(age_seconds) for curve in self._curves)

    def _cohort(self, day: int, shares: Sequence[float]) -> list[list[int]]:
        """Return what has happened to the mails of a day when these shares of each kind have come."""
        plans = _kept(self._plans, day, _KEPT_PLANS, self._drawn)
        columns = [
            _reached(plan, share, plans.phases) for plan, share in zip(plans.columns, shares, strict=True)
        ]
        for disturbances, indices in self._disturbed(day).items():
            campaign = self._stretches(day, disturbances, SENT)
            warmup = self._stretches(day, disturbances, WARMUP_SENT)
            has_spike = any(part.bounce_ratio is not None for part in campaign)
            for index in indices:
                plan = [column[index] for column in plans.columns]
                lots = _bounce_lots(self._mailboxes[index], day, plan[SENT]) if has_spike else ()
                row = _disturbed_row(plan, plans.phases[index], shares, campaign, warmup, lots)
                for column, count in zip(columns, row, strict=True):
                    column[index] = count
        return columns

    def _disturbed(self, day: int) -> dict[tuple[Disturbance, ...], list[int]]:
        """Return the mailboxes that anything disturbed on a day, by what did."""
        midnight = day * DAY_SECONDS
        by_mailbox: dict[int, tuple[Disturbance, ...]] = defaultdict(tuple)
        for disturbance in self._disturbances:
            if disturbance.period.start < midnight + DAY_SECONDS and disturbance.period.end > midnight:
                for index in disturbance.mailboxes:
                    by_mailbox[index] += (disturbance,)
        by_disturbances = defaultdict(list)
        for index, disturbances in by_mailbox.items():
            by_disturbances[disturbances].append(index)
        return by_disturbances

    def _stretches(self, day: int, disturbances: Iterable[Disturbance], kind: int) -> list[_Stretch]:
        """Cut a day's cohort where a disturbance begins or ends."""
        curve, midnight = self._curves[kind], day * DAY_SECONDS
        spans = [
            (curve.at(found.period.start - midnight), curve.at(found.period.end - midnight), found)
            for found in disturbances
        ]
        cuts = sorted({0.0, 1.0, *(low for low, _, _ in spans), *(high for _, high, _ in spans)})
        stretches = []
        for low, high in pairwise(cuts):
            within = [found for begin, end, found in spans if begin <= low and high <= end]
            is_stopped = any(
                found.stops_campaigns if kind == SENT else found.stops_warmup for found in within
            )
            ratios = [found.bounce_ratio for found in within if found.bounce_ratio is not None]
            stretches.append(_Stretch(low, high, not is_stopped, ratios[-1] if ratios else None))
        return stretches

    def _drawn(self, day: int) -> _Plans:
        """Draw the plans of all mailboxes for a day."""
        is_weekend = (day + 3) % 7 >= 5  # day 0 was a Thursday
        rows = [_plan(mailbox, day, is_weekend=is_weekend) for mailbox in self._mailboxes]
        columns = tuple(array("H", column) for column in zip(*(plan for plan, _ in rows), strict=True))
        return _Plans(columns or (array("H"),) * len(KINDS), array("d", [phase for _, phase in rows]))


def difference(later: Columns, earlier: Columns) -> Columns:
    """Return what was added between two totals."""
    return [list(map(sub, *pair)) for pair in zip(later, earlier, strict=True)]


def _added(left: Columns, right: Columns) -> Columns:
    return [list(map(add, *pair)) for pair in zip(left, right, strict=True)]


def _packed(columns: Columns) -> Columns:
    """Return columns that are to be kept, at 8 bytes a count."""
    return [array("q", column) for column in columns]


def _kept(memory: OrderedDict[_Key, _Value], key: _Key, size: int, made: Callable[[_Key], _Value]) -> _Value:
    """Return what is kept for a key, made when it is missing; the least recently used goes first."""
    if key not in memory:
        memory[key] = made(key)
        while len(memory) > size:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


def _reached(plan: Sequence[int], share: float, phases: Sequence[float]) -> list[int]:
    """Return how many of each planned count have come. A phase below 1 keeps 0 at 0 and all at all."""
    if share == 0:
        return [0] * len(plan)
    if share == 1:
        return list(plan)
    return [int(count * share + phase) for count, phase in zip(plan, phases, strict=True)]


def _disturbed_row(
    plan: Sequence[int],
    phase: float,
    shares: Sequence[float],
    campaign: Sequence[_Stretch],
    warmup: Sequence[_Stretch],
    lots: Sequence[float],
) -> list[int]:
    """Return the counts of one mailbox-day whose cohort is cut into stretches."""

    def sent_below(share: float) -> int:
        return int(plan[SENT] * sum(part.reached(share) for part in campaign if part.is_sent) + phase)

    row = []
    for kind, (count, share) in enumerate(zip(plan, shares, strict=True)):
        if kind in (WARMUP_SENT, WARMUP_RECEIVED):
            done = sum(part.reached(share) for part in warmup if part.is_sent)
        elif kind == BOUNCED:
            done = sum(part.reached(share) for part in campaign if part.is_sent and part.bounce_ratio is None)
        elif kind == SENT:
            done = sum(part.reached(share) for part in campaign if part.is_sent)
        else:  # a mail that bounced is neither opened nor answered
            done = sum(
                part.reached(share) * (1 - (part.bounce_ratio or 0)) for part in campaign if part.is_sent
            )
        row.append(int(count * done + phase))
    for part in campaign:
        if part.is_sent and part.bounce_ratio is not None and shares[BOUNCED] > part.low:
            mails = range(sent_below(part.low), sent_below(min(shares[BOUNCED], part.high)))
            row[BOUNCED] += sum(lots[mail] < part.bounce_ratio for mail in mails)
    return row


def _bounce_lots(mailbox: Mailbox, day: int, mails: int) -> list[float]:
    """Return a lot, 0-1, for each mail of a day: in a spike it bounces when its lot is below the ratio."""
    drawn = shake_128(mailbox.key + day.to_bytes(4, "little", signed=True)).digest(2 * mails)
    return [int.from_bytes(drawn[place : place + 2], "little") / _UNIT for place in range(0, 2 * mails, 2)]


def _plan(mailbox: Mailbox, day: int, *, is_weekend: bool) -> tuple[tuple[int, ...], float]:
    """Draw what becomes of the mails of one mailbox-day in the end, and its phase."""
    drawn = blake2b(mailbox.key + day.to_bytes(4, "little", signed=True), digest_size=_LOTS.size).digest()
    volume, bounce, opening, click, reply, positive, warmup, phase = _LOTS.unpack(drawn)
    if mailbox.stopped_on is not None and day >= mailbox.stopped_on:
        return (0,) * len(KINDS), 0.0
    habits = mailbox.habits
    warmup_sent = _warmup_volume(mailbox, day, warmup)
    fullness = 0.06 * volume / _UNIT if is_weekend else 0.6 + 0.25 * volume / _UNIT
    sent = round((mailbox.daily_send_limit - warmup_sent) * _readiness(mailbox, day) * fullness)
    bounced = _binomial(sent, habits.bounce, bounce)
    opened = _binomial(sent - bounced, habits.open, opening)
    clicked = _binomial(opened, habits.click_of_opens, click)
    replied = _binomial(sent - bounced, habits.reply, reply)
    positive_replied = _binomial(replied, habits.positive_of_replies, positive)
    warmup_received = warmup_sent * 3 // 4
    counts = (sent, opened, clicked, bounced, replied, positive_replied, warmup_sent, warmup_received)
    return counts, (phase + 0.5) / _UNIT


def _readiness(mailbox: Mailbox, day: int) -> float:
    """Return how much of its limit a mailbox may use on a day, 0-1: little while its warm-up ramps up."""
    if mailbox.warmup_began_on is None:
        return 1.0
    ramp_days = WARMUP_RAMP_DAYS - CAMPAIGNS_START_ON_WARMUP_DAY
    campaign_day = day - mailbox.warmup_began_on - CAMPAIGNS_START_ON_WARMUP_DAY
    return min(max(campaign_day / ramp_days, 0.0), 1.0)


def _warmup_volume(mailbox: Mailbox, day: int, lot: int) -> int:
    """Return how many warm-up mails a mailbox sends on a day: a ramp, then a little upkeep."""
    if not mailbox.warmup_enabled or (mailbox.warmup_began_on is not None and day < mailbox.warmup_began_on):
        return 0
    ramp_day = mailbox.warmup_day(day)
    if ramp_day is None:
        return 2 + 4 * lot // _UNIT
    peak = 2 + min(ramp_day, CAMPAIGNS_START_ON_WARMUP_DAY)
    return peak - peak * lot // (4 * _UNIT)


def _binomial(trials: int, probability: float, lot: int) -> int:
    """Return the successes of some trials for a lot, by inversion."""
    return bisect_right(_distribution(trials, probability), lot)


@cache
def _distribution(trials: int, probability: float) -> list[int]:
    """Return the lots from which on there are 1, 2, 3, ... successes, as far as a lot can reach."""
    weights = (
        comb(trials, successes) * probability**successes * (1 - probability) ** (trials - successes)
        for successes in range(trials)
    )
    bounds = (ceil(_UNIT * reached) for reached in accumulate(weights))
    return list(takewhile(lambda bound: bound < _UNIT, bounds))
