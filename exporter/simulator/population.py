"""Draws the workspaces of a profile, with their domains and mailboxes, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import inf

from exporter.simulator import lists
from exporter.simulator.fleet import (
    CAMPAIGNS_START_ON_DAY,
    Domain,
    Earlier,
    Habits,
    Mailbox,
    Warmup,
    Workspace,
    token,
)
from exporter.simulator.profiles import Profile, Provider

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
_OLD_AGES = (116, 116, 116, 98, 90)
_YOUNG_AGES = (1, 1, 8, 15, 22)
_PARKED_DAILY_LIMIT = 10
_FULL_WARMUP_VOLUME = 25


@dataclass(frozen=True, slots=True)
class Era:
    """When the history begins and when the simulation does."""

    first_day: int
    start_day: int


def build(mailboxes: int, workspaces: int, seed: int, era: Era, profile: Profile) -> tuple[Workspace, ...]:
    """Return the workspaces, with the mailboxes spread evenly over them."""
    size, rest = divmod(mailboxes, workspaces)
    return tuple(
        _workspace(number, size + (number < rest), seed, era, profile) for number in range(workspaces)
    )


def _workspace(number: int, mailboxes: int, seed: int, era: Era, profile: Profile) -> Workspace:
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - a simulation, not a secret
    round_number, place = divmod(number, len(_COMPANIES))
    suffix = "" if round_number == 0 else str(round_number + 1)
    slug = _COMPANIES[place].replace(" ", "").removesuffix("outreach") + suffix
    lanes = lists.lanes(mailboxes)
    drawn = _Drawn(number, slug, lanes, seed, era, profile, rng)
    return Workspace(
        id=token(seed, "workspace", number, digits=24),
        name=f"{_COMPANIES[place]} {suffix}".strip(),
        key="sk_" + token(seed, "key", number, digits=40),
        owner_id=token(seed, "owner", digits=24),
        member_count=rng.randint(1, 8),
        created_at=f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T09:00:00.000Z",
        opening_hour=rng.randint(6, 8),
        list_lanes=lanes,
        list_spread=profile.list_spread,
        late_bounces=profile.late_bounces,
        mailboxes=tuple(drawn.mailboxes(mailboxes)),
    )


@dataclass(slots=True)
class _Drawn:
    """Draws the mailboxes of one workspace."""

    workspace: int
    slug: str
    lanes: int
    seed: int
    era: Era
    profile: Profile
    rng: random.Random

    def mailboxes(self, number: int) -> Iterator[Mailbox]:
        """Yield so many mailboxes, domain by domain."""
        drawn, troubles = count(), count(self.workspace)
        for domain_number, (provider, size) in enumerate(self._domains(number)):
            domain = self._domain(domain_number, provider)
            # At most one troubled mailbox a domain, and none where it is a third: it is to page nobody.
            is_troubled = domain_number > 0 and size not in {1, 3} and self.rng.random() < size / 30
            troubled = self.rng.randrange(size) if is_troubled else None
            for place in range(size):
                trouble = _TROUBLES[next(troubles) % len(_TROUBLES)] if place == troubled else None
                identity = token(self.seed, "mailbox", self.workspace, next(drawn), digits=24)
                yield self._mailbox(identity, place, domain, trouble)

    def _domains(self, mailboxes: int) -> Iterator[tuple[Provider, int]]:
        """Yield domains with their sizes, always at the provider that lacks most of its share."""
        shares = self.profile.providers
        filled = dict.fromkeys(shares, 0)
        left = mailboxes
        while left:
            provider = min(shares, key=lambda each: filled[each] / shares[each])
            least, most = provider.domain_sizes
            size = min(self.rng.randint(least, most), max(round(shares[provider] * mailboxes), 8), left)
            if left - size < min(least, 4):  # no domain of a small remainder
                size = left
            filled[provider] += size
            left -= size
            yield provider, size

    def _domain(self, number: int, provider: Provider) -> Domain:
        rng = self.rng
        round_number, place = divmod(number, len(_DOMAIN_FORMS))
        name = _DOMAIN_FORMS[place].format(self.slug) + (f"-{round_number + 1}" if round_number else "")
        is_young = number > 0 and rng.random() < self.profile.young
        age = rng.choice(_YOUNG_AGES if is_young else _OLD_AGES)
        owner = rng.choice(_ROLES[:3]).lower()
        return Domain(
            name=f"{name}.example",
            provider=provider,
            habits=Habits(
                bounce=round(self.profile.bounce_ratio * min(rng.lognormvariate(-0.03, 0.25), 1.7), 3),
                open=rng.randint(40, 60) / 100,
                click_of_opens=rng.randint(4, 8) / 100,
                reply=rng.randint(4, 12) / 200,
                positive_of_replies=rng.randint(4, 7) / 20,
            ),
            created_on=self.era.start_day - age,
            list_lane=number % self.lanes,
            tags=(f"batch-{age}-days", f"owner {owner}@{self.slug}.example" if number % 4 == 3 else owner),
        )

    def _mailbox(self, identity: str, place: int, domain: Domain, trouble: str | None) -> Mailbox:
        rng, era = self.rng, self.era
        role = _ROLES[place] if place < len(_ROLES) else f"Outreach {place + 1}"
        is_old = era.start_day - domain.created_on > max(_YOUNG_AGES)
        is_parked = is_old and not trouble and rng.random() < self.profile.parked
        limit = rng.choice(domain.provider.daily_limits)
        return Mailbox(
            id=identity,
            key=bytes.fromhex(identity),
            email=f"{role.lower().replace(' ', '')}@{domain.name}",
            display_name=role,
            domain=domain,
            status=trouble or "active",
            stopped_on=max(era.first_day, era.start_day - rng.randint(1, 10)) if trouble else inf,
            parked_on=max(era.first_day, era.start_day - rng.randint(3, 12)) if is_parked else inf,
            daily_send_limit=min(limit, _PARKED_DAILY_LIMIT) if is_parked else limit,
            warmup=self._warmup(is_old=is_old, is_stopped=trouble is not None),
            earlier=self._earlier(domain, limit) if is_old else Earlier(),
        )

    def _warmup(self, *, is_old: bool, is_stopped: bool) -> Warmup:
        rng = self.rng
        lot = rng.random() if is_old else 1.0
        status, is_enabled = "in_progress", True
        if is_stopped or lot < 0.05:
            status, is_enabled = "idle", False
        elif lot < 0.09:
            status, is_enabled = "not_started", False
        elif lot < 0.15:
            status, is_enabled = "completed", False
        is_throttled = is_old and rng.random() < 0.25
        return Warmup(
            status=status,
            is_enabled=is_enabled,
            daily_volume=rng.randint(3, 17) if is_throttled else _FULL_WARMUP_VOLUME,
            spam_ratio=rng.randint(8, 28) / 100 if is_old and rng.random() < 0.3 else 0.002,
            reply_ratio=min(max(round(rng.gauss(0.24, 0.028), 3), 0.15), 0.32),
        )

    def _earlier(self, domain: Domain, limit: int) -> Earlier:
        """Draw what an old mailbox sent from its first campaign on until the history begins."""
        rng, habits = self.rng, domain.habits
        since = domain.created_on + CAMPAIGNS_START_ON_DAY
        days = self.era.first_day - since
        if days <= 0:
            return Earlier()
        fullness = sum(domain.provider.fullness) / 2
        sent = round(limit * fullness * min(rng.uniform(28, 40), 0.7 * days))
        bounced = self._part(sent, habits.bounce * rng.lognormvariate(-0.02, 0.2))
        opened = self._part(sent - bounced, habits.open)
        replied = self._part(sent - bounced, habits.reply)
        clicked = self._part(opened, habits.click_of_opens)
        positive = self._part(replied, habits.positive_of_replies)
        received = replied + rng.randint(20, 200)
        return Earlier(since, (sent, opened, clicked, bounced, replied, positive), received)

    def _part(self, whole: int, ratio: float) -> int:
        """Draw how many of some mails it happens to, near enough to the binomial distribution."""
        spread = (whole * ratio * (1 - ratio)) ** 0.5
        return min(max(round(self.rng.gauss(whole * ratio, spread)), 0), whole)
