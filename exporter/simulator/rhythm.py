"""When in the hours after midnight things happen: what share of a day's mails was sent, opened, answered.

The mails that leave a mailbox on one day are a *cohort*. A curve says, for one kind of event, what share of
the cohort's events has happened by an age, counted in seconds from the cohort's midnight. Every curve rises
from 0 to exactly 1, and no curve runs ahead of the one it lags behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp

DAY_SECONDS = 86_400
LIVE_DAYS = 4  # after so many days nothing more happens to a cohort

# The kinds of events, in the order of every row and column of counts.
KINDS = ("sent", "opened", "clicked", "bounced", "replied", "positiveReplied")
SENT, OPENED, CLICKED, BOUNCED, REPLIED, POSITIVE_REPLIED = range(len(KINDS))

_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
_STEP_SECONDS = 300
_STEPS = LIVE_DAYS * DAY_SECONDS // _STEP_SECONDS

# How busy each hour of the sending day is, from its opening hour on.
_CAMPAIGN_HOURS = (0.6, 1.2, 1.3, 1.1, 0.7, 0.9, 1.1, 1.0, 0.8, 0.5)
_WARMUP_HOURS = (1.0,) * 14


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of a cohort's events that has happened, by age."""

    points: tuple[float, ...]

    def at(self, age_seconds: float) -> float:
        """Return the share, 0-1, at an age; ages before and after the cohort's life are fine."""
        if age_seconds <= 0:
            return 0.0
        if age_seconds >= LIVE_DAYS * DAY_SECONDS:
            return 1.0
        step, rest = divmod(age_seconds / _STEP_SECONDS, 1)
        low, high = self.points[int(step) : int(step) + 2]
        return low + (high - low) * rest

    def lagged(self, mean_seconds: float) -> "Curve":
        """Return the curve of events that follow this one's after an exponential lag."""
        keep = exp(-_STEP_SECONDS / mean_seconds)
        late = list(accumulate(self.points, lambda reached, point: keep * reached + (1 - keep) * point))
        return Curve(tuple(map(min, self.points, (share / late[-1] for share in late))))


_EARLY_BOUNCE_LAG_SECONDS = 8 * _MINUTE_SECONDS
_LATE_BOUNCE_LAGS = ((0.72, 3 * _HOUR_SECONDS), (0.28, 15 * _HOUR_SECONDS))
"""Of late bounces, so many come after a mean lag."""

Reached = tuple[tuple[float, float], ...]
"""How far the events of one kind have come: for parts of them, their weight and the share of the mails."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When, on the sending day of a workspace, mails leave, and when what follows them happens.

    `parts` holds for each of KINDS the curves that its events follow, each with its weight.
    """

    parts: tuple[tuple[tuple[float, Curve], ...], ...]
    warmup_sent: Curve

    def sent(self, age_seconds: float) -> float:
        """Return the share of a day's mails that has been sent at an age."""
        return self.parts[SENT][0][1].at(age_seconds)

    def reached(self, age_seconds: float, below: float = 1.0) -> tuple[Reached, ...]:
        """Return for each of KINDS how far it has come at an age, among the first share of the mails."""
        return tuple(
            tuple((weight, min(curve.at(age_seconds), below)) for weight, curve in parts)
            for parts in self.parts
        )


@lru_cache
def rhythm(opening_hour: int, late_bounces: float) -> Rhythm:
    """Return the rhythm of a sending day that opens at an hour (UTC).

    Of the bounces, a share (0-1) comes late, within hours or a day; the others come within minutes.
    """
    sent = _working_day(opening_hour, _CAMPAIGN_HOURS)
    opened = sent.lagged(3 * _HOUR_SECONDS)
    replied = sent.lagged(4 * _HOUR_SECONDS).lagged(10 * _HOUR_SECONDS)
    alone = (sent, opened, opened.lagged(30 * _MINUTE_SECONDS), replied, replied.lagged(10 * _MINUTE_SECONDS))
    parts: list[tuple[tuple[float, Curve], ...]] = [((1.0, curve),) for curve in alone]
    bounced = [(1 - late_bounces, sent.lagged(_EARLY_BOUNCE_LAG_SECONDS))]
    if late_bounces:
        bounced += [(late_bounces * share, sent.lagged(seconds)) for share, seconds in _LATE_BOUNCE_LAGS]
    parts.insert(BOUNCED, tuple(bounced))
    return Rhythm(tuple(parts), _working_day(opening_hour, _WARMUP_HOURS))


def _working_day(opening_hour: int, weights: Sequence[float]) -> Curve:
    """Return the curve of mails sent over the hours from the opening one, busy as the weights say."""
    opens_seconds = opening_hour * _HOUR_SECONDS
    reached = (0.0, *accumulate(weights))
    shares = []
    for step in range(_STEPS + 1):
        hours = min(max((step * _STEP_SECONDS - opens_seconds) / _HOUR_SECONDS, 0.0), len(weights))
        whole = min(int(hours), len(weights) - 1)
        shares.append((reached[whole] + (hours - whole) * weights[whole]) / reached[-1])
    return Curve((*(min(share, 1.0) for share in shares[:-1]), 1.0))
