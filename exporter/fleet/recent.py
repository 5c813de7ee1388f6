"""What was sent lately and what of it bounced: by the hour for a day, and by the day for a week."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, count, repeat
from operator import add, ne
from typing import NamedTuple

from exporter.answers.answer import Answer, Column, domain_of
from exporter.fleet.counters import Totals

HOUR_SECONDS, DAY_SECONDS = 3600, 86400
HOURS, DAYS = 24, 7
"""So many whole ones are kept, beside the one that is under way."""
SENT_HOURS = 8 * 24
"""Of so many hours it is kept how much the workspace sent, to be held against a week ago."""

_SENT, _BOUNCED = "campaign_sent", "campaign_bounced"
_ACTIVE = "active"


class Rise(NamedTuple):  # a poll may make one for each mailbox, and a tuple is made fast
    """What a mailbox sent, and what bounced, between two answers."""

    mailbox_id: str
    domain: str
    sent: int
    bounced: int


Amount = tuple[str, int, int]
"""A subject with what it sent, and what of it bounced."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Mails sent and bounced, by subject; those without any are left out."""

    sent: Mapping[str, int] = field(default_factory=dict)
    bounced: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_all(cls, amounts: Iterable[Amount]) -> "Sums":
        """Return what the amounts add up to."""
        sent, bounced = dict[str, int](), dict[str, int]()
        for subject, more_sent, more_bounced in amounts:
            if more_sent:
                sent[subject] = sent.get(subject, 0) + more_sent
            if more_bounced:
                bounced[subject] = bounced.get(subject, 0) + more_bounced
        return cls(sent, bounced)

    def plus(self, other: "Sums") -> "Sums":
        """Return the sums with those of other time."""
        return Sums(_plus(self.sent, other.sent), _plus(self.bounced, other.bounced))

    def minus(self, other: "Sums") -> "Sums":
        """Return the sums without those of a part of their time."""
        return Sums(_minus(self.sent, other.sent), _minus(self.bounced, other.bounced))

    def of(self, subject: str) -> tuple[int, int]:
        """Return what of a subject bounced, and what it sent."""
        return self.bounced.get(subject, 0), self.sent.get(subject, 0)


def _plus(numbers: Mapping[str, int], more: Mapping[str, int]) -> Mapping[str, int]:
    known = map(numbers.get, more, repeat(0))
    return {**numbers, **dict(zip(more, map(add, known, more.values()), strict=True))}


def _minus(numbers: Mapping[str, int], less: Mapping[str, int]) -> Mapping[str, int]:
    left = dict(numbers)
    for subject, number in less.items():
        if left[subject] > number:
            left[subject] -= number
        else:
            del left[subject]
    return left


