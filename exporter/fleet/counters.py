"""Counters: the rises of all-time totals, from 0 at first sight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.answers.answer import Answer
from exporter.catalogue.mailbox import COUNTERS

DEPARTED_KEPT_SECONDS = 7 * 24 * 3600.0
"""How long the totals of a mailbox that vanished are kept: it may only be missing from a partial answer."""

Number = float | None


@dataclass(frozen=True, slots=True)
class Departed:
    """The totals of a mailbox that is no longer in the answers, and since when."""

    seen: tuple[Number, ...]
    risen: tuple[Number, ...]
    since: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters: the rises of all-time totals, from 0 at first sight; a fall adds nothing. Times are steady.

    `seen` and `risen` hold one column a counter, aligned with `ids`: the last total the API gave, and what
    was added up; both `None` until a mailbox's total is first seen.
    """

    ids: Sequence[str] = ()
    seen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    risen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    departed: Mapping[str, Departed] = field(default_factory=dict)

    def after(self, answer: Answer, now: float) -> "Totals":
        """Return the totals with the answer's rises; columns that did not change are kept as they are."""
        base = self if self.ids == answer.ids else self._realigned(answer.ids, now)
        seen, risen = dict(base.seen), dict(base.risen)
        for name in COUNTERS:
            new = answer.numbers.get(name)
            if new is not None and new != seen.get(name):
                seen[name], risen[name] = _rises(seen.get(name), new, risen.get(name))
        return Totals(answer.ids, seen, risen, base.departed)

    def _realigned(self, ids: Sequence[str], now: float) -> "Totals":
        """Return the totals in the order of `ids`; those of vanished mailboxes are set aside for a while."""
        known = {
            mailbox_id: totals
            for mailbox_id, totals in self.departed.items()
            if now - totals.since < DEPARTED_KEPT_SECONDS
        }
        for row, mailbox_id in enumerate(self.ids):
            known[mailbox_id] = Departed(_row(self.seen, row), _row(self.risen, row), now)
        unknown = Departed((None,) * len(COUNTERS), (None,) * len(COUNTERS), now)
        kept = [known.pop(mailbox_id, unknown) for mailbox_id in ids]
        return Totals(
            ids,
            {name: [totals.seen[i] for totals in kept] for i, name in enumerate(COUNTERS)},
            {name: [totals.risen[i] for totals in kept] for i, name in enumerate(COUNTERS)},
            known,
        )


def _row(columns: Mapping[str, Sequence[Number]], row: int) -> tuple[Number, ...]:
    return tuple(columns[name][row] if name in columns else None for name in COUNTERS)


def _rises(
    last: Sequence[Number] | None, new: Sequence[Number], risen: Sequence[Number] | None
) -> tuple[Sequence[Number], Sequence[Number]]:
    """Return the totals last seen and the rises so far, both with the new totals taken in."""
    if last is None or risen is None:
        last = risen = [None] * len(new)
    if None not in new and None not in last:
        # The usual case, without a call for each number.
        pairs = zip(last, new, risen, strict=True)
        return new, [r + n - o if n > o else r for o, n, r in pairs]  # type: ignore[operator]
    advanced = list(map(_advance, last, new, risen))
    return [seen for seen, _ in advanced], [rise for _, rise in advanced]


def _advance(last: Number, new: Number, risen: Number) -> tuple[Number, Number]:
    if new is None:
        return last, risen
    if last is None or risen is None:
        return new, 0
    return new, risen + new - last if new > last else risen
