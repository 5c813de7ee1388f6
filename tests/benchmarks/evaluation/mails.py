"""Mails, each with its sending, the chance that it bounces, and when that bounce would be seen."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.clock import DAY, STEP_MINUTES, WEEK, WEEKDAYS, WORK_BEGINS, WORK_ENDS
from evaluation.fleets import Fleet

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

LATE_HOURS, LATE_DAYS = 0.13, 0.05
"""Which share of bounces comes hours and which days after the mail."""


class World(NamedTuple):
    """How mails bounce while nothing is wrong."""

    base: float
    """Bounces of mails, in the mean."""
    correlation: float = 0.02
    """Of two mails of one list: its ratio is drawn from a beta distribution (beta-binomial bounces)."""
    quality: float = 0.3
    """Standard deviation of the logarithm of the lists' quality, which is log-normal."""
    list_days: float = 2
    """How long a domain sends to one list, in the mean; then, at a random minute, comes the next."""
    late: bool = True


LUCK = World(0.02, correlation=0, quality=0, late=False)
"""Luck alone."""


@dataclass(frozen=True)
class Mails:
    """One workspace's mails, a column for each thing known of them."""

    fleet: Fleet
    weeks: int
    mailbox: Integers
    step: Integers
    """At which it is sent."""
    luck: Numbers
    """It bounces if this is below the ratio."""
    ratio: Numbers
    seen: Integers
    """The step at which its bounce is seen, if it bounces."""

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        return self.weeks * WEEK

    @property
    def domain(self) -> Integers:
        """Return the domain of each."""
        domains: Integers = self.fleet.domain_of_mailbox()[self.mailbox]
        return domains

    def where(self, kept: Flags) -> "Mails":
        """Return these mails alone."""
        columns = {name: getattr(self, name)[kept] for name in ("mailbox", "step", "luck", "ratio", "seen")}
        return replace(self, **columns)

    def counts(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Return how many mails each mailbox sent, and how many bounces were seen, by step."""
        shape = (self.fleet.mailboxes, self.steps)
        bounced = (self.luck < self.ratio) & (self.seen < self.steps)
        return (
            _table(shape, self.mailbox, self.step),
            _table(shape, self.mailbox[bounced], self.seen[bounced]),
        )


def _table(shape: tuple[int, int], rows: Integers, columns: Integers) -> NDArray[np.int16]:
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.astype(np.int16).reshape(shape)


def weekdays(weeks: int, holidays: tuple[int, ...] = ()) -> Numbers:
    """Return each day's share of a usual day's volume: none on weekends and on these days."""
    volume = np.tile(np.repeat([1.0, 0.0], [WEEKDAYS, 7 - WEEKDAYS]), weeks)
    volume[list(holidays)] = 0
    return volume


def ramp(weeks: int, first: float = 0.1) -> Numbers:
    """Return volumes that grow from a share of the usual one to all of it, in a line."""
    return weekdays(weeks) * np.linspace(first, 1, 7 * weeks)


def simulate(random: np.random.Generator, fleet: Fleet, world: World, volume: Numbers) -> Mails:
    """Let a fleet send for so many days, of whole weeks."""
    fewest, most = fleet.daily_mails()
    days = len(volume)
    drawn = random.integers(fewest[:, None], most[:, None] + 1, (fleet.mailboxes, days)) * volume
    sends = (drawn + random.random(drawn.shape)).astype(np.int64)  # fractions are sent as often as they say
    mailbox = np.repeat(np.repeat(np.arange(fleet.mailboxes), days), sends.ravel())
    day = np.repeat(np.tile(np.arange(days), fleet.mailboxes), sends.ravel())
    step = day * DAY + random.integers(WORK_BEGINS, WORK_ENDS, len(day))
    domain = fleet.domain_of_mailbox()[mailbox]
    ratio = _list_ratios(random, world, fleet.domains, days)[domain, step]
    seen = step + _delays(random, len(step), late=world.late)
    return Mails(fleet, days // 7, mailbox, step, random.random(len(step)), ratio, seen)


def _list_ratios(random: np.random.Generator, world: World, domains: int, days: int) -> NDArray[np.float32]:
    """Return the ratio of the list that each domain sends to, by step."""
    changes = random.random((domains, days * DAY), np.float32) < 1 / (world.list_days * DAY)
    changes[:, 0] = True
    lists = np.cumsum(changes).reshape(changes.shape) - 1
    spread = world.quality
    ratios = world.base * np.exp(spread * random.standard_normal(lists[-1, -1] + 1) - spread**2 / 2)
    if world.correlation:
        independent = 1 / world.correlation - 1
        ratios = random.beta(ratios * independent, (1 - ratios) * independent)
    found: NDArray[np.float32] = ratios.astype(np.float32)[lists]
    return found


def _delays(random: np.random.Generator, mails: int, *, late: bool) -> Integers:
    """Return after how many steps each bounce is seen: minutes, or hours, or days after the mail."""
    minutes = random.exponential(3, mails) + 1
    if late:
        kind = random.random(mails)
        hours = kind < LATE_HOURS + LATE_DAYS
        minutes = np.where(hours, random.uniform(60, 12 * 60, mails), minutes)
        minutes = np.where(kind < LATE_DAYS, random.uniform(24 * 60, 96 * 60, mails), minutes)
    return np.ceil(minutes / STEP_MINUTES).astype(np.int64)
