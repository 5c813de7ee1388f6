"""What a scrape shows of each field of a mailbox, by its kind: a new field needs no test of its own."""

import pytest

from exporter.answers.parse import parse
from exporter.catalogue.kinds import Check, Feed, Rows
from exporter.exposition.rendering import render_join
from tests.answers import BASE, EVERY_COLLECTOR, ID, OF_ITS_KIND, WEEK, collected
from tests.rendering import PLAIN, rendered, samples_of

SHOWN = {
    Check.TEXT: {1},
    Check.STATE: {0, 1},
    Check.FLAG: {1},
    Check.COUNT: {42},
    Check.RATIO: {0.125},
    Check.PERCENT: {0.125},
    Check.SCORE: {0.85},
    Check.TIME: {1_777_626_000},
    Check.NOTE: {1},
    Check.TAGS: {1},
}
"""The samples of a field, by its kind, when an answer has the value in `OF_ITS_KIND`."""

LABEL = {Check.TEXT: "provider", Check.STATE: "status", Check.TAGS: "tag"}
"""The label that holds the text."""

OF_MAILBOXES = [BASE, WEEK, *(feed for feed in EVERY_COLLECTOR if feed.rows is Rows.MAILBOXES)]


@pytest.mark.parametrize("feed", OF_MAILBOXES, ids=lambda feed: feed.name)
def test_every_field_is_shown_as_its_kind_says(feed: Feed) -> None:
    base = rendered(parse(collected(BASE, ID), BASE))
    part = (
        render_join(feed, parse(collected(feed, ID), feed), base.roster, PLAIN, None) if feed.joins else base
    )
    samples = samples_of(part.pieces)

    for field in feed.fields:
        if field.metric is None:
            continue
        shown = samples.all_of(field.metric.name, mailbox_id=ID)
        assert {*shown.values()} == SHOWN[field.check], field.wire
        if field.check in LABEL:
            texts = OF_ITS_KIND[field.check]
            expected = {*texts} if isinstance(texts, list) else {texts, *field.states}
            assert samples.values_of(LABEL[field.check], field.metric.name) == expected
