"""How a workspace's mail is: critical as the alert rules are, and no more than they."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import wilson
from exporter.answers.answer import Answer
from exporter.config import Thresholds
from exporter.fleet.findings import Count, Judged, Kind, State
from exporter.fleet.history import History
from exporter.fleet.judged import judged
from exporter.fleet.limits import SPIKES, Level
from exporter.fleet.recent import DAY_SECONDS, HOUR_SECONDS, Recent, Rise
from tests.answers import answer_of
from tests.scripted_api import mailbox

NOON = 1_700_000_000.0 // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS / 2
THRESHOLDS = Thresholds().model_dump()
MAILBOXES = {f"m{number}": f"d{number // 3}.example" for number in range(6)}


def answer(**statuses: str) -> Answer:
    return answer_of(
        *(
            mailbox(each, f"{each}@{domain}", status=statuses.get(each, "active"))
            for each, domain in MAILBOXES.items()
        )
    )


def recent(events: Iterable[tuple[float, str, int, int]], now: float = NOON) -> Recent:
    """Return the past in which mailboxes sent, and bounced, so many so many hours before now."""
    past = Recent()
    for hours, mailbox_id, sent, bounced in sorted(events, reverse=True):
        rise = Rise(mailbox_id, MAILBOXES[mailbox_id], sent, bounced)
        past = past.after([rise], {}, now - hours * HOUR_SECONDS)
    return past.after([], past.left, now)


def judge(past: Recent, **statuses: str) -> Judged:
    return judged(past, answer(**statuses), THRESHOLDS)


def judge_after(before: Judged, past: Recent) -> Judged:
    return judged(past, answer(), THRESHOLDS, before.critical.keys())


def critical(found: Judged) -> set[tuple[Kind, Level, str]]:
    return set(found.critical)


def test_a_domain_that_bounces_beyond_doubt_is_critical_with_its_numbers() -> None:
    found = judge(recent([(1, "m0", 40, 12), (1, "m1", 40, 11), (0, "m2", 26, 5), (1, "m3", 90, 1)]))
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)
    [domain] = [each for each in found.findings if (each.level, each.name) == (Level.DOMAIN, "d0.example")]
    assert (domain.count.part, domain.count.whole) == (28, 106)
    assert domain.count.bound == wilson.lower_bound(28, 106, wilson.QUANTILES["99.9"])
    assert (Kind.BOUNCES, Level.DOMAIN, "d1.example") not in critical(found)


def test_mailboxes_of_a_critical_domain_are_one_incident_with_it() -> None:
    found = judge(recent([(1, "m0", 100, 30), (0, "m0", 1, 1), (1, "m3", 900, 5)]))
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)
    assert not [each for each in critical(found) if each[1] is Level.MAILBOX]
    assert "m0" in {each.name for each in found.findings if each.state is State.WARNING}
    assert {each.kind for each in found.findings} == {Kind.BOUNCES}, "unhealthy for no other reason"


def test_few_bounces_of_few_sends_prove_nothing() -> None:
    assert judge(recent([(1, "m0", 4, 1), (1, "m1", 10, 2), (0, "m3", 8, 1)])).state is State.OK


def test_what_bounced_in_the_morning_begins_nothing_in_the_evening() -> None:
    """Somebody paused it: it is not still happening."""
    assert critical(judge(recent([(8, "m0", 60, 20)]))) == set()


def test_what_began_lasts_until_a_usual_day_shows_that_it_is_well_again() -> None:
    first = judge(recent([(1, "m0", 60, 20)]))
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(first)
    paused = recent([(1 + 24 + 6, "m0", 60, 20), (6, "m0", 5, 0)])
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(judge_after(first, paused))
    at_night = recent([(1 + 48, "m0", 60, 20), (6, "m0", 55, 0)])
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(judge_after(first, at_night))
    well = recent([(1 + 48, "m0", 60, 20), (6, "m0", 55, 0), (1, "m0", 5, 0)])
    assert critical(judge_after(first, well)) == set()
    silent = recent([(1 + 24 * 5, "m0", 60, 20)])
    assert critical(judge_after(first, silent)) == set()


def test_a_mailbox_that_bounces_alone_is_critical_by_its_own_threshold() -> None:
    found = judge(recent([(1, "m0", 100, 30), (1, "m1", 2500, 5), (0, "m0", 1, 1)]))
    assert (Kind.BOUNCES, Level.MAILBOX, "m0") in critical(found)


def test_a_mailbox_that_bounces_less_surely_is_a_warning() -> None:
    found = judge(recent([(1, "m0", 40, 5), (0, "m0", 1, 1), (1, "m3", 2000, 10)]))
    states = {(each.level, each.name): each.state for each in found.findings}
    assert states[Level.MAILBOX, "m0"] is State.WARNING


def test_a_tenth_of_the_workspace_leaving_active_within_the_hour_is_critical() -> None:
    past = Recent(left={"m0": NOON - 60, "m3": NOON - 60, "m4": NOON - 600}, now=NOON)
    found = judge(past, m0="suspended", m3="suspended", m4="error")
    assert (Kind.LEAVING, Level.WORKSPACE, "") in critical(found)
    earlier = Recent(left=dict.fromkeys(past.left, NOON - 2 * HOUR_SECONDS), now=NOON)
    assert (Kind.LEAVING, Level.WORKSPACE, "") not in critical(judge(earlier, m0="suspended"))


def test_half_of_a_domain_that_left_active_within_the_week_is_unhealthy() -> None:
    past = Recent(left={"m0": NOON - 2 * DAY_SECONDS, "m1": NOON - 3 * DAY_SECONDS}, now=NOON)
    assert critical(judge(past, m0="suspended", m1="error")) == {(Kind.UNHEALTHY, Level.DOMAIN, "d0.example")}


def test_mailboxes_that_are_parked_are_neither_unhealthy_nor_leaving() -> None:
    left = dict.fromkeys(["m0", "m1", "m3", "m4"], NOON - 60)
    statuses = answer(**dict.fromkeys(left, "inactive"))
    found = judged(Recent(left=left, now=NOON), statuses, THRESHOLDS, parked=left.keys())
    assert found.state is State.OK
    assert judged(Recent(left=left, now=NOON), statuses, THRESHOLDS).state is State.CRITICAL


def test_mailboxes_that_never_were_active_are_not_unhealthy() -> None:
    found = judge(Recent(now=NOON), **dict.fromkeys(MAILBOXES, "pending"))
    assert found.state is State.OK


@given(st.integers(0, 60), st.integers(1, 200), st.floats(0, 2))
def test_a_domain_is_critical_as_soon_as_the_rule_for_a_day_is_true(
    bounced: int, sent: int, hours: float
) -> None:
    """With the configured threshold: a workspace that sent nothing before it was watched has no other."""
    bounced = min(bounced, sent)
    found = judge(recent([(hours, "m0", sent, bounced)]))
    [limit] = [limit for limit in SPIKES if limit.level is Level.DOMAIN]
    [day] = [window for window in limit.windows if window.span == "1d"]
    bound = wilson.lower_bound(bounced, sent, day.z(1))
    if bounced >= THRESHOLDS[limit.minimum] and (bound or 0) > THRESHOLDS[limit.threshold]:
        assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)
    if bounced / sent <= THRESHOLDS[limit.threshold]:
        assert critical(found) == set()


@pytest.mark.parametrize("domains", [9, 10])
def test_in_a_workspace_of_many_domains_what_it_bounces_all_week_raises_the_threshold(domains: int) -> None:
    """Seven bounces of forty are beyond the threshold, and what a fleet at 5 % has somewhere every day."""
    boxes = {f"m{number}": f"d{number}.example" for number in range(domains)}
    past = Recent()
    for day in range(7, 1, -1):
        usual = [Rise(each, domain, 40, 2) for each, domain in boxes.items()]
        past = past.after(usual, {}, NOON - day * DAY_SECONDS)
    for each, domain in boxes.items():
        past = past.after([Rise(each, domain, 40, 7 if each == "m0" else 1)], {}, NOON - 600)
    seen = [mailbox(each, f"{each}@{domain}") for each, domain in boxes.items()]
    found = judged(past.after([], {}, NOON), answer_of(*seen), THRESHOLDS)
    is_critical = (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)
    assert is_critical is (domains < 10)


@pytest.mark.parametrize(("bounces", "is_critical"), [(2, False), (12, True)])
def test_a_domain_that_bounced_far_too_much_all_week_is_not_what_is_usual(
    bounces: int, *, is_critical: bool
) -> None:
    """Else the bad ones of many domains would hide the next one: 5 % or 16 % of all mail bounced, alike."""
    boxes = {f"m{number}": f"d{number}.example" for number in range(12)}
    past = Recent()
    for day in range(7, 1, -1):
        week = [
            Rise(each, domain, 40, bounces if number < 6 else 2 if bounces == 2 else 0)
            for number, (each, domain) in enumerate(boxes.items())
        ]
        past = past.after(week, {}, NOON - day * DAY_SECONDS)
    for each, domain in boxes.items():
        past = past.after([Rise(each, domain, 40, 7 if each == "m11" else 1)], {}, NOON - 600)
    seen = [mailbox(each, f"{each}@{domain}") for each, domain in boxes.items()]
    found = judged(past.after([], {}, NOON), answer_of(*seen), THRESHOLDS)
    assert ((Kind.BOUNCES, Level.DOMAIN, "d11.example") in critical(found)) is is_critical


EARLIER = History((200, 4000))


@pytest.mark.parametrize(
    ("domains", "known_days", "history", "is_critical"),
    [
        (12, 0, EARLIER, False),
        (12, 2, EARLIER, False),
        (12, 7, EARLIER, True),
        (9, 0, EARLIER, False),
        (9, 7, EARLIER, False),
        (12, 0, History((20, 4000)), True),
        (12, 0, History(), True),
    ],
    ids=["new", "2 days", "a week", "small and new", "small, a week", "a good fleet", "nothing before"],
)
def test_without_a_week_of_its_own_a_workspace_is_held_against_what_it_sent_before(
    domains: int, known_days: int, history: History, *, is_critical: bool
) -> None:
    """A fleet that always bounced 5 % has a domain with seven of forty somewhere every day."""
    boxes = {f"m{number}": f"d{number}.example" for number in range(domains)}
    past = Recent()
    for day in range(known_days, 0, -1):
        usual = [Rise(each, domain, 40, 0) for each, domain in boxes.items()]
        past = past.after(usual, {}, NOON - day * DAY_SECONDS)
    for each, domain in boxes.items():
        past = past.after([Rise(each, domain, 40, 7 if each == "m0" else 1)], {}, NOON - 600)
    seen = [mailbox(each, f"{each}@{domain}") for each, domain in boxes.items()]
    found = judged(past.after([], {}, NOON), answer_of(*seen), THRESHOLDS, history=history)
    assert ((Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)) is is_critical


def test_a_workspace_of_many_domains_is_one_on_a_morning_when_few_have_sent() -> None:
    """It is held against its own week, not against a worse history."""
    boxes = {f"m{number}": f"d{number}.example" for number in range(12)}
    past = Recent()
    for day in range(7, 2, -1):
        usual = [Rise(each, domain, 40, 0) for each, domain in boxes.items()]
        past = past.after(usual, {}, NOON - day * DAY_SECONDS)
    past = past.after([Rise("m0", "d0.example", 40, 7)], {}, NOON - 600)
    seen = [mailbox(each, f"{each}@{domain}") for each, domain in boxes.items()]
    found = judged(past.after([], {}, NOON), answer_of(*seen), THRESHOLDS, history=EARLIER)
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)


def test_a_spike_of_this_hour_is_not_hidden_by_a_good_hour_before() -> None:
    found = judge(recent([(0, "m0", 12, 7), (1, "m0", 300, 0)]))
    assert (Kind.BOUNCES, Level.DOMAIN, "d0.example") in critical(found)


def test_a_spike_that_the_day_does_not_show_yet_has_the_numbers_of_its_hours() -> None:
    """7 of 312 in 24 h would be called critical at 0.8 %, which is below the threshold."""
    found = judge(recent([(0, "m0", 12, 7), (9, "m0", 300, 0)]))
    [domain] = [each for each in found.findings if each.level is Level.DOMAIN]
    assert (domain.count, domain.hours) == (Count(7, 12), 2)


def test_it_is_not_well_again_while_the_last_two_hours_bounce() -> None:
    spike = (Kind.BOUNCES, Level.DOMAIN, "d0.example")
    first = judge(recent([(1, "m0", 60, 20)]))
    again = recent([(48, "m0", 60, 20), (9, "m0", 90, 0), (1, "m0", 10, 2)])
    assert spike in critical(judge_after(first, again))


def test_it_is_not_well_again_by_the_mails_of_more_than_two_hours_ago() -> None:
    """At ten to one the parts of an hour that hold the last 2 h begin at 10 o'clock, 170 minutes before."""
    spike, now = (Kind.BOUNCES, Level.DOMAIN, "d0.example"), NOON + 50 * 60
    first = judge(recent([(1, "m0", 60, 20)]))
    good, bad = [(8, "m0", 180, 6), (2.7, "m0", 100, 0)], [(1.5, "m0", 10, 1), (0.2, "m0", 10, 1)]
    assert spike in critical(judge_after(first, recent([*good, *bad], now)))
    assert spike in critical(judge_after(first, recent(good, now)))
    assert spike not in critical(judge_after(first, recent([*good, (1.5, "m0", 10, 0)], now)))


