"""What a workspace bounced before it was watched, and what that says of its usual level."""

import pytest

from exporter.answers.answer import Answer
from exporter.fleet.counters import Totals
from exporter.fleet.history import Count, History
from exporter.fleet.limits import FEWEST_EARLIER
from exporter.wilson import lower_bound, upper_bound


def history(*answers: tuple[float, float]) -> History:
    """Return the history after answers with these bounces and sends of a mailbox."""
    totals = Totals()
    for number, (bounced, sent) in enumerate(answers):
        numbers = {"campaign_bounced": [bounced, None], "campaign_sent": [sent, None]}
        answer = Answer(["a", "b"], numbers={**numbers, "daily_send_limit": [200, 200]})
        totals = totals.after(answer, number * 60.0)
    return History.of(totals)


def test_what_the_api_counts_is_earlier_but_for_what_rose_since() -> None:
    assert history((20, 1000), (25, 1100)) == History((20, 1000), (5, 100))


def test_a_deleted_campaign_leaves_nothing_earlier() -> None:
    assert history((20, 1000), (25, 1100), (0, 2)).earlier == (0, 0)


def test_an_absurd_total_of_one_answer_is_no_history() -> None:
    usual = history((20, 1000), (25, 1100))
    assert history((20, 1000), (25, 1100), (4_000_000, 4_995_000)) == usual
    assert history((20, 1000), (25, 1100), (1e299, 1e300)) == usual


def test_an_incident_with_which_a_workspace_begins_is_no_usual_level() -> None:
    assert history((1, 1), (31, 250)).level == 0
    assert History((FEWEST_EARLIER / 5, FEWEST_EARLIER - 1)).level == 0


@pytest.mark.parametrize(
    ("watched", "level"),
    [
        ((0, 0), lower_bound(3000, 50_000)),
        ((2, 20), lower_bound(3000, 50_000)),
        ((20, 2000), upper_bound(20, 2000)),
        ((300, 2000), lower_bound(3000, 50_000)),
    ],
    ids=["nothing yet", "too little to tell", "better", "worse"],
)
def test_a_workspace_that_is_better_since_is_held_against_what_it_can_be_now(
    watched: Count, level: float
) -> None:
    assert History((3000, 50_000), watched).level == level
