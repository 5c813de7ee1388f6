from collections.abc import Sequence

from exporter.answers.answer import Answer, Column, filled
from exporter.page.figures import Figures


def answer_of(
    statuses: Sequence[str | None], warmups: Sequence[str | None] | None = None, **numbers: Column
) -> Answer:
    size = len(statuses)
    return Answer(
        ids=[f"m{row}" for row in range(size)],
        texts=filled({"status": statuses, "warmup_status": warmups or [None] * size}),
        numbers=numbers,
    )


def test_without_an_answer_nothing_is_known() -> None:
    assert Figures.of([]) == Figures(None, None, [], None, None, None, None, [("all", None)])


def test_a_mailbox_counts_only_where_both_of_its_numbers_are_known() -> None:
    figures = Figures.of(
        [
            {
                "all": answer_of(
                    ["active", None, "error", "active"],
                    sent_today=[50, 7, None, 0],
                    daily_send_limit=[50, None, 50, 0],
                    campaign_bounced=[1, None, 3, 4],
                    campaign_sent=[10, 20, None, 40],
                )
            }
        ]
    )
    assert (figures.mailboxes, figures.statuses) == (4, [("active", 2), ("error", 1)])
    assert (figures.sent_today, figures.capacity) == (50, 50)
    assert figures.bounces == [("all", (5, 50))]


def test_parked_mailboxes_are_counted_and_are_no_capacity() -> None:
    answer = answer_of(["active"] * 3, sent_today=[2, 1, 0], daily_send_limit=[10, 20, 40])
    other = answer_of(["active"], sent_today=[1], daily_send_limit=[7])
    figures = Figures.of([{"all": answer}, {"all": other}], [{"m1", "m2", "gone"}, None])
    assert (figures.parked, figures.capacity, figures.sent_today) == (2, 17, 4)
    assert Figures.of([{"all": other}], [None]).parked is None
    assert Figures.of([{"all": other}], [frozenset()]).parked == 0


def test_a_mailbox_that_may_send_nothing_is_not_at_its_limit() -> None:
    answer = answer_of(["active"] * 3, sent_today=[0, 50, 60], daily_send_limit=[0, 50, 50])
    assert Figures.of([{"all": answer}]).at_limit == 2


def test_no_warm_up_in_progress_differs_from_no_warm_up_known() -> None:
    known, unknown = answer_of(["active"], ["completed"]), answer_of(["active"])
    assert Figures.of([{"all": known}, {"all": unknown}]).warming_up == 0
    assert Figures.of([{"all": unknown}]).warming_up is None


def test_a_window_adds_up_the_workspaces_that_have_it() -> None:
    week = answer_of(["active"], campaign_bounced=[2], campaign_sent=[30])
    everything = answer_of(["active"], campaign_bounced=[9], campaign_sent=[900])
    fleet = [{"all": everything}, {"all": everything, "7d": week}, {"7d": week, "all": everything}]
    assert Figures.of(fleet).bounces == [("7d", (4, 60)), ("all", (27, 2700))]
