"""Totals that wobble, fall or jump: no counter is beyond the mail, and none stays behind it for long."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer
from exporter.fleet.counters import LEAST_DEPARTED, Totals

REGAIN = 1800.0
MINUTE = 60.0
DAY = 24 * 3600.0
LIMIT = 40


def answer(sent: float | None, bounced: float | None = 0.0, *, limit: float | None = LIMIT) -> Answer:
    numbers = {"campaign_sent": [sent], "campaign_bounced": [bounced], "daily_send_limit": [limit]}
    return Answer(["a"], numbers={name: column for name, column in numbers.items() if column != [None]})


def after(*answers: Answer, totals: Totals | None = None, every: float = MINUTE) -> Totals:
    """Return the totals after the answers, one poll after the other."""
    totals = totals or Totals()
    for one in answers:
        totals = totals.after(one, totals.at + every, REGAIN)
    return totals


def counted(totals: Totals, name: str = "campaign_sent") -> float | None:
    return totals.risen[name][0]


def test_a_total_that_reads_0_for_one_answer_counts_nothing_when_it_returns() -> None:
    totals = after(answer(4500, 180), answer(0, 0), answer(4500, 180))
    assert (counted(totals), counted(totals, "campaign_bounced")) == (0, 0)


def test_mail_sent_while_a_total_read_0_counts_when_it_returns() -> None:
    totals = after(answer(4500, 180), answer(0, 0), answer(4503, 181))
    assert (counted(totals), counted(totals, "campaign_bounced")) == (3, 1)


def test_two_replicas_one_bounce_apart_count_nothing_however_often_they_swing() -> None:
    swings = [answer(4500, 180 - number % 2) for number in range(200)]
    assert counted(after(*swings), "campaign_bounced") == 0


def test_bounces_are_counted_while_replicas_swing() -> None:
    truth = [180 + number // 10 for number in range(200)]
    swings = [answer(4500, bounced - number % 2) for number, bounced in enumerate(truth)]
    totals = after(*swings, answer(4500, truth[-1]))
    assert counted(totals, "campaign_bounced") == truth[-1] - truth[0]


@pytest.mark.parametrize("absurd", [4_995_000, 4500 + 2 * LIMIT + 1])
def test_one_answer_of_more_than_can_be_sent_counts_nothing_of_any_total(absurd: float) -> None:
    totals = after(answer(4500, 180), answer(absurd, 900))
    assert (counted(totals), counted(totals, "campaign_bounced"), totals.leaps) == (0, 0, 1)
    totals = after(answer(4502, 181), totals=totals)
    assert (counted(totals), counted(totals, "campaign_bounced"), totals.leaps) == (2, 1, 0)


@pytest.mark.parametrize("absurd", [4_995_000, 1e300])
def test_an_absurd_total_that_stays_a_while_and_comes_again_takes_nothing_away(absurd: float) -> None:
    """A number so large that a few mails more or less make no other one of it."""
    totals = after(answer(4500), answer(4507), answer(absurd), answer(absurd))
    assert counted(after(answer(absurd), answer(4510), answer(absurd), totals=totals)) == 7


def test_twice_the_daily_limit_counts() -> None:
    assert counted(after(answer(4500), answer(4500 + 2 * LIMIT))) == 2 * LIMIT


def test_a_jump_that_stays_is_taken_as_what_there_is_and_counts_nothing() -> None:
    totals = after(answer(4500, 180), answer(90_000, 5000), answer(90_002, 5001), answer(90_003, 5001))
    assert (counted(totals), counted(totals, "campaign_bounced"), totals.leaps) == (3, 1, 0)


def test_what_was_sent_in_days_without_an_answer_counts() -> None:
    totals = after(answer(4500))
    assert counted(totals.after(answer(4500 + 5 * LIMIT), totals.at + 2.5 * DAY, REGAIN)) == 5 * LIMIT


def test_without_a_daily_limit_every_rise_counts() -> None:
    assert counted(after(answer(0, limit=None), answer(9000, limit=None))) == 9000


def test_mail_sent_after_a_deleted_campaign_counts_when_the_time_to_return_has_passed() -> None:
    totals = after(answer(4500, 180), *(answer(4000 + number, 150) for number in range(30)))
    assert counted(totals) == 0
    totals = after(answer(4030, 151), answer(4031, 151), totals=totals)
    assert (counted(totals), counted(totals, "campaign_bounced")) == (31, 1)


def test_a_part_of_a_fall_that_returns_counts_nothing() -> None:
    totals = after(answer(4500, 180), answer(0, 0), *[answer(4000, 150)] * 40)
    assert (counted(totals), counted(totals, "campaign_bounced")) == (0, 0)


def test_an_answer_without_totals_changes_nothing() -> None:
    totals = after(answer(4500), answer(None, None), answer(4503))
    assert counted(totals) == 3


def test_ids_that_change_at_every_answer_do_not_grow_what_is_kept() -> None:
    totals = Totals()
    for number in range(40):
        ids = [f"{number}-{row}" for row in range(100)]
        numbers = {"campaign_sent": [1.0] * 100}
        totals = totals.after(Answer(ids, numbers=numbers), number * MINUTE, REGAIN)
    assert len(totals.departed) == LEAST_DEPARTED
    assert "38-99" in totals.departed


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["whole", "behind", "zero"])), min_size=1, max_size=120
    )
)
def test_no_counter_is_ever_beyond_the_mail_and_all_is_counted_in_the_end(
    polls: Sequence[tuple[int, str]],
) -> None:
    truth, earlier, totals = 4500, 4500, after(answer(4500))
    for sent, kind in polls:
        earlier, truth = truth, truth + sent
        seen = {"whole": truth, "behind": earlier, "zero": 0}[kind]
        totals = after(answer(seen), totals=totals)
        assert (counted(totals) or 0) <= truth - 4500
    totals = after(*[answer(truth)] * 32, totals=totals)
    assert counted(totals) == truth - 4500