def test_it_is_not_well_again_by_the_good_mails_of_the_same_hour_yesterday() -> None:
    """Each day has 60 good mails at 12:20 and 60 with 4 bounces at 16:50: 3.3 %, at 12:50 as well."""
    spike, now = (Kind.BOUNCES, Level.DOMAIN, "d0.example"), NOON + 50 * 60
    first = judge(recent([(1, "m0", 60, 20)]))
    good = [(24 * day + 0.5, "m0", 60, 0) for day in range(6)]
    bad = [(24 * day + 20, "m0", 60, 4) for day in range(5)]
    assert spike in critical(judge_after(first, recent([*good, *bad], now)))


def test_a_workspace_that_sent_at_this_time_a_week_ago_and_not_today_has_stopped() -> None:
    stopped, week = (Kind.STALLED, Level.WORKSPACE, ""), 7 * 24
    assert stopped in critical(judge(recent([(week + 1, "m0", 30, 0), (3, "m0", 5, 0)])))
    assert stopped not in critical(judge(recent([(week + 1, "m0", 19, 0), (3, "m0", 5, 0)])))
    assert stopped not in critical(judge(recent([(week + 1, "m0", 30, 0), (1, "m0", 5, 0)])))
    assert stopped not in critical(judge(recent([(week + 6, "m0", 30, 0), (3, "m0", 5, 0)])))
