"""The fleet in figures: sums over the mailboxes of all workspaces.

Pure, and one pass a column.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import ALL_TIME


@dataclass(frozen=True, slots=True)
class Figures:
    """The fleet in figures, `None` for what no answer has; bounces and campaign sends are by window."""

    mailboxes: int | None
    parked: int | None
    statuses: Sequence[tuple[str, int]]
    sent_today: float | None
    capacity: float | None
    at_limit: int | None
    warming_up: int | None
    bounces: Sequence[tuple[str, tuple[float, float] | None]]

    @classmethod
    def of(
        cls, fleet: Sequence[Mapping[str, Answer]], parked: Sequence[AbstractSet[str] | None] = ()
    ) -> "Figures":
        """Return the figures of workspaces, each given by its answers by window.

        `parked` are the mailboxes of each that may not send, where that is known; they are no capacity.
        """
        everything = [answers[ALL_TIME] for answers in fleet]
        statuses = Counter(
            status for answer in everything for status in answer.text("status") if status is not None
        )
        warmups = Counter(status for answer in everything for status in answer.text("warmup_status"))
        today = _pairs(everything, "sent_today", "daily_send_limit")
        resting = [
            answer.where([mailbox_id in ids for mailbox_id in answer.ids])
            for answer, ids in zip(everything, parked, strict=False)
            if ids is not None
        ]
        idle = sum(limit for _, limit in _pairs(resting, "sent_today", "daily_send_limit"))
        windows = dict.fromkeys(window for answers in fleet for window in answers if window != ALL_TIME)
        return cls(
            mailboxes=sum(map(len, everything)) if everything else None,
            parked=sum(map(len, resting)) if resting else None,
            statuses=sorted(statuses.items(), key=lambda item: (item[0] != "active", -item[1], item[0])),
            sent_today=sum(sent for sent, _ in today) if today else None,
            capacity=sum(limit for _, limit in today) - idle if today else None,
            at_limit=sum(sent >= limit > 0 for sent, limit in today) if today else None,
            warming_up=warmups["in_progress"] if warmups.keys() - {None} else None,
            bounces=[
                (
                    window,
                    _bounces(
                        answers[window].aligned(answers[ALL_TIME].ids)
                        for answers in fleet
                        if window in answers
                    ),
                )
                for window in (*windows, ALL_TIME)
            ],
        )


def _pairs(answers: Iterable[Answer], first: str, second: str) -> list[tuple[float, float]]:
    """Return two numbers of each mailbox that has both."""
    return [
        (a, b)
        for answer in answers
        if {first, second} <= answer.numbers.keys()
        for a, b in zip(answer.numbers[first], answer.numbers[second], strict=True)
        if a is not None and b is not None
    ]


def _bounces(answers: Iterable[Answer]) -> tuple[float, float] | None:
    pairs = _pairs(answers, "campaign_bounced", "campaign_sent")
    return (sum(bounced for bounced, _ in pairs), sum(sent for _, sent in pairs)) if pairs else None
