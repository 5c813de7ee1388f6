"""What is known of the fleet: counters as rises, polls and their age, workspaces and their labels."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.fleet.fleet import (
    DEPARTED_KEPT_SECONDS,
    Fleet,
    Instant,
    Poll,
    Totals,
    Workspace,
    labels_for,
)
from exporter.metrics import ALL_TIME, MAILBOX_COUNTERS
from exporter.model import Answer, Reason

DAY = 24 * 3600.0
SENT = "campaign_sent"
BOUNCED = "campaign_bounced"


def answer(sent: dict[str, float | None] | Sequence[str], **suspects: int) -> Answer:
    """Return an answer with the campaign sends by mailbox id; with ids alone, the older one."""
    ids = list(sent)
    return Answer(
        ids=ids,
        emails=[""] * len(ids),
        display_names=[""] * len(ids),
        statuses=[None] * len(ids),
        warmup_statuses=[None] * len(ids),
        numbers={SENT: list(sent.values())} if isinstance(sent, dict) else {},
        suspects={name.replace("__", "."): count for name, count in suspects.items()},
    )


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


# Counters


def test_a_mailbox_starts_at_0_whatever_its_total_is() -> None:
    assert risen(counted(answer({"a": 4500}))) == {"a": 0}


def test_rises_add_up() -> None:
    assert risen(counted(*(answer({"a": total}) for total in (4500, 4500, 4507, 4510)))) == {"a": 10}


def test_a_fall_adds_nothing_and_the_rise_after_it_does() -> None:
    falls = [answer({"a": total}) for total in (4500, 4510, 4498, 4498, 4600)]

    assert risen(counted(*falls[:3])) == {"a": 10}
    assert risen(counted(*falls)) == {"a": 112}


def test_a_fall_to_0_and_back_counts_the_way_back() -> None:
    assert risen(counted(answer({"a": 5}), answer({"a": 0}), answer({"a": 5}))) == {"a": 5}


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
    first = replace(answer(["a"]), numbers={name: [10] for name in MAILBOX_COUNTERS})
    rises = {name: [10 + rise] for rise, name in enumerate(MAILBOX_COUNTERS)}

    totals = counted(first, replace(first, numbers=rises))

    assert totals.risen == {name: [rise] for rise, name in enumerate(MAILBOX_COUNTERS)}


@pytest.mark.parametrize(
    ("away", "expected"),
    [(60.0, 7), (DEPARTED_KEPT_SECONDS - 1, 7), (DEPARTED_KEPT_SECONDS, 0), (30 * DAY, 0)],
)
def test_a_mailbox_that_comes_back_within_7_days_goes_on_and_starts_afresh_after(
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
def test_a_counter_is_the_sum_of_the_rises_since_first_sight(polls: list[dict[str, float | None]]) -> None:
    expected: dict[str, float] = {}
    last: dict[str, float] = {}
    totals = Totals()
    for number, poll in enumerate(polls):
        totals = totals.after(answer(poll), number * 60.0)
        for mailbox_id, total in poll.items():
            if total is not None:
                rise = max(0, total - last.get(mailbox_id, total))
                expected[mailbox_id] = expected.get(mailbox_id, 0) + rise
                last[mailbox_id] = total
        assert list(totals.ids) == list(poll)
        assert risen(totals) == {key: number for key, number in expected.items() if key in poll}


# Polls and their age


def poll(window: str = ALL_TIME, stale_after: float = 900.0) -> Poll:
    return Poll(window, 60.0, stale_after)


def at(seconds: float, *, wall: float = 1_700_000_000.0) -> Instant:
    """Return a moment by the steady clock, with the wall clock set to a time of its own."""
    return Instant(wall, seconds)


def test_before_the_first_poll_nothing_is_known() -> None:
    new = poll()

    assert new.up is None
    assert new.is_stale(at(0))
    assert not new.is_fresh(at(0))


def test_a_poll_that_succeeded_is_up_and_fresh() -> None:
    done, given_answer = poll(), answer({"a": 1})

    done.succeeded(given_answer, at(10, wall=1_000), 2.5)

    assert done.answer is given_answer
    assert (done.up, done.last_success, done.last_poll, done.duration) == (True, 1_000, 1_000, 2.5)
    assert (done.polls, sum(done.failures.values()), done.error) == (1, 0, "")
    assert done.is_fresh(at(11))


def test_a_failure_leaves_the_last_answer_and_its_time_where_they_are() -> None:
    failed, given_answer = poll(), answer({"a": 1})
    failed.succeeded(given_answer, at(10, wall=1_000), 1)

    failed.failed(Reason.TIMEOUT, "no answer within 30 s", at(70, wall=1_060), 30)
    failed.failed(Reason.TIMEOUT, "no answer within 30 s", at(130, wall=1_120), 30)
    failed.failed(Reason.NETWORK, "refused", at(190, wall=1_180), 0.5)

    assert failed.answer is given_answer
    assert (failed.up, failed.last_success, failed.last_poll, failed.duration) == (False, 1_000, 1_180, 0.5)
    assert failed.failures == {Reason.TIMEOUT: 2, Reason.NETWORK: 1}
    assert (failed.failure, failed.error, failed.polls) == (Reason.NETWORK, "refused", 4)
    assert failed.is_fresh(at(200))


def test_a_success_after_a_failure_clears_the_failure_and_keeps_its_count() -> None:
    again = poll()
    again.failed(Reason.AUTH, "the key is refused", at(0), 1)

    again.succeeded(answer({}), at(60), 1)

    assert (again.up, again.failure, again.error) == (True, None, "")
    assert again.failures == {Reason.AUTH: 1}


def test_a_refused_key_is_never_fresh() -> None:
    refused = poll()
    refused.succeeded(answer({"a": 1}), at(0), 1)

    refused.failed(Reason.AUTH, "the key is refused", at(60), 1)

    assert not refused.is_fresh(at(61))
    assert not refused.is_stale(at(61))


def test_data_is_stale_without_a_success_for_as_long_as_configured() -> None:
    old = poll(stale_after=900)
    old.succeeded(answer({"a": 1}), at(100), 1)
    old.failed(Reason.NETWORK, "refused", at(500), 1)

    assert not old.is_stale(at(999.9))
    assert old.is_stale(at(1000))
    assert not old.is_fresh(at(1000))


@given(st.floats(0, 1e10), st.floats(0, 1e10))
def test_a_clock_that_is_set_makes_nothing_stale_and_nothing_fresh(before: float, after: float) -> None:
    set_back_or_forth = poll()
    set_back_or_forth.succeeded(answer({"a": 1}), at(0, wall=before), 1)

    assert set_back_or_forth.is_fresh(at(899, wall=after))
    assert set_back_or_forth.is_stale(at(901, wall=after))


def test_suspect_values_add_up_poll_by_poll() -> None:
    suspicious = poll()
    for _ in range(3):
        suspicious.succeeded(answer({}, bounceRate=2, rates__open=1), at(0), 1)

    assert suspicious.suspects == {"bounceRate": 6, "rates.open": 3}


def test_a_window_counts_only_the_suspect_values_that_it_applies_to() -> None:
    window = poll("7d")

    window.succeeded(
        answer({}, _id=1, bounceRate=1, warmup__status=1, performance=1, performance__sent=2, rates__open=3),
        at(0),
        1,
    )

    assert window.suspects == {"performance": 1, "performance.sent": 2, "rates.open": 3}


# Workspaces


def workspace(account: str = "acme", workspace_id: str = "w1", label: str = "Acme") -> Workspace:
    return Workspace(account, workspace_id, label, label)


def test_a_tracked_workspace_is_found_by_its_key() -> None:
    fleet = Fleet()

    tracked = fleet.track(workspace(), {"minimum_bounces": 3}, [poll()])

    assert fleet.get(("acme", "w1")) is tracked
    assert fleet.get(("acme", "w2")) is None
    assert (list(fleet), len(fleet)) == ([tracked], 1)
    assert tracked.all_time.window == ALL_TIME


def test_tracking_again_keeps_what_is_known_and_takes_what_is_configured() -> None:
    fleet = Fleet()
    tracked = fleet.track(workspace(), {"minimum_bounces": 3}, [poll(), poll("7d")])
    tracked.totals = counted(answer({"a": 1}), answer({"a": 5}))
    tracked.all_time.succeeded(answer({"a": 5}), at(0), 1)
    known = tracked.all_time

    again = fleet.track(
        workspace(label="Acme Inc."),
        {"minimum_bounces": 9},
        [Poll(ALL_TIME, 120, 1800), Poll("30d", 900, 1800)],
    )

    assert again is tracked
    assert (again.workspace.label, again.thresholds) == ("Acme Inc.", {"minimum_bounces": 9})
    assert risen(again.totals) == {"a": 4}
    assert again.all_time is known
    assert (known.interval, known.stale_after, known.polls) == (120, 1800, 1)
    assert list(again.polls) == [ALL_TIME, "30d"]


def test_what_is_restored_is_known_when_the_workspace_is_tracked() -> None:
    fleet = Fleet()
    all_time, window = poll(), poll("7d")
    totals = counted(answer({"a": 1}), answer({"a": 5}))
    fleet.restore(workspace(label="Old"), window, None)
    fleet.restore(workspace(label="Old"), all_time, totals)
    fleet.restore(workspace(label="Old"), poll("30d"), None)

    tracked = fleet.track(workspace(), {"minimum_bounces": 3}, [poll(), Poll("7d", 900, 1800)])

    assert (tracked.workspace.label, len(fleet)) == ("Acme", 1)
    assert tracked.totals is totals
    assert tracked.polls == {ALL_TIME: all_time, "7d": window}
    assert tracked.all_time is all_time
    assert (window.interval, window.stale_after) == (900, 1800)


def test_a_forgotten_workspace_starts_afresh() -> None:
    fleet = Fleet()
    fleet.track(workspace(), {}, [poll()]).totals = counted(answer({"a": 1}), answer({"a": 5}))

    fleet.forget(("acme", "w1"))
    fleet.forget(("acme", "never there"))

    assert len(fleet) == 0
    assert risen(fleet.track(workspace(), {}, [poll()]).totals) == {}


def test_the_suspect_values_of_a_workspace_are_those_of_all_its_polls() -> None:
    tracked = Fleet().track(workspace(), {}, [poll(), poll("7d")])
    for one in tracked.polls.values():
        one.succeeded(answer({}, bounceRate=1, rates__open=2), at(0), 1)

    assert tracked.suspects == {"bounceRate": 1, "rates.open": 4}


def test_the_fleet_is_fresh_when_the_all_time_data_of_one_workspace_is() -> None:
    fleet = Fleet()
    assert not fleet.is_fresh(at(0))
    first = fleet.track(workspace(), {}, [poll(), poll("7d")])
    second = fleet.track(workspace(workspace_id="w2"), {}, [poll()])
    assert not fleet.is_fresh(at(0))

    first.polls["7d"].succeeded(answer({"a": 1}), at(0), 1)
    assert not fleet.is_fresh(at(0))

    second.all_time.succeeded(answer({"a": 1}), at(0), 1)
    assert fleet.is_fresh(at(1))

    second.all_time.failed(Reason.AUTH, "the key is refused", at(2), 1)
    assert not fleet.is_fresh(at(3))


# Labels


def test_a_name_of_its_own_is_the_label() -> None:
    assert labels_for({("x", "1"): "Acme", ("x", "2"): "Beta"}) == {("x", "1"): "Acme", ("x", "2"): "Beta"}


def test_workspaces_that_share_a_name_are_told_apart_by_their_id() -> None:
    names = {("x", "1"): "Acme", ("y", "2"): "Acme", ("y", "3"): "Beta"}

    assert labels_for(names) == {("x", "1"): "Acme (1)", ("y", "2"): "Acme (2)", ("y", "3"): "Beta"}


def test_a_name_given_in_the_configuration_stays_as_it_is() -> None:
    names = {("acme", ""): "acme", ("agency", "7"): "acme"}

    assert labels_for(names) == {("acme", ""): "acme", ("agency", "7"): "acme (7)"}


def test_a_workspace_without_a_name_goes_by_its_id() -> None:
    assert labels_for({("x", "1"): ""}) == {("x", "1"): "1"}


def test_a_name_that_looks_told_apart_already_is_told_apart_too() -> None:
    labels = labels_for({("x", "1"): "a", ("x", "2"): "a", ("x", "3"): "a (1)"})

    assert labels == {("x", "1"): "a (1) (1)", ("x", "2"): "a (2)", ("x", "3"): "a (1) (3)"}


hostile = st.text("a ()1", max_size=6) | st.text(max_size=4)


@given(
    st.dictionaries(hostile.filter(bool), hostile, max_size=8),
    st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.just(""), max_size=3),
)
@example({"x) (y": "a", "y": "a (x", "z": "a"}, {})
@example({"1": "a", "2": "a", "3": "a (1)", "4": "a (1) (1)"}, {})
def test_every_workspace_has_a_label_of_its_own(names: dict[str, str], keyed: dict[str, str]) -> None:
    by_key = {("agency", workspace_id): name for workspace_id, name in names.items()}
    by_key |= {(account, ""): account for account in keyed}

    labels = labels_for(by_key)

    assert labels.keys() == by_key.keys()
    assert len({*labels.values()}) == len(labels)
    assert all(labels.values())
    assert all(label.startswith(by_key[key] or key[1]) for key, label in labels.items())
    assert all(labels[account, ""] == account for account in keyed)


@given(st.dictionaries(st.text(min_size=1, max_size=4), hostile, max_size=6), st.randoms())
def test_labels_do_not_depend_on_the_order_of_the_workspaces(names: dict[str, str], random: Random) -> None:
    keys = [("agency", workspace_id) for workspace_id in names]
    shuffled = random.sample(keys, len(keys))

    assert labels_for({key: names[key[1]] for key in shuffled}) == labels_for(
        {key: names[key[1]] for key in keys}
    )
