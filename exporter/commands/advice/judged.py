"""How often each threshold would have called, at other values too, and which value fits."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from exporter.commands.advice.days import Bounces, Day, Subject
from exporter.fleet.limits import BOUNCING, SPIKES, Level, Limit
from exporter.wilson import lower_bound

MULTIPLES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
MONTH_DAYS = 30
SEVERAL_REPLIES_OF = 500
WEEK = 7
LEAST_LANDED = 30


@dataclass(frozen=True, slots=True)
class Advice:
    """What a threshold would have called for.

    `incidents` holds how many subjects began to be above each value, the lowest value first; `fits` is the
    lowest value from the configured one on that calls at most once a workspace and month.
    """

    threshold: str
    configured: float
    incidents: Mapping[float, int]
    fits: float | None

    @property
    def now(self) -> int:
        """Return the incidents at the configured value."""
        return self.incidents[self.configured]


def advise(thresholds: Mapping[str, float], days: Sequence[Day]) -> Iterator[Advice]:
    """Yield the advice for each threshold that these days can say something of."""
    workspaces = len({subject for day in days for subject in day.bounces[Level.WORKSPACE]})
    most = max(1.0, workspaces * len(days) / MONTH_DAYS)
    for name, above in _judges(thresholds).items():
        if name not in thresholds or not days:
            continue
        configured = thresholds[name]
        values = sorted({_rounded(configured * multiple, name) for multiple in MULTIPLES} | {configured})
        incidents = {
            value: _began([above(days, index, value) for index in range(len(days))]) for value in values
        }
        fits = next((value for value in values if value >= configured and incidents[value] <= most), None)
        yield Advice(name, configured, incidents, fits)


def _rounded(value: float, name: str) -> float:
    if name.endswith("minimum_bounces"):
        return max(1.0, round(value))
    return round(min(value, 1.0), 4)


def _began(days: Sequence[AbstractSet[Subject]]) -> int:
    """Return how often a subject was above on a day and not on the one before."""
    before: AbstractSet[Subject] = frozenset()
    began = 0
    for above in days:
        began += len(above - before)
        before = above
    return began


Above = Callable[[Sequence[Day], int, float], AbstractSet[Subject]]
"""Which subjects were above a value on the day of an index."""


def _judges(thresholds: Mapping[str, float]) -> Mapping[str, Above]:
    limits = {limit.threshold: limit for limit in (*SPIKES, BOUNCING)}
    judges: dict[str, Above] = {name: _ratio(limit, thresholds) for name, limit in limits.items()}
    for name in ("minimum_bounces", "domain_minimum_bounces"):
        judges[name] = _minimum([limit for limit in limits.values() if limit.minimum == name], thresholds)
    judges["daily_limit_usage"] = lambda days, index, value: _over(days[index].usage, value)
    for name in ("unhealthy_mailboxes_warning", "unhealthy_mailboxes_critical"):
        judges[name] = lambda days, index, value: _over(days[index].unhealthy, value, equal=True)
    judges["reply_ratio_drop"] = _replies_fell
    judges["spam_ratio_warning"] = lambda days, index, value: {
        subject
        for subject, (spam, landed) in days[index].spam.items()
        if landed >= LEAST_LANDED and (lower_bound(spam, landed) or 0) > value
    }
    return judges


def _ratio(limit: Limit, thresholds: Mapping[str, float]) -> Above:
    least = thresholds.get(limit.minimum, 1.0)
    return lambda days, index, value: _bouncing(limit, days[index], value, least)


def _minimum(limits: Sequence[Limit], thresholds: Mapping[str, float]) -> Above:
    def above(days: Sequence[Day], index: int, value: float) -> AbstractSet[Subject]:
        return {
            subject
            for limit in limits
            if limit.threshold in thresholds
            for subject in _bouncing(limit, days[index], thresholds[limit.threshold], value)
        }

    return above


def _bouncing(limit: Limit, day: Day, value: float, least: float) -> AbstractSet[Subject]:
    """Return what bounced surely more than a ratio in a day, with so many bounces at least."""
    [window] = [window for window in limit.windows if window.span == "1d"]
    found = day.bounces[limit.level]
    subjects: dict[str, int] = defaultdict(int)
    for workspace, _, _ in found:
        subjects[workspace] += 1
    return {
        subject
        for subject, (bounced, sent) in found.items()
        if bounced >= least + window.more_bounces
        and bounced > value * sent
        and (lower_bound(bounced, sent, window.z(subjects[subject[0]])) or 0) > value
    }


def _over(values: Mapping[Subject, float], value: float, *, equal: bool = False) -> AbstractSet[Subject]:
    return {subject for subject, found in values.items() if found > value or (equal and found == value)}


def _replies_fell(days: Sequence[Day], index: int, value: float) -> AbstractSet[Subject]:
    """Return the workspaces whose reply ratio of a week fell by a share against the week before."""
    if index < 2 * WEEK - 1:
        return frozenset()
    now, before = (_summed(days[index + 1 - (ago + 1) * WEEK : index + 1 - ago * WEEK]) for ago in (0, 1))
    fell = set()
    for subject, (replies, sends) in now.items():
        replies_before, sends_before = before.get(subject, (0.0, 0.0))
        if min(sends, sends_before) < SEVERAL_REPLIES_OF or not replies_before:
            continue
        if replies / sends <= (1 - value) * replies_before / sends_before:
            fell.add(subject)
    return fell


def _summed(days: Sequence[Day]) -> Bounces:
    sums: dict[Subject, tuple[float, float]] = {}
    for day in days:
        for subject, (replies, sends) in day.replies.items():
            before = sums.get(subject, (0.0, 0.0))
            sums[subject] = before[0] + replies, before[1] + sends
    return sums
