"""When bounces are too many: windows, confidence, thresholds. The one place of these numbers."""

import math
from dataclasses import dataclass
from enum import StrEnum

from exporter.wilson import QUANTILES

PER_LOGARITHM = 1.88
"""How much Z² grows with the logarithm of the subjects of a workspace, so that they share one confidence."""
EARLIER = 0.95
"""The part of the rules' Z that the page wants: it is critical no later than an alert is pending."""
HIGHEST = 5
"""A threshold that follows the usual level is at most so many times the configured one."""
FAR_TOO_MUCH = 2
"""A domain that surely bounces so many times its threshold is no part of what is usual."""
FEWEST_DOMAINS = 10
"""In a workspace of fewer domains a bad one is too large a part of a week to be held against it."""
FEWEST_EARLIER = 500
"""So many mails before a workspace was watched show what it usually bounces."""
USUAL_DAY = 0.75
"""Of the busiest day: so many sends show that a subject is well again."""


class Level(StrEnum):
    """What is judged; the widest first."""

    WORKSPACE = "workspace"
    DOMAIN = "domain"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class Window:
    """Bounces of sends over a time, held against a threshold.

    `multiple` is of the workspace's usual level, if that is higher than the configured threshold, 0 for
    never; `more_bounces` are wanted beyond the configured minimum.
    """

    span: str
    confidence: str
    multiple: float = 0
    more_bounces: int = 0

    def z(self, subjects: int) -> float:
        """Return the quantile that so many subjects of a workspace share."""
        return math.sqrt(QUANTILES[self.confidence] ** 2 + PER_LOGARITHM * math.log(max(1, subjects)))


@dataclass(frozen=True, slots=True)
class Limit:
    """When a subject bounces too much, by windows of which one is enough; below `ends` it is well again."""

    level: Level
    threshold: str
    minimum: str
    windows: tuple[Window, ...]
    ends: float

    def held_against(self, configured: float, usual: float, multiple: float) -> float:
        """Return the threshold: the configured one, or the multiple of the usual level if that is higher."""
        return max(configured, min(multiple * usual, HIGHEST * configured))


WORKSPACE_SPIKE = Limit(
    Level.WORKSPACE,
    "workspace_bounce_ratio_critical",
    "domain_minimum_bounces",
    (Window("1h", "99.99", 2, 1), Window("1d", "99.99", 2)),
    1.5,
)
DOMAIN_SPIKE = Limit(
    Level.DOMAIN,
    "domain_bounce_ratio_critical",
    "domain_minimum_bounces",
    (Window("1h", "99.9", 2, 1), Window("1d", "99.99", 4), Window("7d", "99.9", 3.5)),
    2,
)
MAILBOX_SPIKE = Limit(
    Level.MAILBOX, "mailbox_bounce_ratio_critical", "minimum_bounces", (Window("1d", "99.99", 5, 2),), 2
)
BOUNCING = Limit(
    Level.MAILBOX, "mailbox_bounce_ratio_warning", "minimum_bounces", (Window("1d", "99.9", 4),), 2
)
"""What is a warning."""
SPIKES = (WORKSPACE_SPIKE, DOMAIN_SPIKE, MAILBOX_SPIKE)
"""What is critical."""
