"""From the bytes of an answer to its columns.

An answer is read in two steps. One cheap pass finds the list of mailboxes; then blocks of it are decoded
strictly and fast. Only a block that fails is read again mailbox by mailbox, tolerantly, so that one bad
mailbox costs its block a little time and the others nothing. Blocks also keep each uninterruptible step of
the interpreter short, so that scrapes are answered while a large answer is being read, and bound the memory
that an answer of millions of useless items takes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Raw

from exporter.answers import tolerant
from exporter.answers.answer import Answer, Column, filled
from exporter.answers.blocks import JUDGED_ITEMS, check_room, check_sizes, read_blocks
from exporter.answers.envelope import Body, MalformedAnswerError, opened
from exporter.answers.facts import parse_facts
from exporter.answers.strict import strict_decoder
from exporter.answers.unit import AUTO, RATIO, as_ratios
from exporter.answers.unit import proven as proven_unit
from exporter.catalogue.kinds import Check, Feed, Rows

MOST_UNKNOWN_STATES = 20
BOUNCE_RATE = "bounce_ratio"
"""The column of `bounceRate`."""
OTHER = "other"
"""What states beyond `MOST_UNKNOWN_STATES` that are not documented are shown as."""


def parse(body: Body, feed: Feed, unit: str = AUTO, known_unit: str = "") -> Answer:
    """Parse an answer to a feed's request.

    `unit` is what `bounceRate` is in; `auto` is what the answer proves, else `known_unit`, else a ratio.
    Raises `envelope.MalformedAnswerError` for anything but the documented envelope, for a list that is not
    whole, and for one of whose items most are no mailboxes; `MemoryError` when there is no room to read it.
    What is wrong inside one mailbox leaves that value out and is counted in `Answer.suspects`.
    """
    if feed.rows is not Rows.MAILBOXES:
        return parse_facts(body, feed)
    check_room()
    envelope = opened(body, feed.items)
    rows = _Rows(feed)
    read_blocks(envelope.items, rows.add_strictly, rows.add_tolerantly)
    rows.check(ended=True)
    envelope.check_whole(rows.count)
    return rows.answer(unit, known_unit)


class _Rows:
    """The columns while they grow, a block or a row at a time."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._size_bytes = 0
        self._strict = strict_decoder(feed.id_name, feed.fields)
        self._ids: list[str] = []
        self._columns: list[list[Any]] = [[] for _ in feed.fields]
        self._suspects: Counter[str] = Counter()
        self._useless = 0

    @property
    def count(self) -> int:
        """Return how many items there were."""
        return len(self._ids) + self._useless

    def check(self, *, ended: bool = False) -> None:
        """Raise `MalformedAnswerError` if most items so far are no mailboxes, or too small for one."""
        most = self.count / 2 if ended else max(JUDGED_ITEMS, self.count * 3 / 4)
        if self._useless > most:
            raise MalformedAnswerError(f"{self._useless} of the first {self.count} items are no mailboxes")
        check_sizes(self.count, self._size_bytes)

    def add_strictly(self, block: bytes) -> None:
        """Add a block whole, or raise what `UNREADABLE` names and add nothing."""
        ids, columns, unusable = self._strict.decode(block)
        self._ids += ids
        for column, values in zip(self._columns, columns, strict=True):
            column.extend(values)
        self._suspects += unusable
        self._size_bytes += len(block)
        self.check()

    def add_tolerantly(self, raw: Raw | bytes) -> None:
        """Add one mailbox with what can be used of it; nothing without an id."""
        self._size_bytes += len(memoryview(raw))
        mailbox = tolerant.loads(raw)
        mailbox_id = tolerant.text(mailbox.get(self._feed.id_name))
        if mailbox_id is None:
            self._suspects[self._feed.id_name] += 1
            self._useless += 1
            self.check()
            return
        self.check()
        self._ids.append(mailbox_id)
        for column, (value, suspect) in zip(
            self._columns, tolerant.read(mailbox, self._feed.fields), strict=True
        ):
            column.append(value)
            if suspect:
                self._suspects[suspect] += 1

    def _proven_unit(self, rates: Column) -> str:
        named = {field.column: column for field, column in zip(self._feed.fields, self._columns, strict=True)}
        return proven_unit(rates, named.get("campaign_sent"), named.get("campaign_bounced"))

    def answer(self, unit: str, known_unit: str) -> Answer:
        """Return the finished columns; the first mailbox of an id counts."""
        used = proven = ""
        fields = list(zip(self._feed.fields, self._columns, strict=True))
        for field, column in fields:
            if field.check is Check.STATE:
                column[:] = _few_states(column, field.states)
            if field.column == BOUNCE_RATE:
                proven = self._proven_unit(column)
                used = (proven or known_unit or RATIO) if unit == AUTO else unit
                column[:] = as_ratios(column, used)
            if field.is_ratio and max(filter(None, column), default=0) > 1:
                self._suspects[field.name] += sum(value is not None and value > 1 for value in column)
        answer = Answer(
            ids=self._ids,
            texts=filled({field.column: column for field, column in fields if field.is_text}),
            numbers=filled({field.column: column for field, column in fields if not field.is_text}),
            suspects=dict(self._suspects),
            duplicates=len(self._ids) - len(set(self._ids)),
            unit=used,
            proven_unit=proven,
        )
        return answer.where(_first_of_each(self._ids)) if answer.duplicates else answer


def _first_of_each(ids: Iterable[str]) -> list[bool]:
    rows: dict[str, int] = {}
    return [rows.setdefault(mailbox_id, row) == row for row, mailbox_id in enumerate(ids)]


def _few_states(states: list[str | None], documented: Iterable[str]) -> list[str | None]:
    """Return the states with `OTHER` for those beyond the first unknown ones."""
    unknown = [state for state in dict.fromkeys(states) if state is not None and state not in documented]
    beyond = {*unknown[MOST_UNKNOWN_STATES:]}
    return [OTHER if state in beyond else state for state in states] if beyond else states
