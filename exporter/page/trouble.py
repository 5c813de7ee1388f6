"""The mailboxes nearest trouble, and why.

Pure, and one pass a column: a fleet may have 100,000 mailboxes, of which a handful is shown.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import nlargest

from exporter.answers.answer import Answer, Column, domain_of
from exporter.catalogue.kinds import ALL_TIME
from exporter.fleet.findings import SHOWN_Z, State
from exporter.fleet.limits import Level
from exporter.page.polls import Seen
from exporter.wilson import lower_bound

DAY = "24 h"
"""The window of bounces that were seen; the others are those of the API."""
NEAR_SHARE = 2 / 3
"""The share of the warning threshold from which bouncing is near trouble, as in the slow-burn alert."""


class Concern(IntEnum):
    """What is wrong with a mailbox; the more urgent the higher."""

    NEAR_LIMIT = 1
    NEAR_BOUNCING = 2
    INACTIVE = 3
    OVER_LIMIT = 4
    LAST_ERROR = 5
    BOUNCING = 6
    STOPPED = 7
    """In a status that nobody chose: suspended, error, or one that is not documented."""
    BOUNCING_BADLY = 8

    @property
    def is_trouble(self) -> bool:
        """Whether this is trouble, and not only near it."""
        return self > Concern.NEAR_BOUNCING


@dataclass(frozen=True, slots=True)
class Watched:
    """A workspace's mailboxes as columns, one row a mailbox; bounces and sends are those of `window`."""

    workspace: str
    thresholds: Mapping[str, float]
    answer: Answer
    window: str
    bounced: Column
    sent: Column
    bad: AbstractSet[str] = frozenset()
    """The ids of mailboxes that bounce critically, by the rules."""
    left: AbstractSet[str] = frozenset()
    """The ids of mailboxes that left `active` within a week; the others that are not have long been so."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """The last error of each mailbox that has one, by its id, where a collector knows it."""


@dataclass(frozen=True, slots=True)
class Troubled:
    """A mailbox in or near trouble, with its concerns, the worst first, and the figures behind them."""

    workspace: str
    mailbox_id: str
    email: str
    domain: str
    status: str | None
    concerns: Sequence[Concern]
    thresholds: Mapping[str, float]
    window: str
    bounced: float | None
    sent: float | None
    bounce_bound: float | None
    sent_today: float | None
    daily_send_limit: float | None
    last_error: str = ""


def watched(seen: Seen) -> Watched:
    """Return a workspace's mailboxes, with the bounces of the last 24 h."""
    everything, day = seen.answers[ALL_TIME], seen.recent.mailboxes.day.total
    left = seen.recent.left.keys() - (seen.parked or ())
    if not seen.recent.workspace.week.total.sent:
        return by_the_api(seen.label, seen.thresholds, seen.answers, left, seen.last_errors)
    bad = {
        finding.name
        for finding in seen.judged.findings
        if finding.level is Level.MAILBOX and finding.state is State.CRITICAL
    }
    return Watched(
        seen.label,
        seen.thresholds,
        everything,
        DAY,
        [day.bounced.get(each, 0) for each in everything.ids],
        [day.sent.get(each, 0) for each in everything.ids],
        bad,
        left,
        seen.last_errors,
    )


def by_the_api(
    workspace: str,
    thresholds: Mapping[str, float],
    answers: Mapping[str, Answer],
    left: AbstractSet[str] = frozenset(),
    errors: Mapping[str, str] = {},
) -> Watched:
    """Return a workspace's mailboxes while nothing was seen to be sent.

    Bounces are those of the shortest window; every window ends today, so that is the one with fewest sends.
    """
    everything = answers[ALL_TIME]
    windows = [
        window
        for window, answer in answers.items()
        if window != ALL_TIME and {"campaign_sent", "campaign_bounced"} <= answer.numbers.keys()
    ]
    window = min(windows, key=lambda name: answers[name].total("campaign_sent"), default=ALL_TIME)
    bounced, sent = (
        _aligned(everything.ids, answers[window], name) for name in ("campaign_bounced", "campaign_sent")
    )
    return Watched(workspace, thresholds, everything, window, bounced, sent, left=left, errors=errors)


def _aligned(ids: Sequence[str], answer: Answer, name: str) -> Column:
    """Return an answer's column in the order of `ids`."""
    return answer.aligned(ids).numbers.get(name, [None] * len(ids))


