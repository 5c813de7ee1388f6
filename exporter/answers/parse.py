"""From the bytes of an answer to its columns.

An answer is read in two steps. One cheap pass splits it into raw mailboxes; then blocks of them are decoded
strictly and fast. Only a block that fails is read again mailbox by mailbox, tolerantly, so that one bad
mailbox costs its block a little time and the others nothing. Blocks also keep each uninterruptible step of
the interpreter short, so that scrapes are answered while a large answer is being read.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Raw

from exporter.answers import tolerant
from exporter.answers.answer import BLOCK, Answer, filled
from exporter.answers.envelope import UNREADABLE, split
from exporter.answers.strict import strict_decoder
from exporter.catalogue.kinds import Feed


def parse(body: bytes, feed: Feed) -> Answer:
    """Parse an answer to a feed's request.

    Raises `envelope.MalformedAnswerError` for anything but the documented envelope. What is wrong inside one
    mailbox leaves that value out and is counted in `Answer.suspects`.
    """
    raws = split(body, feed.items)
    rows = _Rows(feed)
    for start in range(0, len(raws), BLOCK):
        block = raws[start : start + BLOCK]
        try:
            rows.add_strictly(block)
        except UNREADABLE:
            for raw in block:
                rows.add_tolerantly(raw)
    return rows.answer()


class _Rows:
    """The columns while they grow, a block or a row at a time."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._strict = strict_decoder(feed.id_name, feed.fields)
        self._ids: list[str] = []
        self._columns: list[list[Any]] = [[] for _ in feed.fields]
        self._suspects: Counter[str] = Counter()

    def add_strictly(self, block: Sequence[Raw]) -> None:
        """Add a block whole, or raise what `UNREADABLE` names and add nothing."""
        ids, columns, unusable = self._strict.decode(block)
        self._ids += ids
        for column, values in zip(self._columns, columns, strict=True):
            column.extend(values)
        self._suspects += unusable

    def add_tolerantly(self, raw: Raw) -> None:
        """Add one mailbox with what can be used of it; nothing without an id."""
        mailbox = tolerant.loads(raw)
        mailbox_id = tolerant.text(mailbox.get(self._feed.id_name))
        if mailbox_id is None:
            self._suspects[self._feed.id_name] += 1
            return
        self._ids.append(mailbox_id)
        for column, (value, suspect) in zip(
            self._columns, tolerant.read(mailbox, self._feed.fields), strict=True
        ):
            column.append(value)
            if suspect:
                self._suspects[suspect] += 1

    def answer(self) -> Answer:
        """Return the finished columns; the first mailbox of an id counts."""
        fields = list(zip(self._feed.fields, self._columns, strict=True))
        for field, column in fields:
            if field.is_ratio and max(filter(None, column), default=0) > 1:
                self._suspects[field.name] += sum(value is not None and value > 1 for value in column)
        answer = Answer(
            ids=self._ids,
            texts=filled({field.column: column for field, column in fields if field.is_text}),
            numbers=filled({field.column: column for field, column in fields if not field.is_text}),
            suspects=dict(self._suspects),
            duplicates=len(self._ids) - len(set(self._ids)),
        )
        return answer.where(_first_of_each(self._ids)) if answer.duplicates else answer


def _first_of_each(ids: Iterable[str]) -> list[bool]:
    rows: dict[str, int] = {}
    return [rows.setdefault(mailbox_id, row) == row for row, mailbox_id in enumerate(ids)]
