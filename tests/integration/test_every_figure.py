"""Each figure of the API becomes the metric that is documented for it, and no other one.

Answers and metrics are written out here: taken from the catalogue, two swapped names would go unseen.
"""

import json
from typing import Any

import pytest

from tests.accounts import ACME
from tests.collectors import EVERY
from tests.exporting import exporting
from tests.scripted_api import Behaviour, Request, ScriptedApi, answer
from tests.waiting import until

pytestmark = pytest.mark.anyio

MAILBOX = "665f1c2e9b3e4a0012ab34cd"
WHOLE = {"pagination": {"limit": 100, "total": 1, "hasMore": False}}
ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/analytics/mailboxes": {
        "data": [
            {
                "_id": MAILBOX,
                "email": "anna@acme.example",
                "displayName": "Anna",
                "status": "suspended",
                "totalSent": 682,
                "totalReceived": 91,
                "bounceRate": 2.49,
                "sentToday": 11,
                "dailySendLimit": 14,
                "warmup": {"enabled": True, "status": "idle"},
                "performance": {
                    "sent": 680,
                    "opened": 310,
                    "clicked": 41,
                    "bounced": 17,
                    "replied": 23,
                    "positiveReplied": 5,
                },
                "rates": {
                    "open": "45.6",
                    "click": "6.0",
                    "bounce": "2.5",
                    "reply": "3.4",
                    "positiveReply": "0.7",
                },
            }
        ]
    },
    "/v1/mailboxes": WHOLE
    | {
        "data": [
            {
                "_id": MAILBOX,
                "email": "anna@acme.example",
                "provider": "gmail",
                "connectionType": "oauth",
                "status": "suspended",
                "sendingEnabled": False,
                "tags": ["batch 7"],
                "setupStatus": {"healthScore": 85},
                "lastError": "535 5.7.8 refused",
                "warmup": {"enabled": True, "status": "idle", "currentDay": 116, "currentVolume": 38},
                "createdAt": "2026-01-05T00:00:00.000Z",
            }
        ]
    },
    "/v1/warmup/stats": WHOLE
    | {
        "data": {
            "summary": {"totalSent": 1, "inbox": 2, "spam": 3, "promotions": 4},
            "mailboxes": [
                {
                    "id": MAILBOX,
                    "warmup": {"status": "idle", "currentDay": 1, "currentVolume": 1},
                    "stats": {
                        "totalSent": 266,
                        "inbox": 240,
                        "spam": 19,
                        "promotions": 7,
                        "replied": 88,
                        "opened": 190,
                        "inboxRate": 90,
                        "spamRate": 7,
                        "healthScore": 93,
                    },
                }
            ],
        }
    },
    "/v1/analytics/overview": {"data": {"totalSent": 1, "totalCampaigns": 31, "activeCampaigns": 6}},
    "/v1/blacklist-tests": WHOLE
    | {
        "data": [
            {
                "testName": "weekly",
                "status": "completed",
                "overallSummary": {"totalChecked": 44, "clean": 41, "blacklisted": 3},
                "completedAt": "2026-02-03T00:00:00.000Z",
            }
        ]
    },
    "/v1/inbox-placement": WHOLE
    | {
        "data": [
            {
                "testName": "weekly",
                "status": "completed",
                "summary": {"inbox": 71, "spam": 13, "missing": 2},
                "completedAt": "2026-02-04T00:00:00.000Z",
            }
        ]
    },
}
OF_MAILBOX = {
    "lifetime_sent": 682,
    "lifetime_received": 91,
    "bounce_ratio": 0.0249,
    "sent_today": 11,
    "daily_send_limit": 14,
    "warmup_enabled": 1,
    "campaign_sent": 680,
    "campaign_opened": 310,
    "campaign_clicked": 41,
    "campaign_bounced": 17,
    "campaign_replied": 23,
    "campaign_positive_replied": 5,
    "campaign_open_ratio": 0.456,
    "campaign_click_ratio": 0.06,
    "campaign_bounce_ratio": 0.025,
    "campaign_reply_ratio": 0.034,
    "campaign_positive_reply_ratio": 0.007,
    "sending_enabled": 0,
    "setup_health_ratio": 0.85,
    "last_error": 1,
    "created_timestamp_seconds": 1767571200,
    "warmup_day": 116,
    "warmup_daily_volume": 38,
    "warmup_window_sent": 266,
    "warmup_window_inbox": 240,
    "warmup_window_spam": 19,
    "warmup_window_promotions": 7,
    "warmup_window_replied": 88,
    "warmup_window_opened": 190,
}
OF_WORKSPACE = {
    "campaigns": 31,
    "active_campaigns": 6,
    "blacklist_checked": 44,
    "blacklist_listed": 3,
    "blacklist_completed_timestamp_seconds": 1770076800,
    "placement_inbox": 71,
    "placement_spam": 13,
    "placement_missing": 2,
    "placement_completed_timestamp_seconds": 1770163200,
}
COUNTED = ("sent", "opened", "clicked", "bounced", "replied", "positive_replied")


class DocumentedApi(ScriptedApi):
    """The API with these answers; each total of campaigns has risen by `rise` and more, one by one."""

    rise = 0

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path not in ANSWERS:
            return super()._behaviour(request)
        text = json.dumps({"success": True, **ANSWERS[request.path]})
        if self.rise:
            found = json.loads(text)
            if request.path == "/v1/analytics/mailboxes":
                performance = found["data"][0]["performance"]
                for number, name in enumerate(performance):
                    performance[name] += self.rise + number
            text = json.dumps(found)
        return answer(200, text.encode())


async def test_each_figure_becomes_its_metric() -> None:
    collectors = {name: {"enabled": True, "interval": 1} for name in EVERY}
    api = DocumentedApi()
    shown = {"email": "plain", "display_name": True}
    async with exporting(api, ACME, collectors=collectors, privacy=shown) as running:
        await until(
            lambda: (
                all(poll.up for each in running.exporter.fleet for poll in each.polls.values())
                and running.is_up("acme")
            )
        )
        samples = running.samples()
        api.rise = 3
        await until(
            lambda: running.samples().one("sendkit_mailbox_emails_sent_total", workspace="acme") == api.rise
        )
        risen = running.samples()

    labels = {"workspace": "acme", "domain": "acme.example", "mailbox_id": MAILBOX}
    assert {name: samples.one(f"sendkit_mailbox_{name}", **labels) for name in OF_MAILBOX} == {
        name: pytest.approx(value) for name, value in OF_MAILBOX.items()
    }
    assert {
        name: samples.one(f"sendkit_workspace_{name}", workspace="acme") for name in OF_WORKSPACE
    } == OF_WORKSPACE
    assert [risen.one(f"sendkit_mailbox_emails_{name}_total", **labels) for name in COUNTED] == [
        api.rise + number for number in range(len(COUNTED))
    ]
    for name, value in (
        ("sendkit_mailbox_info", {"email": "anna@acme.example", "display_name": "Anna"}),
        ("sendkit_mailbox_provider_info", {"provider": "gmail", "connection_type": "oauth"}),
        ("sendkit_mailbox_tag_info", {"tag": "batch 7"}),
        ("sendkit_mailbox_status", {"status": "suspended"}),
        ("sendkit_mailbox_warmup_status", {"status": "idle"}),
    ):
        assert samples.one(name, **labels, **value) == 1
    assert sum(samples.by_name["sendkit_suspect_values_total"].values()) == 0
