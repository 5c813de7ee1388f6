"""Counts in the words of commands agree with their nouns."""

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Feed
from exporter.commands.advice import text
from exporter.commands.advice.judged import Advice
from exporter.commands.probe_table import seen_of


def test_a_threshold_that_called_once_called_1_time() -> None:
    *_, row = text.lines([Advice("minimum_bounces", 3, {3: 1}, 3)], days=7, workspaces=1)
    assert "  1 time  " in row


def test_a_collector_that_sees_one_mailbox_sees_1_mailbox() -> None:
    feed = Feed("mailboxes", "/v1/mailboxes", (), 900)
    assert [seen_of(feed, Answer(ids)) for ids in (["m0"], ["m0", "m1"])] == ["1 mailbox", "2 mailboxes"]
