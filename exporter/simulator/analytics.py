"""What the analytics endpoint says of one workspace, as documented for GET /v1/analytics/mailboxes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Literal

from exporter.simulator.disturbances import Disturbance, Period
from exporter.simulator.fleet import Workspace
from exporter.simulator.ledger import Ledger, difference
from exporter.simulator.plans import Columns
from exporter.simulator.rhythm import BOUNCED, POSITIVE_REPLIED, REPLIED, SENT
from exporter.simulator.windows import Window

BounceRateUnit = Literal["percent", "ratio"]
Bounds = Literal["as asked", "without last day", "whole days"]


@dataclass(frozen=True, slots=True)
class Shape:
    """In which form an answer comes, and how far it is from what is true.

    Of the rows, a `share` is there; with `page_rows` the first of them alone, and a `pagination` that says
    so. The figures are those of `behind_seconds` ago, times a `factor`.
    """

    share: float = 1.0
    page_rows: int | None = None
    page_has_more: bool = True
    bounce_rate_unit: BounceRateUnit = "percent"
    has_performance: bool = True
    behind_seconds: float = 0.0
    factor: float = 1.0
    bounds: Bounds = "as asked"


@dataclass(slots=True)
class _Deletion:
    """A share of some mailboxes' campaign figures that is gone from the start of a period on, for good."""

    period: Period
    mailboxes: frozenset[int]
    share: float
    removed: Columns | None = None

    def part(self, columns: Columns) -> Columns:
        """Return what of some figures is gone."""
        return [
            [int(count * self.share) if index in self.mailboxes else 0 for index, count in enumerate(column)]
            for column in columns
        ]