def nearest(fleet: Sequence[Watched], most: int) -> tuple[list[Troubled], Counter[Concern]]:
    """Return the mailboxes nearest trouble, at most `most`, and how many have which worst concern."""
    concerns = [_concerns(workspace) for workspace in fleet]
    counts = Counter(max(found)[0] for rows in concerns for found in rows.values())
    # Ties go to the workspace and the mailbox that come first, so that the page does not flicker.
    ranked = (
        (max(found), -index, -row) for index, rows in enumerate(concerns) for row, found in rows.items()
    )
    shown = [(-index, -row) for _, index, row in nlargest(most, ranked)]
    return [_troubled(fleet[index], row, concerns[index][row]) for index, row in shown], counts


def _concerns(workspace: Watched) -> Mapping[int, list[tuple[Concern, float]]]:
    """Return the concerns of each row that has one, each with its degree."""
    concerns = defaultdict(list)
    for judge in (_by_status, _by_bounces, _by_limit, _by_last_error):
        for row, concern, degree in judge(workspace):
            concerns[row].append((concern, degree))
    return concerns


def _by_status(workspace: Watched) -> Iterator[tuple[int, Concern, float]]:
    ids = workspace.answer.ids
    for row, status in enumerate(workspace.answer.text("status")):
        if status is not None and status != "active" and ids[row] in workspace.left:
            yield row, Concern.INACTIVE if status == "inactive" else Concern.STOPPED, 0.0


def standing(fleet: Sequence[Watched]) -> Counter[str]:
    """Return how many mailboxes have long not been active, by their status."""
    return Counter(
        status
        for workspace in fleet
        for mailbox_id, status in zip(workspace.answer.ids, workspace.answer.text("status"), strict=True)
        if status is not None and status != "active" and mailbox_id not in workspace.left
    )


def _by_bounces(workspace: Watched) -> Iterator[tuple[int, Concern, float]]:
    thresholds = workspace.thresholds
    warning = thresholds["mailbox_bounce_ratio_warning"]
    minimum, near = thresholds["minimum_bounces"], NEAR_SHARE * warning
    for row, (bounced, sent) in enumerate(zip(workspace.bounced, workspace.sent, strict=True)):
        # The bound is below the ratio itself: most mailboxes need no square root.
        if bounced is None or sent is None or bounced < minimum or bounced <= near * sent:
            continue
        bound = lower_bound(bounced, sent, SHOWN_Z)
        if bound is None or bound <= near:
            continue
        if workspace.answer.ids[row] in workspace.bad:
            yield row, Concern.BOUNCING_BADLY, bound
        else:
            yield row, Concern.BOUNCING if bound > warning else Concern.NEAR_BOUNCING, bound


def _by_limit(workspace: Watched) -> Iterator[tuple[int, Concern, float]]:
    numbers = workspace.answer.numbers
    if not {"sent_today", "daily_send_limit"} <= numbers.keys():
        return
    usage = workspace.thresholds["daily_limit_usage"]
    for row, (sent, limit) in enumerate(zip(numbers["sent_today"], numbers["daily_send_limit"], strict=True)):
        if sent is None or limit is None or sent <= usage * limit:
            continue
        degree = sent / limit if limit else float(sent)
        yield row, Concern.OVER_LIMIT if sent > limit else Concern.NEAR_LIMIT, degree


def _by_last_error(workspace: Watched) -> Iterator[tuple[int, Concern, float]]:
    if workspace.errors:
        for row, mailbox_id in enumerate(workspace.answer.ids):
            if mailbox_id in workspace.errors:
                yield row, Concern.LAST_ERROR, 0.0


def _troubled(workspace: Watched, row: int, found: list[tuple[Concern, float]]) -> Troubled:
    answer = workspace.answer
    bounced, sent = workspace.bounced[row], workspace.sent[row]
    email = answer.text("email")[row] or ""
    sent_today, limit = (
        answer.numbers[name][row] if name in answer.numbers else None
        for name in ("sent_today", "daily_send_limit")
    )
    return Troubled(
        workspace=workspace.workspace,
        mailbox_id=answer.ids[row],
        email=email,
        domain=domain_of(email),
        status=answer.text("status")[row],
        concerns=[concern for concern, _ in sorted(found, reverse=True)],
        thresholds=workspace.thresholds,
        window=workspace.window,
        bounced=bounced,
        sent=sent,
        bounce_bound=None if bounced is None or sent is None else lower_bound(bounced, sent, SHOWN_Z),
        sent_today=sent_today,
        daily_send_limit=limit,
        last_error=workspace.errors.get(answer.ids[row], ""),
    )
