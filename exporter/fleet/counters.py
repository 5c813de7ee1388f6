"""Counters: the rises of all-time totals, from 0 at first sight, a column at a time."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, count, islice
from operator import ne

from exporter.answers.answer import Answer, Column
from exporter.catalogue.mailbox import COUNTERS
from exporter.fleet.rises import Bounds, Doubt, Mailbox, Number

DAY_SECONDS = 24 * 3600.0
REGAIN_SECONDS = 1800.0
"""Twice the default of `poll.stale_after`."""
DEPARTED_KEPT_SECONDS = 7 * DAY_SECONDS
"""How long the totals of a mailbox that vanished are kept: it may only be missing from a partial answer."""
LEAST_DEPARTED = 1000
"""Of so many the totals are kept, or of twice the mailboxes that there are."""
LIMITS_A_DAY = 2
"""Daily limits that a mailbox can send in a day at most; it may have been changed during the day."""

_SENT, *_ = COUNTERS
_NOTHING: tuple[Number, ...] = (None,) * len(COUNTERS)


@dataclass(frozen=True, slots=True)
class Departed:
    """The totals of a mailbox that is no longer in the answers, and since when."""

    mailbox: Mailbox
    since: float
    at: float
    """The time of the last answer that had it."""


_UNKNOWN = Departed(Mailbox(_NOTHING, _NOTHING), -math.inf, -math.inf)


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters: the rises of all-time totals, from 0 at first sight; only mail counts. Times are steady.

    `seen` and `risen` hold one column a counter, aligned with `ids`: the last total that the API gave, and
    what was added up; both `None` until a mailbox's total is first seen. `doubts` holds by mailbox id what is
    not clear of it (see `rises`). `at` is the time of the last answer, `leaps` how many mailboxes of it had
    sent more than they can have; `away` has the time of the last answer of each row that was not in that one.
    """

    ids: Sequence[str] = ()
    seen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    risen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    departed: Mapping[str, Departed] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    at: float = 0.0
    leaps: int = 0
    away: Mapping[int, float] = field(default_factory=dict)

    def total(self, name: str) -> float:
        """Return what a counter of all mailboxes that are there has added up to."""
        return sum(filter(None, self.risen.get(name, ())))

    def ever(self, name: str) -> float:
        """Return what the totals of all mailboxes that are there were last seen to add up to."""
        return sum(filter(None, self.seen.get(name, ())))

    def after(self, answer: Answer, now: float, regain_seconds: float = REGAIN_SECONDS) -> "Totals":
        """Return the totals with the answer's rises; what fell and returns within so long adds nothing."""
        if self.ids != answer.ids:
            return self._realigned(answer.ids, now).after(answer, now, regain_seconds)
        clear_seen, clear_risen, fallen = self._advanced(answer)
        leaping = (row for row in self._suspicious(answer) if self._leaps(answer, row, now))
        unclear = {*self._doubtful(answer), *fallen, *leaping}
        if not unclear:
            return Totals(answer.ids, clear_seen, clear_risen, self.departed, at=now)
        seen = {name: list(column) for name, column in clear_seen.items()}
        risen = {name: list(column) for name, column in clear_risen.items()}
        doubts: dict[str, Doubt] = {}
        for row in unclear:
            most = self._most_sent(answer, row, now)
            mailbox = self._mailbox(row).after(_row(answer.numbers, row), Bounds(most, now, regain_seconds))
            if mailbox.doubt:
                doubts[answer.ids[row]] = mailbox.doubt
            for place, name in enumerate(COUNTERS):
                if name in seen:
                    seen[name][row], risen[name][row] = mailbox.seen[place], mailbox.risen[place]
        leaps = sum(doubt.leap is not None for doubt in doubts.values())
        return Totals(answer.ids, seen, risen, self.departed, doubts, now, leaps)

    def shifted(self, seconds: float) -> "Totals":
        """Return them with all times so much later, as by the clock of another process."""
        return replace(
            self,
            departed={
                mailbox_id: Departed(gone.mailbox.shifted(seconds), gone.since + seconds, gone.at + seconds)
                for mailbox_id, gone in self.departed.items()
            },
            doubts={mailbox_id: doubt.shifted(seconds) for mailbox_id, doubt in self.doubts.items()},
            at=self.at + seconds,
            away={row: since + seconds for row, since in self.away.items()},
        )

    def _advanced(
        self, answer: Answer
    ) -> tuple[dict[str, Sequence[Number]], dict[str, Sequence[Number]], set[int]]:
        """Return what was seen and what rose, as if nothing were unclear, and the rows that fell.

        Unchanged columns are kept.
        """
        seen, risen, fallen = dict(self.seen), dict(self.risen), set[int]()
        for name in COUNTERS:
            new = answer.numbers.get(name)
            if new is not None and new != seen.get(name):
                seen[name], risen[name], rows = _rises(seen.get(name), new, risen.get(name))
                fallen.update(rows)
        return seen, risen, fallen

    def _doubtful(self, answer: Answer) -> Iterable[int]:
        """Return the rows that were unclear at the last answer."""
        if not self.doubts:
            return ()
        return (row for row, mailbox_id in enumerate(answer.ids) if mailbox_id in self.doubts)

    def _suspicious(self, answer: Answer) -> Iterator[int]:
        """Yield the rows that sent more than they can have in a day."""
        last, new = self.seen.get(_SENT), answer.numbers.get(_SENT)
        limits = answer.numbers.get("daily_send_limit")
        if last is None or new is None or limits is None:
            return
        for row in _changed(last, new):
            before, now, limit = last[row], new[row], limits[row]
            if before is None or now is None or limit is None:
                continue
            if now - before > LIMITS_A_DAY * limit:
                yield row

    def _leaps(self, answer: Answer, row: int, now: float) -> bool:
        """Whether a row sent more than it can have since its last answer."""
        last, new = self.seen[_SENT][row], answer.numbers[_SENT][row]
        return last is not None and new is not None and new - last > self._most_sent(answer, row, now)

    def _mailbox(self, row: int) -> Mailbox:
        return Mailbox(_row(self.seen, row), _row(self.risen, row), self.doubts.get(self.ids[row]))

    def _realigned(self, ids: Sequence[str], now: float) -> "Totals":
        """Return the totals in the order of `ids`; those of vanished mailboxes are set aside for a while."""
        known = {
            mailbox_id: departed
            for mailbox_id, departed in self.departed.items()
            if now - departed.since < DEPARTED_KEPT_SECONDS
        }
        away = {row: known[mailbox_id].at for row, mailbox_id in enumerate(ids) if mailbox_id in known}
        for row, mailbox_id in enumerate(self.ids):
            known[mailbox_id] = Departed(self._mailbox(row), now, self.at)
        kept = [known.pop(mailbox_id, _UNKNOWN).mailbox for mailbox_id in ids]
        # Mailboxes that vanished last are at the end.
        most = max(LEAST_DEPARTED, 2 * len(ids))
        departed = dict(islice(known.items(), max(0, len(known) - most), None))
        doubts = {
            mailbox_id: mailbox.doubt for mailbox_id, mailbox in zip(ids, kept, strict=True) if mailbox.doubt
        }
        return Totals(
            ids,
            {name: [mailbox.seen[place] for mailbox in kept] for place, name in enumerate(COUNTERS)},
            {name: [mailbox.risen[place] for mailbox in kept] for place, name in enumerate(COUNTERS)},
            departed,
            doubts,
            self.at,
            away=away,
        )

    def _most_sent(self, answer: Answer, row: int, now: float) -> float:
        """Return how many e-mails the mailbox can have sent since its last answer.

        Without a daily limit there is no such number.
        """
        limits = answer.numbers.get("daily_send_limit")
        limit = limits[row] if limits else None
        if limit is None:
            return math.inf
        seconds = now - self.away.get(row, self.at)
        return LIMITS_A_DAY * limit * max(1, math.ceil(seconds / DAY_SECONDS))


def _changed(last: Column, new: Column) -> Iterator[int]:
    """Return the rows that differ: between two polls that is a small part of a large fleet."""
    return compress(count(), map(ne, last, new))


def _row(columns: Mapping[str, Sequence[Number]], row: int) -> tuple[Number, ...]:
    return tuple(columns[name][row] if name in columns else None for name in COUNTERS)


def _rises(last: Column | None, new: Column, risen: Column | None) -> tuple[Column, Column, list[int]]:
    """Return the totals last seen and the rises so far, both with the new totals, and the rows that fell."""
    if last is None or risen is None:
        last = risen = [None] * len(new)
    seen, rises, fallen = list(new), list(risen), []
    for row in _changed(last, new):
        before, now, rise = last[row], new[row], risen[row]
        if now is None:
            seen[row] = before
        elif before is None or rise is None:
            rises[row] = 0
        elif now > before:
            rises[row] = rise + (now - before)
        else:
            fallen.append(row)
    return seen, rises, fallen
