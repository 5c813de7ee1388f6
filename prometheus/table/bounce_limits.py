"""What each bounce alert wants: windows, confidence, threshold, bounces.

The exporter judges spikes itself, for its page: their numbers are in its package.
"""

from dataclasses import dataclass

from exporter.fleet import limits
from exporter.fleet.limits import (
    FEWEST_DOMAINS,
    HIGHEST,
    PER_LOGARITHM,
    USUAL_DAY,
    Window,
)
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level

WORKING_HOURS = 8
"""Half of the busiest day is spread over so many hours, for windows that are shorter."""

MINIMUM = {MAILBOX: "minimum_bounces", DOMAIN: "domain_minimum_bounces", WORKSPACE: "domain_minimum_bounces"}
"""The configured fewest bounces, by level."""


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
    """It ends below this multiple of the quiet level; None: a day after its condition was last true.

    This one may be up to `HIGHEST` times the configured threshold."""
    happening: bool = True
    """Begins only with a bounce and a mail within 2 h, and with a bad day."""
    least: float = 1
    most: float = HIGHEST
    """Its thresholds follow the quiet level between these multiples of the configured one."""


WORKSPACE_SPIKE = BounceLimit(
    alert="SendKitWorkspaceBounceSpike",
    level=WORKSPACE,
    threshold=limits.WORKSPACE_SPIKE.threshold,
    state="bounce_spike",
    windows=limits.WORKSPACE_SPIKE.windows,
    ends=limits.WORKSPACE_SPIKE.ends,
)
DOMAIN_SPIKE = BounceLimit(
    alert="SendKitDomainBounceSpike",
    level=DOMAIN,
    threshold=limits.DOMAIN_SPIKE.threshold,
    state="bounce_spike",
    windows=limits.DOMAIN_SPIKE.windows,
    ends=limits.DOMAIN_SPIKE.ends,
)
MAILBOX_SPIKE = BounceLimit(
    alert="SendKitMailboxBounceSpike",
    level=MAILBOX,
    threshold=limits.MAILBOX_SPIKE.threshold,
    state="bounce_spike",
    windows=limits.MAILBOX_SPIKE.windows,
    ends=limits.MAILBOX_SPIKE.ends,
)
BOUNCING = BounceLimit(
    alert="SendKitMailboxBouncing",
    level=MAILBOX,
    threshold=limits.BOUNCING.threshold,
    state="bouncing",
    windows=limits.BOUNCING.windows,
    ends=limits.BOUNCING.ends,
)
WORKSPACE_LEVEL = BounceLimit(
    alert="SendKitWorkspaceBounceLevel",
    level=WORKSPACE,
    threshold="workspace_bounce_ratio_critical",
    state="bounce_level",
    windows=(Window("1d", "99.9", 1.3), Window("7d", "99.9", 1.3)),
    ends=1,
    happening=False,
    least=0.5,
    most=1,
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
__all__ = ["FEWEST_DOMAINS", "HIGHEST", "PER_LOGARITHM", "USUAL_DAY", "Window"]
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
