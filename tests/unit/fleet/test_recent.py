"""What a workspace sent lately, and what of it bounced: by mailbox, by domain and as a whole."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from exporter.fleet.counters import Totals
from exporter.fleet.recent import DAY_SECONDS, HOUR_SECONDS, Recent, Rise, left_active, rises
from exporter.fleet.recent_saved import SavedRecent
from tests.answers import answer_of
from tests.scripted_api import mailbox

START = 1_700_000_000.0


def box(mailbox_id: str, sent: int, bounced: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return mailbox(mailbox_id, performance={"sent": sent, "bounced": bounced}, **fields)


amounts = st.lists(
    st.builds(
        Rise,
        st.sampled_from(["m1", "m2", "m3"]),
        st.sampled_from(["a.example", "b.example"]),
        st.integers(0, 50),
        st.integers(0, 5),
    ),
    max_size=4,
)
story = st.lists(st.tuples(st.integers(0, 10 * HOUR_SECONDS), amounts), max_size=30)


def lived(events: Sequence[tuple[int, list[Rise]]]) -> tuple[Recent, list[tuple[float, Rise]], float]:
    """Return the recent past after events, each so long after the one before, and what happened when."""
    recent, now, happened = Recent(), START, []
    for seconds, rose in events:
        now += seconds
        recent = recent.after(rose, {}, now)
        happened += [(now, rise) for rise in rose]
    return recent, happened, now


@given(story)
def test_a_day_and_a_week_hold_what_rose_within_them_and_no_more_than_a_part_before(
    events: list[tuple[int, list[Rise]]],
) -> None:
    recent, happened, now = lived(events)
    for past, of in (
        (recent.mailboxes, lambda rise: rise.mailbox_id),
        (recent.domains, lambda rise: rise.domain),
        (recent.workspace, lambda _: ""),
    ):
        for series, seconds, kept in ((past.day, HOUR_SECONDS, 24), (past.week, DAY_SECONDS, 7)):
            first = (now // seconds - kept) * seconds
            inside = [rise for at, rise in happened if at >= first]
            for subject in {of(rise) for _, rise in happened}:
                own = [rise for rise in inside if of(rise) == subject]
                bounced, sent = sum(rise.bounced for rise in own), sum(rise.sent for rise in own)
                assert series.total.of(subject) == (bounced, sent)
                assert series.last(kept, now, subject) == (bounced, sent)


@given(story)
def test_what_is_saved_is_what_is_known_after_a_restart(events: list[tuple[int, list[Rise]]]) -> None:
    recent, _, _ = lived(events)
    written = msgspec.msgpack.encode(SavedRecent.of(recent))
    assert msgspec.msgpack.decode(written, type=SavedRecent).recent() == recent


def test_a_day_without_mails_leaves_nothing_of_the_day_before() -> None:
    recent = Recent().after([Rise("m1", "a.example", 10, 1)], {}, START)
    later = recent.after([], {}, START + 2 * DAY_SECONDS)
    assert not later.mailboxes.day.parts
    assert not later.mailboxes.day.total.sent
    assert later.mailboxes.week.total.of("m1") == (1, 10)
    assert not later.after([], {}, START + 9 * DAY_SECONDS).mailboxes.week.total.sent


def test_a_mailbox_seen_for_the_first_time_has_sent_nothing_lately() -> None:
    first = answer_of(box("m1", 100, 5))
    totals = Totals().after(first, 0)
    assert rises(Totals(), totals, first) == []
    second = answer_of(box("m1", 103, 6), box("m2", 500, 30))
    assert rises(totals, totals.after(second, 60), second) == [Rise("m1", "example.com", 3, 1)]


def test_rises_follow_the_mailbox_when_the_list_is_in_another_order() -> None:
    totals = Totals().after(answer_of(box("m1", 100, 5), box("m2", 10, 0)), 0)
    second = answer_of(box("m2", 12, 1), box("m1", 101, 5))
    rose = rises(totals, totals.after(second, 60), second)
    assert {(rise.mailbox_id, rise.sent, rise.bounced) for rise in rose} == {("m2", 2, 1), ("m1", 1, 0)}


def test_when_a_mailbox_left_active_is_known_until_it_returns_or_is_deleted() -> None:
    def statuses(**status: str) -> Any:  # noqa: ANN401 - an answer
        return answer_of(*(mailbox(each, status=own) for each, own in status.items()))

    before = statuses(m1="active", m2="active", m3="pending", m4="suspended")
    after = statuses(m1="suspended", m2="active", m3="failed", m4="suspended")
    left = left_active(before, after, {}, 10.0)
    assert left == {"m1": 10.0}, "one that never was active has not left it"
    assert left_active(None, after, left, 20.0) == left
    assert left_active(after, statuses(m1="error", m2="inactive"), left, 20.0) == {"m1": 10.0, "m2": 20.0}
    assert left_active(after, statuses(m1="active", m2="active"), left, 20.0) == {}
    assert left_active(after, statuses(m2="active"), left, 20.0) == {}
