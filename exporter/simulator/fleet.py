"""Who is in the simulated world: workspaces, their domains and their mailboxes, drawn once from a seed."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

WARMUP_RAMP_DAYS = 28
CAMPAIGNS_START_ON_WARMUP_DAY = 14

_COMPANIES = (
    "acme",
    "globex outreach",
    "initech",
    "blue harbor",
    "north ridge",
    "paper crane",
    "quiet field",
    "red maple",
)
_DOMAIN_FORMS = ("{}-mail", "get{}", "try{}", "{}-hq", "with{}", "meet{}", "{}-team", "go{}")
_ROLES = ("Sales", "Partnerships", "Hello", "Growth", "Business", "Team", "Contact", "Success")
_TROUBLES = ("inactive", "suspended", "error")
_DAILY_LIMITS = (30, 35, 40, 45, 50)


@dataclass(frozen=True, slots=True)
class Habits:
    """How mails sent from one domain fare, as ratios 0-1 on coarse grids, so that draws can share tables."""

    bounce: float
    open: float
    click_of_opens: float
    reply: float
    positive_of_replies: float


@dataclass(frozen=True, slots=True)
class _Domain:
    name: str
    habits: Habits


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox and everything about it that no day changes. Days are counted from 1970-01-01 in UTC."""

    id: str
    key: bytes
    email: str
    display_name: str
    domain: str
    habits: Habits
    status: str
    stopped_on: int | None
    daily_send_limit: int
    warmup: str
    warmup_enabled: bool
    warmup_began_on: int | None
    earlier_sent: int
    earlier_received: int

    def warmup_day(self, day: int) -> int | None:
        """Return how many days the ramp has run by `day`, or None outside a ramp."""
        if self.warmup_began_on is None or not 0 <= day - self.warmup_began_on < WARMUP_RAMP_DAYS:
            return None
        return day - self.warmup_began_on

    def warmup_status(self, day: int) -> str:
        """Return the documented warm-up status on `day`."""
        if self.warmup == "in_progress" and self.warmup_day(day) is None:
            return "completed"
        return self.warmup


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
    mailboxes: tuple[Mailbox, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the mailboxes, in their order."""
        return tuple(dict.fromkeys(mailbox.domain for mailbox in self.mailboxes))

    def described(self) -> dict[str, str | int]:
        """Return the workspace as `GET /v1/workspaces` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "ownerId": self.owner_id,
            "memberCount": self.member_count,
            "createdAt": self.created_at,
        }


@dataclass(frozen=True, slots=True)
class Era:
    """When the history begins and when the simulation does, in days since 1970-01-01 in UTC."""

    first_day: int
    start_day: int


def token(*parts: object, digits: int) -> str:
    """Return `digits` hexadecimal digits that depend on the parts alone."""
    return blake2b(json.dumps(parts).encode(), digest_size=digits // 2).hexdigest()


def build(mailboxes: int, workspaces: int, seed: int, era: Era) -> tuple[Workspace, ...]:
    """Return the workspaces, with the mailboxes spread evenly over them."""
    size, rest = divmod(mailboxes, workspaces)
    return tuple(_workspace(number, size + (number < rest), seed, era) for number in range(workspaces))


def _workspace(number: int, mailboxes: int, seed: int, era: Era) -> Workspace:
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - a simulation, not a secret
    round_number, place = divmod(number, len(_COMPANIES))
    suffix = "" if round_number == 0 else str(round_number + 1)
    slug = _COMPANIES[place].replace(" ", "").removesuffix("outreach") + suffix
    return Workspace(
        id=token(seed, "workspace", number, digits=24),
        name=f"{_COMPANIES[place]} {suffix}".strip(),
        key="sk_" + token(seed, "key", number, digits=40),
        owner_id=token(seed, "owner", digits=24),
        member_count=rng.randint(1, 8),
        created_at=f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T09:00:00.000Z",
        opening_hour=rng.randint(6, 8),
        mailboxes=tuple(_mailboxes(number, slug, mailboxes, seed, rng, era)),
    )


def _mailboxes(
    workspace: int, slug: str, mailboxes: int, seed: int, rng: random.Random, era: Era
) -> Iterator[Mailbox]:
    """Yield the mailboxes of a workspace, domain by domain."""
    drawn = count()
    for number, size in enumerate(_domain_sizes(mailboxes, rng)):
        domain = _Domain(_domain_name(slug, number), _habits(rng))
        # One troubled mailbox in every third domain of some size: enough to see, too few to page anyone.
        troubled = rng.randrange(size) if number % 3 == 2 and size >= 5 else None
        for place in range(size):
            trouble = _TROUBLES[(workspace + number // 3) % len(_TROUBLES)] if place == troubled else None
            identity = token(seed, "mailbox", workspace, next(drawn), digits=24)
            yield _mailbox(identity, place, domain, trouble, rng, era)


def _domain_sizes(mailboxes: int, rng: random.Random) -> Iterator[int]:
    """Yield sizes of 8 to 12 that add up, the last one taking a small remainder in."""
    while mailboxes:
        size = rng.randint(8, 12)
        if mailboxes - size < 4:
            size = mailboxes
        yield size
        mailboxes -= size


def _domain_name(slug: str, number: int) -> str:
    form = _DOMAIN_FORMS[number % len(_DOMAIN_FORMS)].format(slug)
    round_number = number // len(_DOMAIN_FORMS) + 1
    return f"{form}.example" if round_number == 1 else f"{form}-{round_number}.example"


def _habits(rng: random.Random) -> Habits:
    return Habits(
        bounce=rng.randint(8, 18) / 1000,
        open=rng.randint(40, 60) / 100,
        click_of_opens=rng.randint(4, 8) / 100,
        reply=rng.randint(4, 12) / 200,
        positive_of_replies=rng.randint(4, 7) / 20,
    )


def _mailbox(
    identity: str, place: int, domain: _Domain, trouble: str | None, rng: random.Random, era: Era
) -> Mailbox:
    role = _ROLES[place] if place < len(_ROLES) else f"Outreach {place + 1}"
    warmup, enabled = _warmup(rng)
    began_on = era.start_day - rng.randint(1, WARMUP_RAMP_DAYS - 7) if warmup == "in_progress" else None
    is_old = began_on is None
    return Mailbox(
        id=identity,
        key=bytes.fromhex(identity),
        email=f"{role.lower().replace(' ', '')}@{domain.name}",
        display_name=role,
        domain=domain.name,
        habits=domain.habits,
        status=trouble or "active",
        stopped_on=max(era.first_day, era.start_day - rng.randint(1, 10)) if trouble else None,
        daily_send_limit=rng.choice(_DAILY_LIMITS),
        warmup="idle" if trouble else warmup,
        warmup_enabled=enabled and not trouble,
        warmup_began_on=began_on,
        earlier_sent=rng.randint(1000, 5000) if is_old else 0,
        earlier_received=rng.randint(100, 600) if is_old else 0,
    )


def _warmup(rng: random.Random) -> tuple[str, bool]:
    """Return the status of a mailbox's warm-up and whether it is enabled."""
    lot = rng.random()
    if lot < 0.15:
        return "in_progress", True
    if lot < 0.20:
        return "not_started", False
    if lot < 0.25:
        return "idle", False
    return "completed", lot < 0.85
