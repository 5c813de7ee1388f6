"""Warm-up mail: how much of it the mailboxes of a workspace send, and where it lands.

A mail's lots depend on the mailbox, the day and its place in the day alone, so that any instant can be asked
for. Averages are those of `GET /v1/mailboxes`: whole numbers that each mail moves by a tenth, from 0 on.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, shake_128

from exporter.simulator.disturbances import Period
from exporter.simulator.fleet import Mailbox, Workspace
from exporter.simulator.rhythm import DAY_SECONDS, rhythm

_UNIT = 65_536
_FIRST_VOLUME, _FULL_VOLUME = 15, 25
_PROMOTIONS_RATIO = 0.002
_OPEN_RATIO = 0.45
_LANDING_SECONDS = 600
_THROTTLED_DAYS = 14
_KEPT_DAYS = 65_536
_REMEMBERED_DAYS = 5
"""Days after which an average has forgotten where it began."""
_MEAN_DAILY_SENT = 17.8


@dataclass(frozen=True, slots=True)
class Landed:
    """Counts of warm-up mails. What was sent just now is not among `inbox`, `spam` and `promotions` yet."""

    sent: int = 0
    inbox: int = 0
    spam: int = 0
    promotions: int = 0
    replied: int = 0
    opened: int = 0

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(
            self.sent + other.sent,
            self.inbox + other.inbox,
            self.spam + other.spam,
            self.promotions + other.promotions,
            self.replied + other.replied,
            self.opened + other.opened,
        )


@dataclass(frozen=True, slots=True)
class _Disturbance:
    """Mailboxes whose warm-up stops for a period or, where there is a ratio, lands in spam at it."""

    period: Period
    mailboxes: frozenset[int]
    spam_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail that was sent: whether it is in spam, in promotions, replied to, opened; None: on its way."""

    is_spam: bool | None
    is_promotion: bool
    is_replied: bool
    is_opened: bool


