"""Answers about a workspace itself: the overview, and the newest finished tests."""

import json
from typing import Any

import pytest

from exporter.answers.answer import Answer
from exporter.answers.envelope import MalformedAnswerError
from exporter.answers.parse import parse
from tests.answers import EVERY_COLLECTOR

FEEDS = {feed.name: feed for feed in EVERY_COLLECTOR}


def overview(data: object) -> Answer:
    return parse(json.dumps({"success": True, "data": data}).encode(), FEEDS["overview"])


def checkups(*blacklist: dict[str, Any], placement: tuple[dict[str, Any], ...] = ()) -> Answer:
    data = {"blacklist": blacklist, "placement": placement}
    return parse(json.dumps({"success": True, "data": data}).encode(), FEEDS["tests"])


def of(completed: str | None, checked: Any, listed: Any = 0) -> dict[str, Any]:  # noqa: ANN401 - whatever an API may send
    summary = {"totalChecked": checked, "clean": 0, "blacklisted": listed}
    return {"status": "completed", "overallSummary": summary, "completedAt": completed}


def test_an_overview_is_one_row() -> None:
    answer = overview({"totalCampaigns": 7, "activeCampaigns": 2, "totalSent": 10})
    assert answer.numbers == {"campaigns": (7,), "active_campaigns": (2,)}
    assert answer.suspects == {}


def test_a_bad_value_leaves_out_that_sample_alone_and_is_counted() -> None:
    answer = overview({"totalCampaigns": -1, "activeCampaigns": 2})
    assert answer.numbers == {"active_campaigns": (2,)}
    assert answer.suspects == {"totalCampaigns": 1}


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_an_overview_that_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(MalformedAnswerError, match=r'"data": \{...\}'):
        overview(data)


def test_of_tests_in_any_order_the_one_that_ended_last_counts() -> None:
    days = [of(f"2026-05-0{day}T08:00:00.000Z", 100 + day, day) for day in (2, 3, 1)]
    answer = checkups(*days)
    assert answer.numbers["blacklist_checked"][0] == 103
    assert answer.numbers["blacklist_listed"][0] == 3
    assert answer.numbers["blacklist_completed_timestamp_seconds"][0] == 1777795200


@pytest.mark.parametrize(
    "running",
    [
        {"status": "running", "overallSummary": None, "completedAt": None},
        {"status": "completed", "overallSummary": None, "completedAt": "2026-05-09T08:00:00Z"},
        {"status": "running", "overallSummary": {"totalChecked": 9, "blacklisted": 9}, "completedAt": None},
        {"status": "completed", "overallSummary": [], "completedAt": "2026-05-09T08:00:00Z"},
        {"status": "completed", "overallSummary": {}, "completedAt": "soon"},
        {},
    ],
)
def test_a_test_without_a_summary_or_an_end_is_passed_over(running: dict[str, Any]) -> None:
    answer = checkups(running, of("2026-05-01T08:00:00Z", 10))
    assert answer.numbers["blacklist_checked"][0] == 10
    assert answer.suspects == {}


def test_without_a_finished_test_there_is_nothing_to_show() -> None:
    answer = checkups(of(None, 10))
    assert (len(answer), answer.numbers, answer.suspects) == (0, {}, {})


def test_both_kinds_of_tests_are_shown_in_one_row() -> None:
    placed = {"summary": {"inbox": 30, "spam": 8, "missing": 2}, "completedAt": "2026-05-01T08:00:00Z"}
    answer = checkups(of("2026-05-01T08:00:00Z", 10), placement=(placed,))
    assert {name: column[0] for name, column in answer.numbers.items() if name.startswith("placement_")} == {
        "placement_inbox": 30,
        "placement_spam": 8,
        "placement_missing": 2,
        "placement_completed_timestamp_seconds": 1777622400,
    }
