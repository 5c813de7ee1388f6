"""Kinds of fleets: at which providers their mailboxes are, and how such mailboxes are run."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """Where mailboxes are, as `GET /v1/mailboxes` names it, and how operators run them there.

    `domain_sizes` are the fewest and the most mailboxes of a domain, `daily_limits` those of its mailboxes,
    `fullness` the least and the largest share of its limit that a mailbox sends on a working day.
    """

    name: str
    connection_type: str
    domain_sizes: tuple[int, int]
    daily_limits: tuple[int, ...]
    fullness: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of fleet: each provider's share of its mailboxes, the first one's domain first.

    `bounce_ratio` is the mean of its domains, `parked` the share of old mailboxes whose sending their
    operator has switched off, `young` the share of domains that are in their first weeks of warm-up,
    `list_spread` how uneven their lists are (`lists`), and `late_bounces` the share of bounces that come
    after hours.
    """

    providers: Mapping[Provider, float]
    bounce_ratio: float = 0.027
    parked: float = 0.21
    young: float = 0.1
    list_spread: float = 0.3
    late_bounces: float = 0.18


GMAIL = Provider("gmail", "oauth", (2, 3), (10, 12, 15, 15, 15), (0.7, 1.0))
OUTLOOK = Provider("outlook", "oauth", (2, 3), (10, 12, 15, 15, 15), (0.7, 1.0))
AZURE = Provider("azure", "smtp", (50, 50), (1, 2, 2), (0.7, 1.0))
CUSTOM = Provider("custom", "smtp", (8, 12), (30, 35, 40, 45, 50), (0.6, 0.85))

PROFILES: Mapping[str, Profile] = {
    "mixed": Profile({CUSTOM: 0.25, GMAIL: 0.35, AZURE: 0.25, OUTLOOK: 0.15}),
    "google": Profile({GMAIL: 1.0}),
    "azure": Profile({AZURE: 1.0}),
    # Servers of one's own with good lists: the volume and the quiet that some tests need.
    "own_servers": Profile(
        {CUSTOM: 1.0}, bounce_ratio=0.012, parked=0.0, young=0.0, list_spread=0.0, late_bounces=0.0
    ),
}
