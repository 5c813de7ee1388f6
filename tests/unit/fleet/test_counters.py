"""Counters as the rises of all-time totals, from 0 at first sight."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer
from exporter.catalogue.mailbox import COUNTERS
from exporter.fleet.counters import DEPARTED_KEPT_SECONDS, Totals

DAY = 24 * 3600.0
SENT = "campaign_sent"
BOUNCED = "campaign_bounced"


def answer(sent: dict[str, float | None] | Sequence[str]) -> Answer:
    """Return an answer with the campaign sends by mailbox id; with ids alone, the older one."""
    return Answer(list(sent), numbers={SENT: list(sent.values())} if isinstance(sent, dict) else {})


def counted(*answers: Answer, every: float = 60.0) -> Totals:
    """Return the totals after the answers, one poll after the other."""
    totals = Totals()
    for number, one in enumerate(answers):
        totals = totals.after(one, number * every)
    return totals


def risen(totals: Totals) -> dict[str, float]:
    """Return the sends counted by mailbox id, without those that have none."""
    column = totals.risen.get(SENT, [None] * len(totals.ids))
    pairs = zip(totals.ids, column, strict=True)
    return {mailbox_id: number for mailbox_id, number in pairs if number is not None}


def test_a_mailbox_starts_at_0_whatever_its_total_is() -> None:
    assert risen(counted(answer({"a": 4500}))) == {"a": 0}


def test_a_counter_adds_up_the_rises_of_a_total() -> None:
    assert risen(counted(*(answer({"a": total}) for total in (4500, 4500, 4507, 4510)))) == {"a": 10}


def test_a_fall_adds_nothing_and_the_rise_after_it_does() -> None:
    falls = [answer({"a": total}) for total in (4500, 4510, 4498, 4498, 4600)]

    assert risen(counted(*falls[:3])) == {"a": 10}
    assert risen(counted(*falls)) == {"a": 100}, "what is above the total before the fall"


def test_a_missing_value_in_between_loses_nothing() -> None:
    assert risen(counted(answer({"a": 10}), answer({"a": None}), answer({"a": 15}))) == {"a": 5}


def test_a_mailbox_without_a_value_has_no_counter_until_it_has_one() -> None:
    answers = [answer({"a": None, "b": 1}), answer({"a": 7, "b": 2}), answer({"a": 9, "b": 3})]

    assert risen(counted(*answers[:1])) == {"b": 0}
    assert risen(counted(*answers[:2])) == {"a": 0, "b": 1}
    assert risen(counted(*answers)) == {"a": 2, "b": 2}


def test_an_older_answer_in_between_loses_nothing() -> None:
    between = counted(answer({"a": 10}), answer(["a"]))

    assert risen(between) == {"a": 0}
    assert risen(between.after(answer({"a": 15}), 120)) == {"a": 5}


def test_the_order_of_the_mailboxes_does_not_matter() -> None:
    first, second = answer({"a": 10, "b": 20}), answer({"b": 21, "a": 13})

    assert risen(counted(first, second, first)) == {"a": 3, "b": 1}


def test_a_new_mailbox_starts_at_0_and_changes_no_other() -> None:
    assert risen(counted(answer({"a": 1}), answer({"b": 900, "a": 3}))) == {"a": 2, "b": 0}


def test_every_counter_counts_for_itself() -> None:
    first = replace(answer(["a"]), numbers={name: [10] for name in COUNTERS})
    rises = {name: [10 + rise] for rise, name in enumerate(COUNTERS)}

    totals = counted(first, replace(first, numbers=rises))

    assert totals.risen == {name: [rise] for rise, name in enumerate(COUNTERS)}


@pytest.mark.parametrize(
    ("away", "expected"),
    [(60.0, 7), (DEPARTED_KEPT_SECONDS - 1, 7), (DEPARTED_KEPT_SECONDS, 0), (30 * DAY, 0)],
)
def test_a_mailbox_that_comes_back_within_7_days_goes_on_and_later_starts_from_0(
    away: float, expected: int
) -> None:
    totals = Totals().after(answer({"a": 10, "b": 1}), 0).after(answer({"a": 15, "b": 1}), 60)

    gone = totals.after(answer({"b": 2}), 120)
    back = gone.after(answer({"b": 3, "a": 17}), 120 + away)

    assert risen(gone) == {"b": 1}
    assert risen(back) == {"b": 2, "a": expected}


def test_a_mailbox_is_gone_since_it_was_first_missing() -> None:
    totals = Totals().after(answer({"a": 10, "b": 1}), 0).after(answer({"b": 1}), 60)
    for day in range(1, 7):
        totals = totals.after(answer({"b": 1, f"other {day}": 1}), day * DAY)

    assert risen(totals.after(answer({"a": 11}), 7 * DAY)) == {"a": 1}
    assert risen(totals.after(answer({"a": 11}), 60 + 7 * DAY)) == {"a": 0}


def test_the_totals_of_the_long_gone_are_not_kept() -> None:
    totals = Totals().after(answer({"a": 10, "b": 1}), 0).after(answer({"b": 1}), 60)
    assert list(totals.departed) == ["a"]

    assert list(totals.after(answer({"c": 1}), 8 * DAY).departed) == ["b"]


def test_a_mailbox_that_is_back_is_no_longer_among_the_gone() -> None:
    assert not counted(answer({"a": 1}), answer({}), answer({"a": 1})).departed


def test_an_answer_without_mailboxes_keeps_every_total() -> None:
    assert risen(counted(answer({"a": 1, "b": 5}), answer({}), answer({"a": 2, "b": 5}))) == {"a": 1, "b": 0}


def test_a_column_that_did_not_change_is_the_same_object() -> None:
    before = counted(answer({"a": 1, "b": 5}))

    after = before.after(answer({"a": 1, "b": 5}), 60)

    assert after.risen[SENT] is before.risen[SENT]


def test_a_counter_that_was_not_kept_before_starts_at_0() -> None:
    kept = Totals(["a"], seen={BOUNCED: [3]}, risen={BOUNCED: [2]})

    totals = kept.after(answer({"a": 10}), 0)

    assert totals.risen == {BOUNCED: [2], SENT: [0]}


def test_totals_are_not_changed_by_what_comes_after() -> None:
    before = counted(answer({"a": 1}))
    before.after(answer({"a": 10}), 60)
    before.after(answer({"b": 10}), 60)

    assert (list(before.ids), risen(before), before.departed) == (["a"], {"a": 0}, {})


totals_by_id = st.dictionaries(st.sampled_from("abcd"), st.none() | st.integers(0, 20))


@given(
    st.lists(
        st.permutations("abcd").flatmap(
            lambda order: totals_by_id.map(
                lambda totals: {key: totals[key] for key in order if key in totals}
            )
        )
    )
)
def test_a_counter_is_the_sum_of_the_rises_above_what_was_seen_before(
    polls: list[dict[str, float | None]],
) -> None:
    expected: dict[str, float] = {}
    last: dict[str, float] = {}
    totals = Totals()
    for number, poll in enumerate(polls):
        totals = totals.after(answer(poll), number * 60.0, math.inf)
        for mailbox_id, total in poll.items():
            if total is not None:
                highest = last.setdefault(mailbox_id, total)
                expected[mailbox_id] = expected.get(mailbox_id, 0) + max(0, total - highest)
                last[mailbox_id] = max(total, highest)
        assert list(totals.ids) == list(poll)
        assert risen(totals) == {key: number for key, number in expected.items() if key in poll}
