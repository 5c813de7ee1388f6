"""Answers about a workspace itself: one row, of an object or of the newest finished test of a list."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from exporter.answers import tolerant
from exporter.answers.answer import Answer, filled
from exporter.answers.blocks import check_room, read_blocks
from exporter.answers.envelope import Body, opened
from exporter.answers.texts import unix_seconds
from exporter.catalogue.kinds import Feed, Rows

_SPLITTER = msgspec.json.Decoder(list[Raw])


def parse_facts(body: Body, feed: Feed) -> Answer:
    """Parse an answer whose rows are not mailboxes; without a finished test there is no row.

    Raises `envelope.MalformedAnswerError`, and `MemoryError` when there is no room to read it.
    """
    check_room()
    suspects: Counter[str] = Counter()
    facts: dict[str, tuple[tolerant.Value, ...]] = {}
    for part in feed.parts or (feed,):
        items = f"data.{part.name}" if feed.parts else part.items
        found = _object(body, items) if part.rows is Rows.WORKSPACE else _newest(body, items, part)
        if found is not None:
            for field, (value, suspect) in zip(part.fields, tolerant.read(found, part.fields), strict=True):
                facts[field.column] = (value,)
                suspects.update([suspect] if suspect else [])
    numbers: Mapping[str, Any] = filled(facts)
    return Answer([feed.name] if numbers else [], numbers=numbers, suspects=dict(suspects))


def _object(body: Body, items: str) -> Mapping[str, Any]:
    return tolerant.loads(bytes(opened(body, items, "{...}").items))


def _newest(body: Body, items: str, feed: Feed) -> Mapping[str, Any] | None:
    """Return the finished test that ended last: one that still runs has no summary, or no end."""
    envelope = opened(body, items)
    newest: tuple[float, Mapping[str, Any]] | None = None

    def read(raw: bytes | Raw) -> None:
        nonlocal newest
        test = tolerant.loads(raw)
        end = test.get("completedAt")
        ended = unix_seconds(end) if isinstance(end, str) else None
        if ended is not None and all(isinstance(test.get(name), dict) for name in _summaries(feed)):
            newest = max(newest or (ended, test), (ended, test), key=lambda known: known[0])

    def read_block(block: bytes) -> None:
        for raw in _SPLITTER.decode(block):
            read(raw)

    read_blocks(envelope.items, read_block, read)
    return newest[1] if newest else None


def _summaries(feed: Feed) -> Iterator[str]:
    """Yield the names of the objects that hold what a test has found."""
    yield from {field.path[0][0] for field in feed.fields if len(field.path) > 1}
