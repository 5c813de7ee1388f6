"""From an answer to the samples of every metric family of its mailboxes, by the catalogue.

Families whose column did not change since the last answer are taken over as they are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.answers.answer import Answer, Column, Texts, domain_of
from exporter.answers.texts import split_tags
from exporter.catalogue import mailbox
from exporter.catalogue.kinds import Check, Feed, Field, Metric
from exporter.fleet.counters import Totals
from exporter.fleet.reading import Part, Roster
from exporter.textformat.body import Piece
from exporter.textformat.lines import encode_column, escaped, label_text

LONGEST_TAG = 64
"""Characters of a tag that are shown."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the info metric shows of a mailbox: its address through `email`, its display name if wanted."""

    email: Callable[[str], str]
    display_name: bool = False


def roster_of(label: str, answer: Answer, previous: Roster | None) -> Roster:
    """Return the roster of a base answer; the last one if it has the same mailboxes under the same label."""
    emails = answer.text("email")
    if previous and previous.label == label and previous.ids == answer.ids and previous.emails == emails:
        return previous
    rows = [
        b'domain="%s",mailbox_id="%s"} ' % pair
        for pair in zip(map(escaped, map(domain_of, emails)), map(escaped, answer.ids), strict=True)
    ]
    return Roster(label, answer.ids, emails, rows)


def render_base(
    feed: Feed, answer: Answer, totals: Totals, roster: Roster, disclosure: Disclosure, previous: Part | None
) -> Part:
    """Render the answer of the base feed, with the counters and the info of its mailboxes.

    `previous` is the part rendered from the last answer with the same disclosure, if there is one.
    """
    families = _Families(feed, roster, previous)
    families.add_fields(answer, disclosure)
    for name, metric in mailbox.COUNTERS.items():
        families.add_column(metric, totals.risen.get(name), {})
    families.add_info(answer, disclosure)
    return families.part()


def render_join(
    feed: Feed, answer: Answer, roster: Roster, disclosure: Disclosure, previous: Part | None
) -> Part:
    """Render the answer of a feed that joins, for the mailboxes of the roster alone; `previous` as above."""
    families = _Families(feed, roster, previous)
    families.add_fields(answer.aligned(roster.ids), disclosure)
    return families.part()


