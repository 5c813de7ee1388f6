"""Families that did not change since the last answer are taken over, and are what would be rendered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer
from exporter.exposition.rendering import Disclosure, render_join, roster_of
from exporter.fleet.counters import Totals
from exporter.fleet.reading import Part
from tests.answers import WEEK, Mailbox, answer_of, mailbox, older
from tests.rendering import NAMED, PLAIN, lines, rendered


@pytest.fixture
def before() -> tuple[Answer, Totals, Part]:
    answer = again({})
    totals = Totals().after(answer, 0)
    return answer, totals, rendered(answer, totals, NAMED)


def again(change: dict[str, Any]) -> Answer:
    """Return the answer of `before` with a change to its second mailbox."""
    return answer_of(mailbox(_id="a"), mailbox(**{"_id": "b", "email": "b@other.example"} | change))


def changed_families(before: Part, after: Part) -> set[str]:
    """Return the families whose piece is not the same object as before."""
    assert before.pieces.keys() == after.pieces.keys()
    return {name for name, piece in after.pieces.items() if piece is not before.pieces[name]}


def test_pieces_of_columns_that_did_not_change_are_taken_over(before: tuple[Answer, Totals, Part]) -> None:
    _, totals, part = before
    answer = again({})

    after = rendered(answer, totals.after(answer, 60), NAMED, part)

    assert changed_families(part, after) == set()


@pytest.mark.parametrize(
    ("change", "families"),
    [
        ({"sentToday": 46}, {"sendkit_mailbox_sent_today"}),
        ({"sentToday": None}, {"sendkit_mailbox_sent_today"}),
        ({"status": "error"}, {"sendkit_mailbox_status"}),
        ({"status": "warming_up"}, {"sendkit_mailbox_status"}),
        ({"status": None}, {"sendkit_mailbox_status"}),
        ({"warmup": {"enabled": True, "status": "idle"}}, {"sendkit_mailbox_warmup_status"}),
        ({"displayName": "Someone else"}, {"sendkit_mailbox_info"}),
        (
            {"performance": {**mailbox()["performance"], "sent": 1001}},
            {"sendkit_mailbox_campaign_sent", "sendkit_mailbox_emails_sent_total"},
        ),
        (
            {"performance": {**mailbox()["performance"], "sent": 999}},
            {"sendkit_mailbox_campaign_sent"},
        ),
    ],
    ids=lambda part: repr(sorted(part)),  # of one order in every process
)
def test_only_the_families_that_changed_are_rendered(
    before: tuple[Answer, Totals, Part], change: dict[str, Any], families: set[str]
) -> None:
    _, totals, part = before
    answer = again(change)
    totals = totals.after(answer, 60)

    after = rendered(answer, totals, NAMED, part)

    assert changed_families(part, after) == families
    assert lines(after) == lines(rendered(answer, totals, NAMED))


@pytest.mark.parametrize("change", [{"_id": "c"}, {"email": "b@moved.example"}], ids=repr)
def test_other_mailboxes_or_addresses_render_everything(
    before: tuple[Answer, Totals, Part], change: dict[str, Any]
) -> None:
    _, totals, part = before
    answer = again(change)
    totals = totals.after(answer, 60)

    after = rendered(answer, totals, NAMED, part)

    assert changed_families(part, after) == {*after.pieces}
    assert lines(after) == lines(rendered(answer, totals, NAMED))


def test_under_another_label_every_family_is_rendered_anew(before: tuple[Answer, Totals, Part]) -> None:
    answer, totals, part = before

    after = rendered(answer, totals, NAMED, part, "renamed")

    assert changed_families(part, after) == {*after.pieces}
    assert b"acme" not in b"".join(lines(after).values())


def test_a_family_that_comes_or_goes_is_rendered_or_left_out() -> None:
    newer, old = answer_of(mailbox()), answer_of(older())
    part = rendered(newer)

    gone = rendered(old, previous=part)
    back = rendered(newer, previous=gone)

    assert "sendkit_mailbox_campaign_sent" not in gone.pieces
    assert lines(gone) == lines(rendered(old))
    assert lines(back) == lines(part)


values = st.none() | st.integers(0, 2)
changing: st.SearchStrategy[Mailbox] = st.builds(
    mailbox,
    _id=st.sampled_from("abc"),
    email=st.sampled_from(["a@x.example", "a@y.example", None]),
    displayName=st.sampled_from(["A", "B"]),
    status=st.sampled_from(["active", "error", "odd", "odder", None]),
    sentToday=values,
    totalSent=values,
    performance=st.none() | st.fixed_dictionaries({"sent": values, "bounced": values}),
    rates=st.none() | st.fixed_dictionaries({"open": st.sampled_from(["1.0", "2.0", None])}),
)


@given(st.lists(st.lists(changing, max_size=3), max_size=6), st.sampled_from([PLAIN, NAMED]))
def test_what_is_taken_over_is_what_would_have_been_rendered(
    polls: list[list[Mailbox]], disclosure: Disclosure
) -> None:
    totals, previous = Totals(), None
    for number, mailboxes in enumerate(polls):
        answer = answer_of(*mailboxes)
        totals = totals.after(answer, number)
        previous = rendered(answer, totals, disclosure, previous)
        assert lines(previous) == lines(rendered(answer, totals, disclosure))


@given(st.lists(st.tuples(st.booleans(), st.lists(changing, max_size=3)), max_size=8))
def test_what_a_window_takes_over_is_what_would_have_been_rendered(
    polls: list[tuple[bool, list[Mailbox]]],
) -> None:
    """Answers of the base, which change the roster, and of the window come in any order."""
    base = answer_of(mailbox(_id="a"))
    roster, week, previous = roster_of("acme", base, None), answer_of(feed=WEEK), None
    for is_base, mailboxes in polls:
        if is_base:
            roster = roster_of("acme", answer_of(*mailboxes), roster)
        else:
            week = answer_of(*mailboxes, feed=WEEK)
        previous = render_join(WEEK, week, roster, PLAIN, previous)
        assert lines(previous) == lines(render_join(WEEK, week, roster, PLAIN, None))


def test_a_window_is_rendered_anew_for_another_roster() -> None:
    answer = answer_of(mailbox(_id="a"), feed=WEEK)
    roster = roster_of("acme", answer_of(mailbox(_id="a")), None)
    part = render_join(WEEK, answer, roster, PLAIN, None)

    same = render_join(WEEK, answer, roster, PLAIN, part)
    moved = render_join(
        WEEK, answer, roster_of("acme", answer_of(mailbox(_id="a", email="a@b")), roster), PLAIN, part
    )

    assert changed_families(part, same) == set()
    assert changed_families(part, moved) == {*moved.pieces}


def test_a_roster_stays_the_same_object_while_its_mailboxes_are_the_same() -> None:
    roster = roster_of("acme", answer_of(mailbox(sentToday=1)), None)

    assert roster_of("acme", answer_of(mailbox(sentToday=2)), roster) is roster
    assert roster_of("other", answer_of(mailbox()), roster) is not roster
    assert roster_of("acme", answer_of(mailbox(_id="other")), roster) is not roster
    assert roster_of("acme", answer_of(mailbox(email="other@b")), roster) is not roster
