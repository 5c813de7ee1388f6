"""Whole answers: what is taken from them, which mailboxes count, and how feeds differ."""

from dataclasses import replace

import pytest

from exporter.answers.parse import parse
from exporter.catalogue.kinds import Check
from exporter.catalogue.mailbox import EVENTS, FIELDS, RATES
from exporter.textformat.lines import BLOCK
from tests.answers import BASE, ID, OF_ITS_KIND, WEEK, answer_of, envelope, mailbox, older, rows, with_raw

OF_CAMPAIGNS = {field.column for field in (*EVENTS, *RATES)}


# The documented answers


def test_the_documented_answer_is_taken_whole() -> None:
    expected = {
        "id": "664a1b2c3d4e5f6a7b8c9d03",
        "email": "sales@example.com",
        "display_name": "Sales",
        "status": "active",
        "warmup_status": "completed",
        "warmup_enabled": 1,
        "lifetime_sent": 4500,
        "lifetime_received": 320,
        "bounce_ratio": 0.02,
        "sent_today": 45,
        "daily_send_limit": 100,
        "campaign_sent": 1000,
        "campaign_opened": 400,
        "campaign_clicked": 35,
        "campaign_bounced": 12,
        "campaign_replied": 50,
        "campaign_positive_replied": 20,
        "campaign_open_ratio": 0.25,
        "campaign_click_ratio": 0.035,
        "campaign_bounce_ratio": 0.012,
        "campaign_reply_ratio": 0.05,
        "campaign_positive_reply_ratio": 0.02,
    }

    answer = answer_of(mailbox())

    (row,) = rows(answer)
    assert row | expected == row
    assert row.keys() == {"id", *(field.column for field in FIELDS)}
    assert (answer.suspects, answer.duplicates) == ({}, 0)


def test_the_older_answer_without_performance_and_rates_is_no_reason_for_suspicion() -> None:
    answer = answer_of(
        older(_id="a"),
        older(_id="b", bounceRate=0.05, warmup={"enabled": False, "status": "in_progress"}),
    )

    assert answer.suspects == {}
    assert not OF_CAMPAIGNS & answer.numbers.keys()
    assert answer.numbers["bounce_ratio"] == [0.02, 0.05]
    assert answer.numbers["warmup_enabled"] == [1, 0]
    assert answer.text("warmup_status") == ["completed", "in_progress"]


def test_the_documentations_filler_values_pass_as_a_percentage() -> None:
    filler = mailbox(
        _id="example_string", bounceRate=3.14, warmup={"enabled": True, "status": "example_string"}
    )

    answer = answer_of(filler)

    assert answer.numbers["bounce_ratio"] == [0.0314]
    assert answer.text("warmup_status") == ["example_string"]
    assert answer.suspects == {}


def test_a_workspace_without_mailboxes_is_an_answer() -> None:
    answer = answer_of()

    assert (len(answer), answer.texts, answer.numbers, answer.suspects) == (0, {}, {}, {})


def test_fields_that_are_not_in_the_catalogue_are_ignored() -> None:
    assert answer_of(mailbox(unknown=["a", {"b": None}], unknownScore=99)) == answer_of(mailbox())


def test_unknown_statuses_come_as_they_are() -> None:
    answer = answer_of(mailbox(status="warming_up", warmup={"enabled": True, "status": "paused \U0001f525"}))

    assert answer.text("status") == ["warming_up"]
    assert answer.text("warmup_status") == ["paused \U0001f525"]
    assert answer.suspects == {}


# Which mailboxes count


@pytest.mark.parametrize("raw", [b"null", b'""', b"1", b"{}", b"[]", b"true", b'"%s"' % (b"x" * 321)])
def test_a_mailbox_without_an_id_is_left_out_and_counted(raw: bytes) -> None:
    answer = parse(with_raw("_id", raw), BASE)

    assert answer.ids == ["second"]
    assert answer.suspects == {"_id": 1}


def test_items_that_are_no_objects_are_left_out_and_counted() -> None:
    others = [mailbox(_id=f"other {number}") for number in range(5)]
    answer = answer_of(None, 1, "x", [], mailbox(), {}, *others, True)

    assert answer.ids == [ID, *(other["_id"] for other in others)]
    assert answer.suspects == {"_id": 6}