class _Families:
    """The families of one part while they are rendered or taken over."""

    def __init__(self, feed: Feed, roster: Roster, previous: Part | None) -> None:
        self._feed = feed
        self._roster = roster
        self._previous = previous if previous and previous.roster is roster else None
        self._sources: dict[str, Any] = {}
        self._pieces: dict[str, Piece] = {}

    def part(self) -> Part:
        """Return the finished part."""
        return Part(self._roster, self._sources, self._pieces)

    def add_fields(self, answer: Answer, disclosure: Disclosure) -> None:
        """Add the families of the feed's fields; `answer` has a row for each of the roster."""
        for field in self._feed.fields:
            if field.metric is None or field.column not in (
                answer.texts if field.is_text else answer.numbers
            ):
                continue
            match field.check:
                case Check.STATE:
                    self._add_states(field, field.metric, answer.text(field.column))
                case Check.TAGS:
                    self._add_tags(field.metric, answer.text(field.column), disclosure)
                case Check.NOTE:
                    notes = answer.text(field.column)
                    self.add_column(
                        field.metric, [None if note is None else note != "" for note in notes], {}
                    )
                case Check.TEXT:
                    self._add_labels(field.metric, answer)
                case _:
                    window = self._feed.window
                    labels = {"window": window} if window and "window" in field.metric.labels else {}
                    self.add_column(field.metric, answer.numbers.get(field.column), labels)

    def add_column(self, metric: Metric, column: Column | None, labels: Mapping[str, str]) -> None:
        """Add a family of one sample a mailbox; none at all without a column."""
        if column is not None:
            fixed = self._fixed(labels)
            self._add(
                metric,
                column,
                lambda: encode_column(metric.name, fixed, self._roster.rows, column),
                len(column) - column.count(None),
            )

    def add_info(self, answer: Answer, disclosure: Disclosure) -> None:
        """Add the family of addresses and display names."""
        metric, fixed = mailbox.INFO, self._fixed({})
        names = answer.text("display_name")
        ones = [1] * len(answer)
        self._add(
            metric,
            (self._roster.emails, names),
            lambda: encode_column(metric.name, fixed, _info_rows(self._roster, names, disclosure), ones),
            len(ones),
        )

    def _add_states(self, field: Field, metric: Metric, states: Texts) -> None:
        """Add a family of 0 or 1 for each documented state, and 1 for another one, as it comes."""
        self._add(metric, states, lambda: self._encode_states(metric.name, states, field.states))

    def _add_tags(self, metric: Metric, texts: Texts, disclosure: Disclosure) -> None:
        """Add a family of 1 for each tag of a mailbox."""

        def encode() -> Iterator[bytes]:
            rows = [
                b'tag="%s",%s' % (escaped(tag), row)
                for row, text in zip(self._roster.rows, texts, strict=True)
                for tag in shown_tags(text, disclosure)
            ]
            return encode_column(metric.name, self._fixed({}), rows, [1] * len(rows))

        self._add(metric, texts, encode)

    def _add_labels(self, metric: Metric, answer: Answer) -> None:
        """Add a family of 1 whose labels beside the mailbox's are columns of the answer.

        A mailbox without the first of them has none.
        """
        names = [name for name in metric.labels if name not in mailbox.LABELS]
        columns = [answer.text(name) for name in names]

        def encode() -> Iterator[bytes]:
            rows = [
                b"%s,%s" % (label_text(dict(zip(names, (text or "" for text in texts), strict=True))), row)
                for row, *texts in zip(self._roster.rows, *columns, strict=True)
            ]
            ones = [None if text is None else 1 for text in columns[0]]
            return encode_column(metric.name, self._fixed({}), rows, ones)

        self._add(metric, columns, encode)

    def _add(
        self,
        metric: Metric,
        source: object,
        encode: Callable[[], Iterator[bytes]],
        samples: int | None = None,
    ) -> None:
        name, previous = metric.name, self._previous
        self._sources[name] = source
        if previous and previous.sources.get(name) == source:
            self._pieces[name] = previous.pieces[name]
        else:
            self._pieces[name] = Piece.of(encode(), samples)

    def _encode_states(self, name: str, states: Texts, documented: Sequence[str]) -> Iterator[bytes]:
        def encode(state: str, rows: Sequence[bytes], column: Column) -> Iterator[bytes]:
            return encode_column(name, self._fixed({"status": state}), rows, column)

        rows = self._roster.rows
        for state in documented:
            yield from encode(state, rows, [None if own is None else own == state for own in states])
        others: dict[str, list[bytes]] = {}
        if not {*states} <= {*documented, None}:
            for row, own in zip(rows, states, strict=True):
                if own is not None and own not in documented:
                    others.setdefault(own, []).append(row)
        for state, its_rows in others.items():
            yield from encode(state, its_rows, [1] * len(its_rows))

    def _fixed(self, labels: Mapping[str, str]) -> bytes:
        return label_text({"workspace": self._roster.label, **labels})


def shown_tags(text: str | None, disclosure: Disclosure) -> Iterable[str]:
    """Return the tags of a mailbox as they may be shown, each once."""
    tags = (disclosure.email(tag) if "@" in tag else tag for tag in split_tags(text))
    return dict.fromkeys(tag[:LONGEST_TAG] for tag in tags)


def _info_rows(roster: Roster, names: Texts, disclosure: Disclosure) -> list[bytes]:
    emails: Iterable[bytes] = (escaped(disclosure.email(email or "")) for email in roster.emails)
    if not disclosure.display_name:
        return [b'email="%s",%s' % pair for pair in zip(emails, roster.rows, strict=True)]
    shown = (escaped(name or "") for name in names)
    return [b'email="%s",display_name="%s",%s' % row for row in zip(emails, shown, roster.rows, strict=True)]
