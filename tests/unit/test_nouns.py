"""Nouns as they follow a count."""

import pytest

from exporter.nouns import counted, several


@pytest.mark.parametrize(
    ("count", "noun", "shown"),
    [
        (1, "mailbox", "1 mailbox"),
        (2, "mailbox", "2 mailboxes"),
        (0, "workspace", "0 workspaces"),
        (10_233, "reply", "10,233 replies"),
    ],
)
def test_a_count_with_its_noun_reads_as_people_write_it(count: int, noun: str, shown: str) -> None:
    assert several(count, noun) == shown


def test_a_noun_follows_its_count() -> None:
    assert [counted("mailbox", count) for count in (1, 1.0, 0, 2, None)] == [
        *["mailbox"] * 2,
        *["mailboxes"] * 3,
    ]


def test_the_plural_of_a_noun_is_by_its_end() -> None:
    nouns = ("mailbox", "reply", "send")
    assert [counted(noun, 2) for noun in nouns] == ["mailboxes", "replies", "sends"]
