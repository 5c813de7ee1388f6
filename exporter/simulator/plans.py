"""What becomes in the end of the mails that a mailbox sends on a day: drawn from these two alone."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b, shake_128
from itertools import accumulate, groupby, takewhile
from math import ceil, comb
from struct import Struct

from exporter.simulator import lists
from exporter.simulator.fleet import NOTHING, Mailbox, Workspace
from exporter.simulator.rhythm import KINDS

Columns = Sequence[Sequence[int]]
"""Counts: one list for each of KINDS, with one entry for each mailbox in the workspace's order."""

_UNIT = 65_536  # lots are drawn as 16-bit integers
_LOTS = Struct("<7H")
_WEEKEND_FULLNESS = 0.06
_NO_PLAN = (NOTHING, 0.0)


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of all mailboxes for one day, and a phase (0-1) for each, which spreads their events."""

    columns: Columns
    phases: Sequence[float]


def drawn(workspace: Workspace, day: int) -> Plans:
    """Draw the plans of all mailboxes of a workspace for a day (since 1970-01-01 in UTC)."""
    is_weekend = (day + 3) % 7 >= 5  # day 0 was a Thursday
    written = _written(day)
    qualities = [
        lists.quality(workspace.id, lane, day, workspace.list_spread) for lane in range(workspace.list_lanes)
    ]
    rows: list[tuple[tuple[int, ...], float]] = []
    for domain, mailboxes in groupby(workspace.mailboxes, lambda mailbox: mailbox.domain):
        bounce = lists.bounce_ratio(domain.habits.bounce, qualities[domain.list_lane])
        least, most = (0.0, _WEEKEND_FULLNESS) if is_weekend else domain.provider.fullness
        readiness = domain.readiness(day)
        use = (least * readiness, (most - least) * readiness)
        rows += [
            _plan(mailbox, written, use, bounce)
            if readiness and day < mailbox.stopped_on and day < mailbox.parked_on
            else _NO_PLAN
            for mailbox in mailboxes
        ]
    columns = tuple(array("H", column) for column in zip(*(plan for plan, _ in rows), strict=True))
    return Plans(columns or (array("H"),) * len(KINDS), array("d", [phase for _, phase in rows]))


def bounce_lots(mailbox: Mailbox, day: int, mails: int) -> list[float]:
    """Return a lot, 0-1, for each mail of a day: in a spike it bounces when its lot is below the ratio."""
    lots = shake_128(mailbox.key + _written(day)).digest(2 * mails)
    return [int.from_bytes(lots[place : place + 2], "little") / _UNIT for place in range(0, 2 * mails, 2)]


def _plan(
    mailbox: Mailbox, day: bytes, use: tuple[float, float], bounce_ratio: float
) -> tuple[tuple[int, ...], float]:
    """Draw what becomes of the mails of one mailbox-day in the end, and its phase.

    `use` is the share of its limit that it sends at least, and what a lot adds at most.
    """
    lots = blake2b(mailbox.key + day, digest_size=_LOTS.size).digest()
    volume, bounce, opening, click, reply, positive, phase = _LOTS.unpack(lots)
    habits = mailbox.domain.habits
    sent = round(mailbox.daily_send_limit * (use[0] + use[1] * volume / _UNIT))
    bounced = _binomial(sent, bounce_ratio, bounce)
    opened = _binomial(sent - bounced, habits.open, opening)
    clicked = _binomial(opened, habits.click_of_opens, click)
    replied = _binomial(sent - bounced, habits.reply, reply)
    positive_replied = _binomial(replied, habits.positive_of_replies, positive)
    return (sent, opened, clicked, bounced, replied, positive_replied), (phase + 0.5) / _UNIT


def _written(day: int) -> bytes:
    return day.to_bytes(4, "little", signed=True)


def _binomial(trials: int, probability: float, lot: int) -> int:
    """Return the successes of some trials for a lot, by inversion."""
    return bisect_right(_distribution(trials, probability), lot)


@cache
def _distribution(trials: int, probability: float) -> list[int]:
    """Return the lots from which on there are 1, 2, 3, ... successes, as far as a lot can reach."""
    weights = (
        comb(trials, successes) * probability**successes * (1 - probability) ** (trials - successes)
        for successes in range(trials)
    )
    bounds = (ceil(_UNIT * reached) for reached in accumulate(weights))
    return list(takewhile(lambda bound: bound < _UNIT, bounds))
