"""Who is in the simulated world: workspaces, their domains and their mailboxes.

Days are counted from 1970-01-01 in UTC.
"""

import json
from dataclasses import dataclass
from hashlib import blake2b

from exporter.simulator.profiles import Provider
from exporter.simulator.rhythm import KINDS

CAMPAIGNS_START_ON_DAY = 14
CAMPAIGNS_RAMP_DAYS = 14
NOTHING = (0,) * len(KINDS)


@dataclass(frozen=True, slots=True)
class Habits:
    """What becomes of the mails of a domain, as ratios 0-1 on coarse grids so that draws share tables."""

    bounce: float
    open: float
    click_of_opens: float
    reply: float
    positive_of_replies: float


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """What the mailboxes of a domain share; `list_lane` is the series of lists that they send to."""

    name: str
    provider: Provider
    habits: Habits
    created_on: int
    list_lane: int
    tags: tuple[str, ...]

    def readiness(self, day: int) -> float:
        """Return how much of its limit a mailbox may use on a day, 0-1: little while it is young."""
        campaign_day = day - self.created_on - CAMPAIGNS_START_ON_DAY
        return min(max(campaign_day / CAMPAIGNS_RAMP_DAYS, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Warmup:
    """The warm-up of a mailbox. `daily_volume` is where its ramp ends; ratios are of warm-up mails."""

    status: str
    is_enabled: bool
    daily_volume: int
    spam_ratio: float
    reply_ratio: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was there before the history begins: counts of each of KINDS, sent evenly since a day."""

    since: int = 0
    counts: tuple[int, ...] = NOTHING
    received: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox and everything about it that no day changes.

    It sends nothing from `stopped_on` on, and its operator has switched its sending off from `parked_on` on.
    """

    id: str
    key: bytes
    email: str
    display_name: str
    domain: Domain
    status: str
    stopped_on: float
    parked_on: float
    daily_send_limit: int
    warmup: Warmup
    earlier: Earlier

    def sends_on(self, day: int) -> bool:
        """Tell whether it is neither stopped nor parked on a day."""
        return day < self.stopped_on and day < self.parked_on


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace with its key, the hour (UTC) at which its sending day opens, and its mailboxes."""

    id: str
    name: str
    key: str
    owner_id: str
    member_count: int
    created_at: str
    opening_hour: int
    list_lanes: int
    list_spread: float
    late_bounces: float
    mailboxes: tuple[Mailbox, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the mailboxes, in their order."""
        return tuple(dict.fromkeys(mailbox.domain.name for mailbox in self.mailboxes))

    def described(self) -> dict[str, str | int]:
        """Return the workspace as `GET /v1/workspaces` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "ownerId": self.owner_id,
            "memberCount": self.member_count,
            "createdAt": self.created_at,
        }


def token(*parts: object, digits: int) -> str:
    """Return `digits` hexadecimal digits that depend on the parts alone."""
    return blake2b(json.dumps(parts).encode(), digest_size=digits // 2).hexdigest()
