"""What the analytics endpoint tells of one workspace, as documented for GET /v1/analytics/mailboxes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import inf
from operator import add

from exporter.simulator.fleet import Workspace
from exporter.simulator.ledger import Columns, Disturbance, Ledger, Period, difference
from exporter.simulator.rhythm import (
    BOUNCED,
    DAY_SECONDS,
    KINDS,
    REPLIED,
    SENT,
    WARMUP_RECEIVED,
    WARMUP_SENT,
)

_CAMPAIGN_KINDS = len(KINDS) - 2  # the others are of warm-up
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Window:
    """The days that `performance` and `rates` are asked for, both inclusive; None leaves that side open."""

    first: date | None = None
    last: date | None = None

    def instants(self, now: float) -> tuple[float, float]:
        """Return when the window begins and ends, in Unix seconds, as far as it has come by now."""
        begin = -inf if self.first is None else (self.first.toordinal() - _EPOCH_ORDINAL) * DAY_SECONDS
        end = inf if self.last is None else (self.last.toordinal() - _EPOCH_ORDINAL + 1) * DAY_SECONDS
        return min(begin, now), min(end, now)


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
        self._suspensions: list[tuple[int, Period]] = []
        self._warmup_stops: list[tuple[int, Period]] = []
        self._heads = [
            json.dumps({"_id": mailbox.id, "email": mailbox.email, "displayName": mailbox.display_name})[:-1]
            for mailbox in workspace.mailboxes
        ]

    def spike_bounces(self, period: Period, mailboxes: frozenset[int], ratio: float) -> None:
        """Let mails that are sent in a period bounce at a ratio."""
        self._ledger.disturb(Disturbance(period, mailboxes, bounce_ratio=ratio))

    def stall(self, period: Period) -> None:
        """Let no mailbox send anything for a period."""
        everyone = frozenset(range(len(self.workspace.mailboxes)))
        self._ledger.disturb(Disturbance(period, everyone, stops_campaigns=True, stops_warmup=True))

    def suspend(self, period: Period, mailbox: int) -> None:
        """Suspend a mailbox for a period: it sends nothing and says so."""
        self._suspensions.append((mailbox, period))
        alone = frozenset({mailbox})
        self._ledger.disturb(Disturbance(period, alone, stops_campaigns=True, stops_warmup=True))

    def stop_warmup(self, period: Period, mailbox: int) -> None:
        """Switch the warm-up of a mailbox off for a period."""
        self._warmup_stops.append((mailbox, period))
        self._ledger.disturb(Disturbance(period, frozenset({mailbox}), stops_warmup=True))

    def delete_campaigns(self, period: Period, mailboxes: frozenset[int], share: float) -> None:
        """Take a share of the campaign figures away at the start of a period, from every day before it."""
        self._deletions.append(_Deletion(period, mailboxes, share))

    def statuses(self, now: float) -> list[str]:
        """Return the status of each mailbox."""
        statuses = [mailbox.status for mailbox in self.workspace.mailboxes]
        for mailbox, period in self._suspensions:
            if period.covers(now):
                statuses[mailbox] = "suspended"
        return statuses

    def warmups(self, now: float) -> list[tuple[bool, str]]:
        """Return for each mailbox whether warm-up is enabled, and its status."""
        day = int(now // DAY_SECONDS)
        warmups = [
            (mailbox.warmup_enabled, mailbox.warmup_status(day)) for mailbox in self.workspace.mailboxes
        ]
        for mailbox, period in self._warmup_stops:
            if period.covers(now):
                warmups[mailbox] = (False, "idle")
        return warmups

    def body(self, now: float, window: Window, mailboxes: int) -> bytes:
        """Return the answer of the endpoint, with the first so many of the mailboxes."""
        rows = ",".join(row for row, _ in zip(self._rows(now, window), range(mailboxes), strict=False))
        return f'{{"success":true,"data":[{rows}]}}'.encode()

    def _rows(self, now: float, window: Window) -> Iterator[str]:
        totals = self._ledger.totals(now)
        performance = self._performance(now, window)
        return map(
            _row,
            self._heads,
            self.statuses(now),
            (mailbox.earlier_sent for mailbox in self.workspace.mailboxes),
            (mailbox.earlier_received for mailbox in self.workspace.mailboxes),
            map(add, totals[SENT], totals[WARMUP_SENT]),
            map(add, totals[REPLIED], totals[WARMUP_RECEIVED]),
            map(_ratio, totals[BOUNCED], totals[SENT]),
            self._ledger.sent_on_day_of(now),
            (mailbox.daily_send_limit for mailbox in self.workspace.mailboxes),
            self.warmups(now),
            *performance,
        )

    def _performance(self, now: float, window: Window) -> Columns:
        """Return the columns of the campaign kinds of events within a window."""
        begin, end = window.instants(now)
        deletions = sorted(
            (deletion for deletion in self._deletions if deletion.period.start <= now),
            key=lambda deletion: deletion.period.start,
        )
        reached = self._standing(end, deletions)
        if begin == -inf:
            return reached
        return difference(reached, self._standing(begin, deletions))

    def _standing(self, instant: float, deletions: Sequence[_Deletion]) -> Columns:
        """Return the campaign totals up to an instant without what deletions took, some maybe later."""
        columns = self._ledger.totals(instant)[:_CAMPAIGN_KINDS]
        for place, deletion in enumerate(deletions):
            if instant < deletion.period.start:
                removed = deletion.part(columns)
            else:
                if deletion.removed is None:
                    before = self._standing(deletion.period.start, deletions[:place])
                    deletion.removed = deletion.part(before)
                removed = deletion.removed
            columns = difference(columns, removed)
        return columns


def _row(  # noqa: PLR0913, PLR0917 - the fields of a mailbox, in the order of the answer
    head: str,
    status: str,
    earlier_sent: int,
    earlier_received: int,
    total_sent: int,
    total_received: int,
    bounce_rate: float,
    sent_today: int,
    daily_send_limit: int,
    warmup: tuple[bool, str],
    sent: int,
    opened: int,
    clicked: int,
    bounced: int,
    replied: int,
    positive_replied: int,
) -> str:
    enabled, warmup_status = warmup
    return (
        f'{head}, "status": "{status}", "totalSent": {earlier_sent + total_sent}, '
        f'"totalReceived": {earlier_received + total_received}, "bounceRate": {bounce_rate}, '
        f'"sentToday": {sent_today}, "dailySendLimit": {daily_send_limit}, '
        f'"warmup": {{"enabled": {"true" if enabled else "false"}, "status": "{warmup_status}"}}, '
        f'"performance": {{"sent": {sent}, "opened": {opened}, "clicked": {clicked}, "bounced": {bounced}, '
        f'"replied": {replied}, "positiveReplied": {positive_replied}}}, '
        f'"rates": {{"open": "{_percent(opened, sent)}", "click": "{_percent(clicked, sent)}", '
        f'"bounce": "{_percent(bounced, sent)}", "reply": "{_percent(replied, sent)}", '
        f'"positiveReply": "{_percent(positive_replied, sent)}"}}}}'
    )


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


@lru_cache(maxsize=65_536)
def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0.0"
