"""What the simulation reads of the shipped rules: the table that writes them, nothing restated."""

import re

from exporter.config.sections import Thresholds
from exporter.fleet.limits import Window
from prometheus.table import ALERTS
from prometheus.table.bounce_limits import LIMITS, MINIMUM, BounceLimit
from prometheus.table.rule import Alert

CONFIGURED: dict[str, float] = Thresholds().model_dump()
"""The thresholds as they are without a configuration."""
BOUNCE_ALERTS: dict[str, Alert] = {limit.alert: ALERTS[limit.alert] for limit in LIMITS}
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def minutes(duration: str | None) -> int:
    """Return a duration of the rules, such as `10m` or `7d`, in minutes; none is 0."""
    if duration is None:
        return 0
    parts = re.fullmatch(r"(\d+)([mhd])", duration)
    assert parts, duration
    return int(parts[1]) * MINUTES[parts[2]]


def configured(limit: BounceLimit) -> float:
    """Return the configured threshold of a bounce alert."""
    return CONFIGURED[limit.threshold]


def fewest(limit: BounceLimit, window: Window) -> int:
    """Return from how many bounces on a window of an alert counts."""
    return int(CONFIGURED[MINIMUM[limit.level]]) + window.more_bounces
