"""Answers of the collectors' endpoints for benchmarks, in pages, about the mailboxes of a fleet."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.answers.envelope import Body
from exporter.sendkit.paging import PAGE_ROWS

Row = Mapping[str, Any]
TEST = {"testName": "daily", "status": "completed", "completedAt": "2026-05-04T08:00:00.000Z"}


class Endpoints:
    """What each endpoint answers about a fleet; at every turn a share of the mailboxes has changed."""

    def __init__(self, fleet: Sequence[Row], share: float) -> None:
        chance = random.Random(len(fleet))
        turns = [{mailbox["_id"] for mailbox in fleet if chance.random() < share} for _ in range(2)]
        self._answers = [self._answered(fleet, changed) for changed in turns]
        self.turn = 0

    @staticmethod
    def _answered(fleet: Sequence[Row], changed: set[str]) -> Mapping[str, Sequence[bytes]]:
        details = [_details(mailbox, mailbox["_id"] in changed) for mailbox in fleet]
        stats = [_stats(mailbox, mailbox["_id"] in changed) for mailbox in fleet]
        overview = {"totalCampaigns": 12, "activeCampaigns": 2 + len(changed) % 2}
        listed = {"totalChecked": len(fleet), "clean": len(fleet), "blacklisted": 0}
        placed = {"inbox": 38, "spam": 1 + len(changed) % 2, "missing": 1}
        return {
            "/v1/mailboxes": _pages(details),
            "/v1/warmup/stats": _pages(stats, inside="mailboxes"),
            "/v1/analytics/overview": [json.dumps({"success": True, "data": overview}).encode()],
            "/v1/blacklist-tests": _pages([{**TEST, "overallSummary": listed}]),
            "/v1/inbox-placement": _pages([{**TEST, "summary": placed}]),
        }

    async def get(self, path: str, parameters: Mapping[str, str]) -> Body:
        """Return the page that is asked for, as of this turn."""
        return self._answers[self.turn][path][int(parameters.get("cursor", 0))]


def _details(mailbox: Row, is_changed: bool) -> Row:  # noqa: FBT001 - a benchmark's data
    number = int(mailbox["_id"], 16)
    return {
        **{name: mailbox[name] for name in ("_id", "email", "displayName", "status")},
        "provider": "gmail" if number % 3 else "azure",
        "connectionType": "oauth",
        "sendingEnabled": number % 5 > 0,
        "dailySendLimit": 15,
        "sentToday": mailbox["sentToday"],
        "tags": [f"batch-{number // 100 % 10}", "owner sales", "good"],
        "bounceRate": 2.49,
        "totalSent": mailbox["totalSent"],
        "setupStatus": {"healthScore": 100},
        "lastError": "Invalid login: 535 5.7.8 Username and Password not accepted" if is_changed else None,
        "warmup": {
            "enabled": True,
            "status": "in_progress",
            "currentDay": 116,
            "currentVolume": 25 - is_changed,
            "metrics": {"totalSent": 2187, "totalReplies": 500, "inboxRate": 96, "spamRate": 4},
        },
        "createdAt": "2026-01-12T09:00:00.000Z",
    }


def _stats(mailbox: Row, is_changed: bool) -> Row:  # noqa: FBT001 - as above
    sent = 120 + int(mailbox["_id"], 16) % 50 + is_changed
    counts = {"totalSent": sent, "inbox": sent - 4, "spam": 3, "promotions": 1, "replied": 30, "opened": 60}
    return {
        "id": mailbox["_id"],
        "email": mailbox["email"],
        "warmup": {"status": "in_progress", "currentDay": 116, "currentVolume": 25},
        "stats": {**counts, "inboxRate": 97, "spamRate": 3, "healthScore": 88},
    }


def _pages(rows: Sequence[Row], inside: str = "") -> list[bytes]:
    pages: list[bytes] = []
    for first in range(0, len(rows), PAGE_ROWS):
        has_more = first + PAGE_ROWS < len(rows)
        page = rows[first : first + PAGE_ROWS]
        pagination = {"limit": PAGE_ROWS, "total": len(rows), "hasMore": has_more}
        cursor = {"nextCursor": str(len(pages) + 1)} if has_more else {}
        data = {inside: page} if inside else page
        pages.append(
            json.dumps({"success": True, "data": data, "pagination": {**pagination, **cursor}}).encode()
        )
    return pages
