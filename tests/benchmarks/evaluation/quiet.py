"""The quiet level of a workspace, which thresholds follow: of a week of its own, and of what was before."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.clock import DAY, WEEK
from evaluation.mails import Numbers
from evaluation.rises import Levels, rise
from evaluation.shipped import CONFIGURED
from exporter.fleet.limits import DOMAIN_SPIKE, FAR_TOO_MUCH, FEWEST_DOMAINS, FEWEST_EARLIER
from exporter.wilson import QUANTILES, lower_bound
from prometheus.table.bounces import BOUND_CONFIDENCE

Kind = TypeVar("Kind", np.float64, np.bool_)
Z = QUANTILES[BOUND_CONFIDENCE]


class Earlier(NamedTuple):
    """What the API counted of a workspace before the exporter watched it."""

    sent: int
    bounced: int


NOTHING = Earlier(0, 0)


def bounds(bounced: Numbers, sent: Numbers) -> tuple[Numbers, Numbers]:
    """Return the lower and the upper Wilson bound; of no sends they mean nothing."""
    sends = np.maximum(sent, 1)
    p, u = np.minimum(bounced / sends, 1), Z**2 / sends
    middle, spread = p + u / 2, np.sqrt(u * (p * (1 - p) + u / 4))
    return np.maximum(0, (middle - spread) / (1 + u)), (middle + spread) / (1 + u)


def ago(values: NDArray[Kind], steps: int) -> NDArray[Kind]:
    """Return what the values were so many steps ago, and nothing before there were any."""
    return np.concatenate([np.zeros(steps, values.dtype), values[:-steps]])[: len(values)]


def usual_week(counted: Levels) -> tuple[Numbers, Numbers]:
    """Return what a workspace sent and bounced in a week, without the domains that bounced far too much.

    If all of them do, with all of them.
    """
    sent, bounced = (rise(of, WEEK).astype(float) for of in (counted.domain.sent, counted.domain.bounced))
    usual = bounds(bounced, sent)[0] <= FAR_TOO_MUCH * CONFIGURED[DOMAIN_SPIKE.threshold]
    usual |= ~(usual & (sent > 0)).any(axis=0)
    return (sent * usual).sum(axis=0), (bounced * usual).sum(axis=0)


def quiet_level(counted: Levels, earlier: Earlier = NOTHING) -> Numbers:
    """Return the quiet level at each step; 0 where there is none, so that the configured threshold counts."""
    sent, bounced = usual_week(counted)
    week, known = bounds(bounced, sent)[0], (sent > 0) & (counted.domain.subjects >= FEWEST_DOMAINS)
    level = np.where(ago(known, DAY), ago(week, DAY), 0)
    if earlier.sent < FEWEST_EARLIER:
        return level
    before = lower_bound(earlier.bounced, earlier.sent, Z) or 0
    watched = counted.workspace.sent[0].astype(float)
    since = np.where(watched > 0, bounds(counted.workspace.bounced[0].astype(float), watched)[1], 1)
    whole = ago(known, DAY) & ago(known, 8 * DAY)
    return np.where(whole, level, np.maximum(level, np.minimum(before, since)))
