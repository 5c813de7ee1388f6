"""The checked answer: columns, one row a mailbox."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import TypeVar

Value = TypeVar("Value")
Column = Sequence[float | None]
"""One number a mailbox; `None` where the API gave none that can be used."""
Texts = Sequence[str | None]
"""One text a mailbox; `None` where the API gave none that can be used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The mailboxes of one answer, as columns of equal length, one row a mailbox.

    `texts` and `numbers` hold the columns by the names of the catalogue; ratios are 0-1, flags are 0 or 1. A
    column in which no mailbox has a value is left out. `suspects` counts unusable or out-of-range values by
    API field, `duplicates` the mailboxes whose id an earlier one had.
    """

    ids: Sequence[str]
    texts: Mapping[str, Texts] = field(default_factory=dict)
    numbers: Mapping[str, Column] = field(default_factory=dict)
    suspects: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    left_out: int = 0
    """How many mailboxes the API gave and the configuration leaves out."""
    unit: str = ""
    """What `bounceRate` was taken to be in: `percent` or `ratio`; "" without such a field."""
    proven_unit: str = ""
    """What this answer proves that it is in, "" where it proves nothing."""

    def __len__(self) -> int:
        return len(self.ids)

    def text(self, name: str) -> Texts:
        """Return a column of texts, `None` in each row where the answer has no such column."""
        return self.texts.get(name) or [None] * len(self)

    def total(self, name: str) -> float:
        """Return the sum of a column of numbers, 0 where the answer has no such column."""
        return sum(filter(None, self.numbers.get(name, ())))

    def where(self, keep: Sequence[bool]) -> "Answer":
        """Return the rows for which `keep` is true; `suspects` and `duplicates` stay."""
        return replace(
            self,
            left_out=self.left_out + len(self) - sum(keep),
            ids=list(compress(self.ids, keep)),
            texts=filled({name: list(compress(column, keep)) for name, column in self.texts.items()}),
            numbers=filled({name: list(compress(column, keep)) for name, column in self.numbers.items()}),
        )

    def aligned(self, ids: Sequence[str]) -> "Answer":
        """Return one row for each of `ids`, in their order, empty where this answer has none."""
        if ids is self.ids or ids == self.ids:
            return self
        rows = {mailbox_id: row for row, mailbox_id in enumerate(self.ids)}
        order = [rows.get(mailbox_id) for mailbox_id in ids]
        return replace(
            self,
            ids=ids,
            texts=filled({name: _picked(column, order) for name, column in self.texts.items()}),
            numbers=filled({name: _picked(column, order) for name, column in self.numbers.items()}),
        )


def _picked(column: Sequence[Value | None], order: Iterable[int | None]) -> list[Value | None]:
    return [None if row is None else column[row] for row in order]


def filled(columns: Mapping[str, Sequence[Value]]) -> dict[str, Sequence[Value]]:
    """Return the columns that have a value."""
    # A filled column mostly begins with a value: the search ends there.
    return {name: column for name, column in columns.items() if any(value is not None for value in column)}


def domain_of(email: str | None) -> str:
    """Return the address's domain in lower case, "" where it has none."""
    return email.rpartition("@")[2].lower() if email and "@" in email else ""