@dataclass(frozen=True, slots=True)
class Series:
    """Sums by the number of the hour or the day since 1970, and what they add up to.

    `seconds` is how long each part is, `kept` how many whole ones are kept, beside the one under way.
    """

    seconds: int
    kept: int
    parts: Mapping[int, Sums] = field(default_factory=dict)
    total: Sums = field(default_factory=Sums)

    def after(self, rose: Sums, now: float) -> "Series":
        """Return it with what rose until now; what is older than is kept goes."""
        number = int(now // self.seconds)
        parts, total = dict(self.parts), self.total
        for old in [at for at in parts if not number - self.kept <= at <= number]:
            total = total.minus(parts.pop(old))
        if rose.sent or rose.bounced:
            parts[number] = parts.get(number, Sums()).plus(rose)
            total = total.plus(rose)
        return replace(self, parts=parts, total=total)

    def last(self, number: int, now: float, subject: str) -> tuple[int, int]:
        """Return what of a subject bounced, and what it sent, in so many last parts and the one under way."""
        current = int(now // self.seconds)
        found = [
            self.parts[at].of(subject) for at in range(current - number, current + 1) if at in self.parts
        ]
        return sum(bounced for bounced, _ in found), sum(sent for _, sent in found)

    def until(self, number: int, subject: str) -> tuple[int, int]:
        """Return what of a subject bounced, and what it sent, up to and with that part."""
        found = [sums.of(subject) for at, sums in self.parts.items() if at <= number]
        return sum(bounced for bounced, _ in found), sum(sent for _, sent in found)

    def sums_until(self, number: int) -> Iterable[tuple[int, int]]:
        """Return what of each subject bounced, and what it sent, up to and with that part."""
        sent, bounced = Counter[str](), Counter[str]()
        for at, sums in self.parts.items():
            if at <= number:
                sent.update(sums.sent)
                bounced.update(sums.bounced)
        return [(bounced[name], sent[name]) for name in sent | bounced]

    def most_sent(self, subject: str) -> int:
        """Return the most that a subject sent in one part."""
        return max((sums.sent.get(subject, 0) for sums in self.parts.values()), default=0)


@dataclass(frozen=True, slots=True)
class Past:
    """The last day by the hour and the last week by the day, of the subjects of one level."""

    day: Series = Series(HOUR_SECONDS, HOURS)
    week: Series = Series(DAY_SECONDS, DAYS)

    def after(self, amounts: Iterable[Amount], now: float) -> "Past":
        """Return it with what rose until now."""
        rose = Sums.of_all(amounts)
        return Past(self.day.after(rose, now), self.week.after(rose, now))


@dataclass(frozen=True, slots=True)
class Recent:
    """A workspace's recent past, by mailbox id, by domain and, under "", as a whole; times are Unix seconds.

    `left` holds when each mailbox was last seen active, of those that are not any more, for a week. `sent`
    has what the workspace sent by the number of the hour, `last_sent` when it was last seen to send. `now` is
    the time of the last answer.
    """

    mailboxes: Past = field(default_factory=Past)
    domains: Past = field(default_factory=Past)
    workspace: Past = field(default_factory=Past)
    left: Mapping[str, float] = field(default_factory=dict)
    sent: Mapping[int, int] = field(default_factory=dict)
    last_sent: float = 0.0
    now: float = 0.0

    def after(self, rises: Sequence[Rise], left: Mapping[str, float], now: float) -> "Recent":
        """Return it with what rose until now."""
        all_sent = sum(rise.sent for rise in rises)
        whole = [("", all_sent, sum(rise.bounced for rise in rises))] if rises else []
        hour = int(now // HOUR_SECONDS)
        sent = {at: number for at, number in self.sent.items() if hour - SENT_HOURS <= at <= hour}
        if all_sent:
            sent[hour] = sent.get(hour, 0) + all_sent
        return Recent(
            self.mailboxes.after([(each.mailbox_id, each.sent, each.bounced) for each in rises], now),
            self.domains.after([(each.domain, each.sent, each.bounced) for each in rises], now),
            self.workspace.after(whole, now),
            {mailbox: at for mailbox, at in left.items() if now - at < DAYS * DAY_SECONDS},
            sent,
            now if all_sent else self.last_sent,
            now,
        )


def rises(before: Totals, after: Totals, answer: Answer) -> list[Rise]:
    """Return what rose from one answer's totals to the next one's; `answer` is the later one."""
    if not before.ids:
        return []
    if before.ids is not after.ids and before.ids != after.ids:
        before = _in_order_of(before, after)
    sent, bounced = (_rises(before.risen.get(name), after.risen.get(name)) for name in (_SENT, _BOUNCED))
    emails = answer.text("email")
    return [
        Rise(after.ids[row], domain_of(emails[row]), sent.get(row, 0), bounced.get(row, 0))
        for row in sorted(sent.keys() | bounced.keys())
    ]


def _in_order_of(before: Totals, after: Totals) -> Totals:
    """Return the rises of earlier totals, one row for each mailbox of the later ones."""
    rows = {mailbox_id: row for row, mailbox_id in enumerate(before.ids)}
    order = [rows.get(mailbox_id) for mailbox_id in after.ids]
    risen = {
        name: [None if row is None else column[row] for row in order] for name, column in before.risen.items()
    }
    return replace(before, ids=after.ids, risen=risen)


def _rises(before: Column | None, after: Column | None) -> dict[int, int]:
    """Return how much a counter rose, by row; a mailbox that was not there has no rise yet."""
    if before is None or after is None or before is after:
        return {}
    return {
        row: int(new - old)
        for row, old, new in zip(count(), before, after, strict=False)
        if old != new and old is not None and new is not None
    }


def left_active(
    before: Answer | None, after: Answer, left: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return when each mailbox was last seen active, of those of an answer that are not any more."""
    if before is None:
        return dict(left)
    old, new = before.aligned(after.ids).text("status"), after.text("status")
    if before.ids is after.ids and old is new:
        return dict(left)
    gone = dict(left)
    for row in compress(count(), map(ne, old, new)):
        if new[row] == _ACTIVE:
            gone.pop(after.ids[row], None)
        elif old[row] == _ACTIVE:
            gone[after.ids[row]] = now
    return gone if before.ids == after.ids else {each: gone[each] for each in after.ids if each in gone}
