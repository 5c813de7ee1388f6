"""How sure a ratio is: the lower bound of the Wilson score interval.

1 bounce of 4 sends is 25 % and means little, 12 of 200 is 6 % and means much; the bound separates them. It
is the formula of the alert rules (`prometheus/rules/bounces.yml`).
"""

import math

QUANTILES = {"99": 2.3263, "99.9": 3.0902, "99.99": 3.7190}
"""The one-sided quantiles of the normal distribution, by confidence in percent."""


def lower_bound(events: float, trials: float, z: float = QUANTILES["99"]) -> float | None:
    """Return what the ratio `events / trials` (0-1) is at least; `None` without a trial.

    More events than trials, such as bounces that arrive after sending stopped, count as a ratio of 1.
    """
    bounds = _interval(events, trials, z)
    return None if bounds is None else max(0.0, bounds[0])


def upper_bound(events: float, trials: float, z: float = QUANTILES["99"]) -> float | None:
    """Return what the ratio `events / trials` (0-1) is at most; `None` without a trial."""
    bounds = _interval(events, trials, z)
    return None if bounds is None else bounds[1]


def _interval(events: float, trials: float, z: float) -> tuple[float, float] | None:
    if trials <= 0:
        return None
    ratio = min(events / trials, 1.0)
    doubt = z * z / trials
    spread = math.sqrt(doubt * (ratio * (1 - ratio) + doubt / 4))
    middle = ratio + doubt / 2
    return (middle - spread) / (1 + doubt), (middle + spread) / (1 + doubt)
