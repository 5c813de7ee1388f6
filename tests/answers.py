"""Answers of the API for mailboxes, as documented and as changed by a test."""

import json
from collections.abc import Sequence
from typing import Any

from exporter.model import Answer, parse

Mailbox = dict[str, Any]


def mailbox(**changes: Any) -> Mailbox:  # noqa: ANN401 - whatever an API may send
    """Return a mailbox as documented, with changes by its fields."""
    return {
        "_id": "664a1b2c3d4e5f6a7b8c9d03",
        "email": "sales@example.com",
        "displayName": "Sales",
        "status": "active",
        "totalSent": 4500,
        "totalReceived": 320,
        "bounceRate": 0.02,
        "sentToday": 45,
        "dailySendLimit": 100,
        "warmup": {"enabled": True, "status": "completed"},
        "performance": {
            "sent": 1000,
            "opened": 400,
            "clicked": 35,
            "bounced": 12,
            "replied": 50,
            "positiveReplied": 20,
        },
        "rates": {"open": "25.0", "click": "3.5", "bounce": "1.2", "reply": "5.0", "positiveReply": "2.0"},
        **changes,
    }


def older(**changes: Any) -> Mailbox:  # noqa: ANN401 - whatever an API may send
    """Return a mailbox of the API's older answer."""
    return {name: value for name, value in mailbox(**changes).items() if name not in {"performance", "rates"}}


def envelope(mailboxes: Sequence[object]) -> bytes:
    return json.dumps({"success": True, "data": mailboxes}).encode()


def answer_of(*mailboxes: object) -> Answer:
    return parse(envelope(mailboxes))
