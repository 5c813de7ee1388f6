"""What each bounce alert wants: windows, confidence, threshold, bounces. The one place of these numbers."""

from dataclasses import dataclass

from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level

QUANTILES = {"99": 2.3263, "99.9": 3.0902, "99.99": 3.7190}
"""The one-sided quantiles of the normal distribution, by confidence in percent."""

PER_LOGARITHM = 1.88
"""How much Z² grows with the logarithm of the subjects of a workspace, so that they share one confidence."""

HIGHEST = 5
"""A threshold that follows the quiet level is at most so many times the configured one."""

FEWEST_DOMAINS = 10
"""In a workspace of fewer domains a bad one is too large a part of the quiet level to be held against it."""

USUAL_DAY = 0.75
"""Of the busiest day: so many sends show that a subject is well again."""

WORKING_HOURS = 8
"""Half of the busiest day is spread over so many hours, for windows that are shorter."""

MINIMUM = {MAILBOX: "minimum_bounces", DOMAIN: "domain_minimum_bounces", WORKSPACE: "domain_minimum_bounces"}
"""The configured fewest bounces, by level."""


@dataclass(frozen=True)
class Window:
    """Bounces of sends over a time, held against a threshold."""

    span: str
    confidence: str
    multiple: float = 0
    """Of the workspace's quiet level, if that is higher than the configured threshold; 0: never."""
    more_bounces: int = 0
    """More than the configured minimum."""


@dataclass(frozen=True, kw_only=True)
class BounceLimit:
    """When a bounce alert begins and when it ends."""

    alert: str
    level: Level
    threshold: str
    """The name of the configured threshold."""
    state: str
    """The recorded state is called `sendkit_<state>:bool`."""
    windows: tuple[Window, ...]
    ends: float | None
    """It ends below this multiple of the quiet level; None: a day after its condition was last true."""
    happening: bool = True
    """Begins only with a bounce and a mail within 2 h, and with a bad day."""


WORKSPACE_SPIKE = BounceLimit(
    alert="SendKitWorkspaceBounceSpike",
    level=WORKSPACE,
    threshold="workspace_bounce_ratio_critical",
    state="bounce_spike",
    windows=(Window("1h", "99.99", 2, 1), Window("1d", "99.99", 2)),
    ends=1.5,
)
DOMAIN_SPIKE = BounceLimit(
    alert="SendKitDomainBounceSpike",
    level=DOMAIN,
    threshold="domain_bounce_ratio_critical",
    state="bounce_spike",
    windows=(Window("1h", "99.9", 2, 1), Window("1d", "99.99", 4), Window("7d", "99.9", 3.5)),
    ends=2,
)
MAILBOX_SPIKE = BounceLimit(
    alert="SendKitMailboxBounceSpike",
    level=MAILBOX,
    threshold="mailbox_bounce_ratio_critical",
    state="bounce_spike",
    windows=(Window("1d", "99.99", 5, 2),),
    ends=2,
)
BOUNCING = BounceLimit(
    alert="SendKitMailboxBouncing",
    level=MAILBOX,
    threshold="mailbox_bounce_ratio_warning",
    state="bouncing",
    windows=(Window("1d", "99.9", 4),),
    ends=2,
)
WORKSPACE_LEVEL = BounceLimit(
    alert="SendKitWorkspaceBounceLevel",
    level=WORKSPACE,
    threshold="workspace_bounce_ratio_critical",
    state="bounce_level",
    windows=(Window("1d", "99.99"), Window("7d", "99.9")),
    ends=1,
    happening=False,
)
DOMAIN_SLOW_BURN = BounceLimit(
    alert="SendKitDomainBounceSlowBurn",
    level=DOMAIN,
    threshold="domain_bounce_ratio_critical",
    state="slow_burn",
    windows=(Window("14d", "99.9", 1.75),),
    ends=None,
    happening=False,
)
MAILBOX_SLOW_BURN = BounceLimit(
    alert="SendKitMailboxBounceSlowBurn",
    level=MAILBOX,
    threshold="mailbox_bounce_ratio_warning",
    state="slow_burn",
    windows=(Window("7d", "99.99", 2),),
    ends=None,
    happening=False,
)
LIMITS = (
    WORKSPACE_SPIKE,
    DOMAIN_SPIKE,
    WORKSPACE_LEVEL,
    DOMAIN_SLOW_BURN,
    MAILBOX_SPIKE,
    BOUNCING,
    MAILBOX_SLOW_BURN,
)


def limits_of(level: Level) -> tuple[BounceLimit, ...]:
    """Return the limits of a level."""
    return tuple(limit for limit in LIMITS if limit.level is level)


def bounds_of(level: Level) -> tuple[tuple[str, str], ...]:
    """Return each window and confidence of a level whose bound is recorded, once."""
    return tuple(
        dict.fromkeys(
            (window.span, window.confidence) for limit in limits_of(level) for window in limit.windows
        )
    )