class Warmups:
    """The warm-up of the mailboxes of one workspace; the simulation begins on `start_day`."""

    def __init__(self, workspace: Workspace, start_day: int) -> None:
        self._mailboxes, self._start_day = workspace.mailboxes, start_day
        self._sent = rhythm(workspace.opening_hour, workspace.late_bounces).warmup_sent
        self._disturbances: list[_Disturbance] = []
        self._days: OrderedDict[tuple[int, int], Landed] = OrderedDict()

    def stop(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Let some mailboxes send no warm-up mail for a period, which has not begun before now."""
        self._disturbances.append(_Disturbance(period, mailboxes))

    def collapse(self, period: Period, mailboxes: frozenset[int], spam_ratio: float) -> None:
        """Let the warm-up mail of some mailboxes land in spam at a ratio for a period."""
        self._disturbances.append(_Disturbance(period, mailboxes, spam_ratio))

    def volume(self, index: int, day: int) -> int:
        """Return how many mails a mailbox may send on a day: more from day to day, at first."""
        mailbox = self._mailboxes[index]
        age = day - mailbox.domain.created_on
        if not mailbox.warmup.is_enabled or age < 1 or day >= mailbox.stopped_on:
            return 0
        ramp = min(_FIRST_VOLUME + age // 2, _FULL_VOLUME)
        is_throttled = day > self._start_day - _THROTTLED_DAYS
        return min(ramp, mailbox.warmup.daily_volume) if is_throttled else ramp

    def landed(self, index: int, days: int, now: float) -> Landed:
        """Return what has become of the mails of the last days, today's among them."""
        today = int(now // DAY_SECONDS)
        whole = (self._day(index, day, now) for day in range(today - days + 1, today + 1))
        return sum(whole, Landed())

    def lifetime(self, index: int, now: float) -> tuple[int, int]:
        """Return how many mails a mailbox has sent in all, and how many of them were replied to."""
        mailbox = self._mailboxes[index]
        before = max(self._start_day - 7, mailbox.domain.created_on)
        days = (before - mailbox.domain.created_on) if mailbox.warmup.is_enabled else 0
        lot = int.from_bytes(mailbox.key[:2], "little") / _UNIT
        earlier = round(days * _MEAN_DAILY_SENT * (0.85 + 0.3 * lot))
        recent = self.landed(index, int(now // DAY_SECONDS) - before + 1, now)
        return earlier + recent.sent, round(earlier * mailbox.warmup.reply_ratio) + recent.replied

    def averages(self, index: int, now: float) -> tuple[int, int]:
        """Return the moving averages of mails that land in the inbox and in spam, in whole percent."""
        mailbox, today = self._mailboxes[index], int(now // DAY_SECONDS)
        first = today - _REMEMBERED_DAYS + 1
        inbox, spam = 0, 0
        if mailbox.domain.created_on < first:
            inbox, spam = 96, 4 if mailbox.key[2] % 10 else 0  # where they stop, in the end
        for day in range(first, today + 1):
            for mail in self._mails(index, day, now):
                if mail.is_spam is not None:
                    is_inbox = not mail.is_spam and not mail.is_promotion
                    inbox = round(0.9 * inbox + 10 * is_inbox)
                    spam = round(0.9 * spam + 10 * mail.is_spam)
        return inbox, spam

    def _day(self, index: int, day: int, now: float) -> Landed:
        """Return what has become of the mails of one day; kept when the day is over."""
        if (index, day) in self._days:
            return self._days[index, day]
        mails = list(self._mails(index, day, now))
        landed = [mail for mail in mails if mail.is_spam is not None]
        counts = Landed(
            sent=len(mails),
            inbox=sum(not mail.is_spam and not mail.is_promotion for mail in landed),
            spam=sum(bool(mail.is_spam) for mail in landed),
            promotions=sum(mail.is_promotion for mail in landed),
            replied=sum(mail.is_replied for mail in landed),
            opened=sum(mail.is_opened for mail in landed),
        )
        if now >= (day + 1) * DAY_SECONDS + _LANDING_SECONDS:
            self._days[index, day] = counts
            while len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        return counts

    def _mails(self, index: int, day: int, now: float) -> Iterator[_Mail]:
        """Yield the mails that a mailbox has sent on a day, in their order."""
        mailbox, age_seconds = self._mailboxes[index], now - day * DAY_SECONDS
        number, phase = _planned(mailbox, day, self.volume(index, day))
        lots = array("H", shake_128(mailbox.key + b"%d" % day).digest(6 * number))
        sent = int(number * self._sent.at(age_seconds) + phase)
        landed = int(number * self._sent.at(age_seconds - _LANDING_SECONDS) + phase)
        spans = self._spans(index, day)
        for place in range(sent):
            spam_ratio: float | None = mailbox.warmup.spam_ratio
            share = (place + 1 - phase) / number
            for low, high, ratio in spans:
                if low < share <= high:
                    spam_ratio = ratio
            if spam_ratio is None:
                continue
            where, reply, opening = lots[3 * place : 3 * place + 3]
            is_spam = where < spam_ratio * _UNIT
            yield _Mail(
                is_spam=is_spam if place < landed else None,
                is_promotion=not is_spam and where < (spam_ratio + _PROMOTIONS_RATIO) * _UNIT,
                is_replied=reply < mailbox.warmup.reply_ratio * _UNIT,
                is_opened=opening < _OPEN_RATIO * _UNIT,
            )

    def _spans(self, index: int, day: int) -> list[tuple[float, float, float | None]]:
        """Return the parts of a day's mails that are disturbed: from one share to another, with the ratio."""
        midnight = day * DAY_SECONDS
        return [
            (
                self._sent.at(found.period.start - midnight),
                self._sent.at(found.period.end - midnight),
                found.spam_ratio,
            )
            for found in self._disturbances
            if index in found.mailboxes and found.period.touches(day)
        ]


def _planned(mailbox: Mailbox, day: int, volume: int) -> tuple[int, float]:
    """Draw how many warm-up mails a mailbox sends on a day, and a phase (0-1) that spreads them."""
    lots = blake2b(mailbox.key + b"warmup %d" % day, digest_size=4).digest()
    lot, phase = (int.from_bytes(lots[place : place + 2], "little") for place in (0, 2))
    return round(volume * (0.5 + 0.45 * lot / _UNIT)), (phase + 0.5) / _UNIT
