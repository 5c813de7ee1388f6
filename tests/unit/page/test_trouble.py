from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer, Column
from exporter.config import Thresholds
from exporter.page.trouble import Concern, Troubled, by_the_api, nearest

THRESHOLDS = Thresholds().model_dump()


def answer_of(size: int, statuses: Sequence[str | None] | None = None, **numbers: Column) -> Answer:
    return Answer(
        ids=[f"m{row}" for row in range(size)],
        texts={
            "email": [f"anna{row}@acme.example" for row in range(size)],
            "status": statuses or ["active"] * size,
        },
        numbers=numbers,
    )


def troubles(
    answer: Answer, thresholds: Mapping[str, float] = THRESHOLDS, **windows: Answer
) -> list[Troubled]:
    return nearest([by_the_api("acme", thresholds, {**windows, "all": answer}, {*answer.ids})], 15)[0]


def concerns_of(bounced: float | None, sent: float | None) -> list[Concern]:
    answer = answer_of(1, campaign_bounced=[bounced], campaign_sent=[sent])
    return [concern for mailbox in troubles(answer) for concern in mailbox.concerns]


@pytest.mark.parametrize(
    ("bounced", "sent", "expected"),
    [
        (1, 4, []),  # 25 %, but one bounce proves nothing
        (2, 2, []),  # under `minimum_bounces`
        (7, 41, [Concern.BOUNCING]),  # at least 5.8 %
        (14, 200, [Concern.BOUNCING]),  # at least 3.2 %
        (11, 200, [Concern.NEAR_BOUNCING]),  # at least 2.2 %
        (9, 220, []),
        (5, 3, [Concern.BOUNCING]),
        (5, 0, []),
        (None, 41, []),
        (7, None, []),
    ],
)
def test_bounces_are_judged_by_their_lower_bound(
    bounced: float | None, sent: float | None, expected: list[Concern]
) -> None:
    assert concerns_of(bounced, sent) == expected


def test_the_thresholds_are_those_of_the_workspace() -> None:
    answer = answer_of(1, campaign_bounced=[12], campaign_sent=[200])
    tolerant = THRESHOLDS | {"mailbox_bounce_ratio_warning": 0.05}
    assert troubles(answer, tolerant) == []
    assert troubles(answer, THRESHOLDS | {"minimum_bounces": 13}) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", []),
        (None, []),
        ("inactive", [Concern.INACTIVE]),
        ("suspended", [Concern.STOPPED]),
        ("error", [Concern.STOPPED]),
        ("frozen", [Concern.STOPPED]),
    ],
)
def test_a_status_other_than_active_is_trouble(status: str | None, expected: list[Concern]) -> None:
    assert [
        concern for mailbox in troubles(answer_of(1, [status])) for concern in mailbox.concerns
    ] == expected


@pytest.mark.parametrize(
    ("sent", "limit", "expected"),
    [
        (45, 50, []),
        (46, 50, [Concern.NEAR_LIMIT]),
        (50, 50, [Concern.NEAR_LIMIT]),
        (51, 50, [Concern.OVER_LIMIT]),
        (1, 0, [Concern.OVER_LIMIT]),
        (0, 0, []),
        (None, 50, []),
        (50, None, []),
    ],
)
def test_a_mailbox_near_or_above_its_daily_limit_is_in_trouble(
    sent: float | None, limit: float | None, expected: list[Concern]
) -> None:
    answer = answer_of(1, sent_today=[sent], daily_send_limit=[limit])
    assert [concern for mailbox in troubles(answer) for concern in mailbox.concerns] == expected


def test_the_most_urgent_comes_first_and_a_mailbox_only_once() -> None:
    answer = answer_of(
        6,
        ["active", "inactive", "suspended", "active", "error", "active"],
        campaign_bounced=[14, 0, 0, 80, 20, 0],
        campaign_sent=[200, 200, 200, 200, 50, 200],
        sent_today=[0, 60, 0, 0, 0, 49],
        daily_send_limit=[50] * 6,
    )
    assert [(mailbox.mailbox_id, mailbox.concerns) for mailbox in troubles(answer)] == [
        ("m2", [Concern.STOPPED]),
        ("m4", [Concern.STOPPED, Concern.BOUNCING]),
        ("m3", [Concern.BOUNCING]),
        ("m0", [Concern.BOUNCING]),
        ("m1", [Concern.OVER_LIMIT, Concern.INACTIVE]),
        ("m5", [Concern.NEAR_LIMIT]),
    ]


def test_equal_ones_keep_the_order_of_workspaces_and_answers() -> None:
    fleet = [
        by_the_api(name, THRESHOLDS, {"all": answer_of(2, ["error", "error"])}, {"m0", "m1"})
        for name in ("b", "a")
    ]
    shown, _ = nearest(fleet, 3)
    assert [(mailbox.workspace, mailbox.mailbox_id) for mailbox in shown] == [
        ("b", "m0"),
        ("b", "m1"),
        ("a", "m0"),
    ]


def test_all_are_counted_by_their_worst_concern_though_few_are_shown() -> None:
    answer = answer_of(30, ["error"] * 20 + ["active"] * 10, sent_today=[60] * 30, daily_send_limit=[50] * 30)
    shown, counts = nearest([by_the_api("acme", THRESHOLDS, {"all": answer}, {*answer.ids})], 15)
    assert len(shown) == 15
    assert counts == {Concern.STOPPED: 20, Concern.OVER_LIMIT: 10}


def test_bounces_are_those_of_the_shortest_window_matched_by_mailbox_id() -> None:
    everything = answer_of(2, campaign_bounced=[0, 0], campaign_sent=[5000, 5000])
    week = answer_of(2, campaign_bounced=[0, 0], campaign_sent=[280, 280])
    day = Answer(
        ids=["m1", "new"],
        numbers={"campaign_bounced": [20, 30], "campaign_sent": [40, 40]},
    )
    (mailbox,) = troubles(everything, week=week, day=day)
    assert (mailbox.mailbox_id, mailbox.window, mailbox.bounced, mailbox.sent) == ("m1", "day", 20, 40)
    assert mailbox.bounce_bound == pytest.approx(0.2805, abs=5e-5)


def test_a_window_without_campaign_figures_is_passed_over() -> None:
    everything = answer_of(1, campaign_bounced=[20], campaign_sent=[40])
    (mailbox,) = troubles(everything, week=answer_of(1))
    assert mailbox.window == "all"


def test_what_is_unknown_stays_unknown() -> None:
    (mailbox,) = troubles(answer_of(1, ["error"]))
    assert mailbox.email == "anna0@acme.example"
    assert mailbox.domain == "acme.example"
    assert (mailbox.bounced, mailbox.sent, mailbox.bounce_bound) == (None, None, None)
    assert (mailbox.sent_today, mailbox.daily_send_limit) == (None, None)


numbers = st.one_of(st.none(), st.integers(0, 10**300), st.floats(0, 1e300))


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=8), st.integers(0, 5))
def test_no_figures_the_api_may_give_break_it(rows: list[tuple[float | None, ...]], most: int) -> None:
    bounced, sent, today, limit = zip(*rows, strict=True)
    answer = answer_of(
        len(rows), campaign_bounced=bounced, campaign_sent=sent, sent_today=today, daily_send_limit=limit
    )
    shown, counts = nearest([by_the_api("acme", THRESHOLDS, {"all": answer}, {*answer.ids})], most)
    assert len(shown) == min(most, counts.total())
    worst = [mailbox.concerns[0] for mailbox in shown]
    assert worst == sorted(worst, reverse=True)