class Analytics:
    """The figures of one workspace and everything that disturbs them."""

    def __init__(self, workspace: Workspace, first_day: int) -> None:
        self.workspace = workspace
        self._ledger = Ledger(workspace, first_day)
        self._deletions: list[_Deletion] = []
        self._statuses: list[tuple[Period, frozenset[int], str]] = []
        self._positive_shares: list[tuple[Period, float]] = []
        self._warmup_stops: list[tuple[int, Period]] = []
        self._heads = [
            json.dumps({"_id": mailbox.id, "email": mailbox.email, "displayName": mailbox.display_name})[:-1]
            for mailbox in workspace.mailboxes
        ]

    def bounce(self, period: Period, mailboxes: frozenset[int], ratio: float) -> None:
        """Let mails that are sent in a period bounce at a ratio."""
        self._ledger.disturb(Disturbance(period, mailboxes, bounce_ratio=ratio))

    def stall(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Let some mailboxes send no campaign mail for a period."""
        self._ledger.disturb(Disturbance(period, mailboxes))

    def change_status(self, period: Period, mailboxes: frozenset[int], status: str) -> None:
        """Let some mailboxes have another status for a period, in which they send no campaign mail."""
        self._statuses.append((period, mailboxes, status))
        self.stall(period, mailboxes)

    def change_positive_tag(self, period: Period, share: float) -> None:
        """Let a share of all replies, old ones too, count as positive for a period."""
        self._positive_shares.append((period, share))

    def stop_warmup(self, period: Period, mailbox: int) -> None:
        """Switch the warm-up of a mailbox off for a period."""
        self._warmup_stops.append((mailbox, period))

    def delete_campaigns(self, period: Period, mailboxes: frozenset[int], share: float) -> None:
        """Take a share of the campaign figures away at the start of a period, from every day before it."""
        self._deletions.append(_Deletion(period, mailboxes, share))

    def statuses(self, now: float) -> list[str]:
        """Return the status of each mailbox."""
        statuses = [mailbox.status for mailbox in self.workspace.mailboxes]
        for period, mailboxes, status in self._statuses:
            if period.covers(now):
                for index in mailboxes:
                    statuses[index] = status
        return statuses

    def warmups(self, now: float) -> list[tuple[bool, str]]:
        """Return for each mailbox whether warm-up is enabled, and its status."""
        warmups = [(mailbox.warmup.is_enabled, mailbox.warmup.status) for mailbox in self.workspace.mailboxes]
        for mailbox, period in self._warmup_stops:
            if period.covers(now):
                warmups[mailbox] = (False, "idle")
        return warmups

    def totals(self, now: float) -> Columns:
        """Return all campaign figures of the mailboxes by an instant."""
        return self._ledger.totals(now)

    def sent_today(self, now: float) -> Sequence[int]:
        """Return what the mailboxes have sent since midnight."""
        return self._ledger.sent_on_day_of(now)

    def performance(self, now: float) -> Columns:
        """Return the campaign figures of all time, without those of deleted campaigns."""
        return self._performance(now, Window(), Shape())

    def body(self, now: float, window: Window, shape: Shape) -> bytes:
        """Return the answer of the endpoint."""
        size = len(self.workspace.mailboxes)
        number = round(shape.share * size)
        pagination = ""
        if shape.page_rows is not None:
            number = min(number, shape.page_rows)
            has_more = json.dumps(shape.page_has_more and number < size)
            pagination = f',"pagination":{{"total":{size},"hasMore":{has_more},"nextCursor":null}}'
        rows = ",".join(row for row, _ in zip(self._rows(now, window, shape), range(number), strict=False))
        return f'{{"success":true,"data":[{rows}]{pagination}}}'.encode()

    def _rows(self, now: float, window: Window, shape: Shape) -> Iterator[str]:
        mailboxes = self.workspace.mailboxes
        then = now - shape.behind_seconds
        totals = _times(self._ledger.totals(then), shape.factor)
        performance = _times(self._performance(then, window, shape), shape.factor)
        bounce_rate = _bounce_percent if shape.bounce_rate_unit == "percent" else _bounce_ratio
        heads = map(
            _head,
            self._heads,
            self.statuses(now),
            totals[SENT],
            (mailbox.earlier.received for mailbox in mailboxes),
            totals[REPLIED],
            map(bounce_rate, totals[BOUNCED], totals[SENT]),
            self._ledger.sent_on_day_of(then),
            (mailbox.daily_send_limit for mailbox in mailboxes),
            self.warmups(now),
        )
        if shape.has_performance:
            return map(_row, heads, *performance)
        return (f"{head}}}" for head in heads)

    def _performance(self, now: float, window: Window, shape: Shape) -> Columns:
        """Return what has become by now of the mails sent within a window."""
        if shape.bounds == "without last day":
            window = window.without_last_day()
        elif shape.bounds == "whole days":
            window = window.of_whole_days()
        deletions = sorted(
            (deletion for deletion in self._deletions if deletion.period.start <= now),
            key=lambda deletion: deletion.period.start,
        )
        figures = self._standing(min(window.end, now), now, deletions)
        if window.begin > -inf:
            figures = difference(figures, self._standing(min(window.begin, now), now, deletions))
        for period, share in self._positive_shares:
            if period.covers(now):
                positive = [int(share * replied) for replied in figures[REPLIED]]
                figures = [*figures[:POSITIVE_REPLIED], positive]
        return figures

    def _standing(self, bound: float, now: float, deletions: Sequence[_Deletion]) -> Columns:
        """Return what has become by now of the mails sent before a bound, without what deletions took."""
        columns = self._ledger.sent_before(bound, now)
        for place, deletion in enumerate(deletions):
            deleted_at = deletion.period.start
            if bound < deleted_at:
                removed = deletion.part(self._standing(bound, deleted_at, deletions[:place]))
            else:
                if deletion.removed is None:
                    before = self._standing(deleted_at, deleted_at, deletions[:place])
                    deletion.removed = deletion.part(before)
                removed = deletion.removed
            columns = difference(columns, removed)
        return columns


def _times(columns: Columns, factor: float) -> Columns:
    if factor == 1:
        return columns
    return [[int(count * factor) for count in column] for column in columns]


def _head(  # noqa: PLR0913, PLR0917 - the fields of a mailbox, in the order of the answer
    head: str,
    status: str,
    total_sent: int,
    earlier_received: int,
    replied: int,
    bounce_rate: str,
    sent_today: int,
    daily_send_limit: int,
    warmup: tuple[bool, str],
) -> str:
    enabled, warmup_status = warmup
    return (
        f'{head}, "status": "{status}", "totalSent": {total_sent}, '
        f'"totalReceived": {earlier_received + replied}, "bounceRate": {bounce_rate}, '
        f'"sentToday": {sent_today}, "dailySendLimit": {daily_send_limit}, '
        f'"warmup": {{"enabled": {"true" if enabled else "false"}, "status": "{warmup_status}"}}'
    )


def _row(  # noqa: PLR0913, PLR0917 - the same
    head: str, sent: int, opened: int, clicked: int, bounced: int, replied: int, positive_replied: int
) -> str:
    return (
        f'{head}, "performance": {{"sent": {sent}, "opened": {opened}, "clicked": {clicked}, '
        f'"bounced": {bounced}, "replied": {replied}, "positiveReplied": {positive_replied}}}, '
        f'"rates": {{"open": "{_percent(opened, sent)}", "click": "{_percent(clicked, sent)}", '
        f'"bounce": "{_percent(bounced, sent)}", "reply": "{_percent(replied, sent)}", '
        f'"positiveReply": "{_percent(positive_replied, sent)}"}}}}'
    )


@lru_cache(maxsize=65_536)
def _bounce_percent(bounced: int, sent: int) -> str:
    """Return the percentage with two decimals, an integer where it is round."""
    return f"{round(100 * bounced / sent, 2):g}" if sent else "0"


@lru_cache(maxsize=65_536)
def _bounce_ratio(bounced: int, sent: int) -> str:
    return f"{round(bounced / sent, 4):g}" if sent else "0"


@lru_cache(maxsize=65_536)
def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0.0"
