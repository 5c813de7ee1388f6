"""Answers of the API for benchmarks: any number of mailboxes, the next one a little or wholly different."""

import json
import random
from typing import Any

STEADY_SHARE = 0.05
"""The mailboxes that change between two polls of a steady fleet: 40 sends a day, one poll a minute."""


def mailboxes(count: int) -> list[dict[str, Any]]:
    """Return the mailboxes of a fleet in mid-life."""
    chance = random.Random(count)
    return [_mailbox(chance, number) for number in range(count)]


def _mailbox(chance: random.Random, number: int) -> dict[str, Any]:
    sent = chance.randrange(200, 5000)
    return {
        "_id": f"{number:024x}",
        "email": f"outreach{number}@mail{number // 20}.example.com",
        "displayName": f"Outreach {number}",
        "status": chance.choices(["active", "inactive", "suspended", "error"], [96, 2, 1, 1])[0],
        "totalSent": sent + 300,
        "totalReceived": sent // 10,
        "bounceRate": round(chance.random() / 30, 4),
        "sentToday": chance.randrange(50),
        "dailySendLimit": 50,
        "warmup": {"enabled": True, "status": "completed"},
        "performance": {
            "sent": sent,
            "opened": sent // 2,
            "clicked": sent // 20,
            "bounced": sent // 70,
            "replied": sent // 30,
            "positiveReplied": sent // 100,
        },
        "rates": {
            name: f"{chance.random() * 100:.1f}"
            for name in ("open", "click", "bounce", "reply", "positiveReply")
        },
    }


def after_a_poll(fleet: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Return the fleet in which a share of the mailboxes sent and was answered since."""
    chance = random.Random(len(fleet))
    return [_later(chance, mailbox) if chance.random() < share else mailbox for mailbox in fleet]


def _later(chance: random.Random, mailbox: dict[str, Any]) -> dict[str, Any]:
    counts = {name: count + chance.randrange(1, 3) for name, count in mailbox["performance"].items()}
    return mailbox | {
        "totalSent": mailbox["totalSent"] + 2,
        "totalReceived": mailbox["totalReceived"] + 1,
        "bounceRate": round(chance.random() / 30, 4),
        "sentToday": mailbox["sentToday"] + 1,
        "performance": counts,
        "rates": {name: f"{chance.random() * 100:.1f}" for name in mailbox["rates"]},
    }


def body(fleet: list[dict[str, Any]]) -> bytes:
    """Return the fleet as the API's answer."""
    return json.dumps({"success": True, "data": fleet}, separators=(",", ":")).encode()