def test_of_mailboxes_that_share_an_id_the_first_one_counts() -> None:
    answer = answer_of(
        mailbox(_id="a", sentToday=1),
        mailbox(_id="b", sentToday=2),
        mailbox(_id="a", sentToday=3),
        mailbox(_id="a", sentToday=4),
    )

    assert answer.ids == ["a", "b"]
    assert answer.numbers["sent_today"] == [1, 2]
    assert answer.duplicates == 2


def test_a_column_without_a_number_is_left_out_when_only_a_repeated_mailbox_had_one() -> None:
    answer = answer_of(older(_id="a"), mailbox(_id="a"))

    assert answer.duplicates == 1
    assert not OF_CAMPAIGNS & answer.numbers.keys()


def test_older_and_newer_mailboxes_may_be_mixed() -> None:
    answer = answer_of(older(_id="a"), mailbox(_id="b"), older(_id="c"))

    assert answer.ids == ["a", "b", "c"]
    assert answer.numbers["campaign_sent"] == [None, 1000, None]
    assert answer.numbers["campaign_open_ratio"] == [None, 0.25, None]
    assert answer.suspects == {}


def test_performance_may_be_there_without_rates() -> None:
    answer = answer_of({name: value for name, value in mailbox().items() if name != "rates"})

    assert answer.numbers["campaign_sent"] == [1000]
    assert "campaign_open_ratio" not in answer.numbers
    assert answer.suspects == {}


# Blocks


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_answers_of_several_blocks_are_taken_whole_and_in_order(count: int) -> None:
    answer = answer_of(*(mailbox(_id=f"m{i}", sentToday=i) for i in range(count)))

    assert answer.ids == [f"m{i}" for i in range(count)]
    assert answer.numbers["sent_today"] == list(range(count))
    assert {len(column) for column in answer.numbers.values()} == {count}


@pytest.mark.parametrize("bad", [0, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_bad_mailbox_changes_no_other_wherever_it_is_in_the_list(bad: int) -> None:
    mailboxes = [mailbox(_id=f"m{i}", sentToday=i) for i in range(BLOCK + 2)]
    expected = rows(answer_of(*mailboxes))
    del expected[bad]["bounce_ratio"]
    mailboxes[bad]["bounceRate"] = None

    assert rows(answer_of(*mailboxes)) == expected


def test_a_block_of_the_older_answer_may_follow_one_of_the_newer() -> None:
    newer = [mailbox(_id=f"n{i}") for i in range(BLOCK)]
    answer = answer_of(*newer, *(older(_id=f"o{i}") for i in range(BLOCK)))

    assert answer.numbers["campaign_sent"] == [1000] * BLOCK + [None] * BLOCK
    assert answer.suspects == {}


# Feeds


def test_the_answer_of_a_window_is_read_for_its_campaign_figures_alone() -> None:
    answer = answer_of(mailbox(), feed=WEEK)

    assert answer.ids == [ID]
    assert answer.texts == {}
    assert answer.numbers == {
        name: column for name, column in answer_of(mailbox()).numbers.items() if name in OF_CAMPAIGNS
    }
    assert answer.numbers.keys() == OF_CAMPAIGNS


def test_what_is_bad_outside_the_campaign_figures_is_no_suspect_of_a_window() -> None:
    bad = mailbox(email=None, status=1, sentToday=-1, bounceRate=3, warmup=None)

    assert answer_of(bad, feed=WEEK) == answer_of(mailbox(), feed=WEEK)


def test_a_feed_may_have_its_mailboxes_elsewhere_and_name_their_ids_otherwise() -> None:
    feed = replace(WEEK, items="data.mailboxes", id_name="id")
    items = [
        {"id": "a", "_id": "x", "performance": {"sent": 7}},
        {"_id": "b"},
        {"id": "c", "rates": {"open": "50"}},
    ]
    body = envelope([]).replace(b"[]", b'{"mailboxes": %s, "total": 3}' % envelope(items)[26:-1])

    answer = parse(body, feed)

    assert answer.ids == ["a", "c"]
    assert answer.numbers["campaign_sent"] == [7, None]
    assert answer.numbers["campaign_open_ratio"] == [None, 0.5]
    assert answer.suspects["id"] == 1


def test_a_field_of_any_kind_has_an_example() -> None:
    assert OF_ITS_KIND.keys() == {*Check}
