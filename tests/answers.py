"""Answers of the API for mailboxes, as documented and as changed by a test."""

import json
from collections.abc import Sequence
from typing import Any

from exporter.answers.answer import Answer
from exporter.answers.parse import parse
from exporter.catalogue.kinds import Check, Feed, Field, Rows
from exporter.catalogue.mailbox import FIELDS
from exporter.config import CollectorsConfig
from exporter.sendkit.feeds import COLLECTORS, analytics

Mailbox = dict[str, Any]

BASE = analytics.all_time(60)
WEEK = analytics.window("7d", 7, 900)
EVERY_COLLECTOR = [
    feed
    for collector in COLLECTORS
    if (feed := collector(CollectorsConfig.model_validate({"tests": {"enabled": True}})))
]
ID = "664a1b2c3d4e5f6a7b8c9d03"

DOCUMENTED: dict[str, Any] = {
    "email": "sales@example.com",
    "displayName": "Sales",
    "status": "active",
    "totalSent": 4500,
    "totalReceived": 320,
    "bounceRate": 0.02,
    "sentToday": 45,
    "dailySendLimit": 100,
    "warmup.enabled": True,
    "warmup.status": "completed",
    "performance.sent": 1000,
    "performance.opened": 400,
    "performance.clicked": 35,
    "performance.bounced": 12,
    "performance.replied": 50,
    "performance.positiveReplied": 20,
    "rates.open": "25.0",
    "rates.click": "3.5",
    "rates.bounce": "1.2",
    "rates.reply": "5.0",
    "rates.positiveReply": "2.0",
}
"""A mailbox's values, by the place of their field."""

OF_ITS_KIND: dict[Check, Any] = {
    Check.TEXT: "a text",
    Check.OPTIONAL_TEXT: "a text",
    Check.STATE: "a state",
    Check.FLAG: True,
    Check.COUNT: 42,
    Check.RATIO: 0.125,
    Check.PERCENT: "12.5",
    Check.SCORE: 85,
    Check.TIME: "2026-05-01T09:00:00.000Z",
    Check.NOTE: "550 5.1.8 Access denied",
    Check.TAGS: ["batch 1", "owner bob@example.com"],
}
"""A value for a field that is not in `DOCUMENTED`."""


def put(mailbox: Mailbox, field: Field, value: Any) -> None:  # noqa: ANN401 - whatever an API may send
    """Put a value into a mailbox, at the place of its field."""
    *parts, name = (name for name, _ in field.path)
    for part in parts:
        mailbox = mailbox.setdefault(part, {})
    mailbox[name] = value


def mailbox(**changes: Any) -> Mailbox:  # noqa: ANN401 - whatever an API may send
    """Return a mailbox with every field of the catalogue, with changes by its top-level fields."""
    example: Mailbox = {"_id": ID}
    for field in FIELDS:
        put(example, field, DOCUMENTED.get(field.name, OF_ITS_KIND[field.check]))
    return example | changes


def collected(feed: Feed, *mailbox_ids: str, **changes: Any) -> bytes:  # noqa: ANN401 - whatever an API may send
    """Return an answer to a collector with every field of it, with changes by its top-level fields."""

    def example(part: Feed) -> Mailbox:
        item: Mailbox = {}
        for field in part.fields:
            put(item, field, OF_ITS_KIND[field.check])
        return item | changes

    if feed.parts:
        return _document("data", {part.name: [example(part)] for part in feed.parts})
    if feed.rows is Rows.WORKSPACE:
        return _document(feed.items, example(feed))
    return _document(feed.items, [{feed.id_name: mailbox_id, **example(feed)} for mailbox_id in mailbox_ids])


def _document(items: str, found: object) -> bytes:
    for name in reversed(items.split(".")):
        found = {name: found}
    assert isinstance(found, dict)
    return json.dumps({"success": True, **found}).encode()


def older(**changes: Any) -> Mailbox:  # noqa: ANN401 - whatever an API may send
    """Return a mailbox of the API's older answer."""
    return {name: value for name, value in mailbox(**changes).items() if name not in {"performance", "rates"}}


def envelope(mailboxes: Sequence[object]) -> bytes:
    return json.dumps({"success": True, "data": mailboxes}).encode()


def answer_of(*mailboxes: object, feed: Feed = BASE, unit: str = "auto") -> Answer:
    return parse(envelope(mailboxes), feed, unit)


def with_raw(field: str, raw: bytes) -> bytes:
    """Return an answer of two mailboxes, the first with a field as these bytes; `part.name` is inside one."""
    part, _, name = field.partition(".")
    mark = "a place for the raw value"
    changed = {**mailbox()[part], name: mark} if name else mark
    first = json.dumps(mailbox(_id="first") | {part: changed}).encode()
    second = json.dumps(mailbox(_id="second")).encode()
    assert first.count(mark.encode()) == 1
    return b'{"success":true,"data":[%s,%s]}' % (first.replace(b'"%s"' % mark.encode(), raw), second)


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Return an answer as one mapping a mailbox, without what is missing."""
    columns = {**answer.texts, **answer.numbers}
    return [
        {
            "id": mailbox_id,
            **{name: column[row] for name, column in columns.items() if column[row] is not None},
        }
        for row, mailbox_id in enumerate(answer.ids)
    ]


def brief(value: object) -> str:
    """Return a test's name from a parameter."""
    text = repr(value)
    return text if len(text) < 40 else f"{text[:20]}...{len(text)}"
