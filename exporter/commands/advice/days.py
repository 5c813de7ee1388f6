"""The last weeks of a fleet, a day at a time, as Prometheus has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.commands.advice.prometheus import Prometheus
from exporter.fleet.limits import Level

DAY_SECONDS = 86400
_MAILBOX = "workspace, domain, mailbox_id"
Subject = tuple[str, str, str]
"""A workspace, a domain and a mailbox id; "" for what is not named."""
Bounces = Mapping[Subject, tuple[float, float]]
"""Bounces and sends."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a fleet: bounces and sends by level, and other figures that thresholds are held against.

    `usage` holds the highest share of its daily limit that each mailbox sent, `unhealthy` the highest share
    of each domain's mailboxes that were not active, of those of three and more, `replies` the replies and
    sends of each workspace, and `spam` those of warm-up mails that landed in spam, by domain.
    """

    bounces: Mapping[Level, Bounces]
    usage: Mapping[Subject, float]
    unhealthy: Mapping[Subject, float]
    replies: Bounces
    spam: Bounces


async def thresholds(server: Prometheus, now: float) -> dict[str, float]:
    """Return the thresholds that are exported, by name; where workspaces differ, the lowest."""
    found = await server.at("min by (threshold) (last_over_time(sendkit_alert_threshold[1d]))", now)
    return {sample.labels["threshold"]: sample.value for sample in found if "threshold" in sample.labels}


async def days(server: Prometheus, number: int, now: float) -> Sequence[Day]:
    """Return the last days, the oldest first; those without a mail are left out."""
    found = [await _day(server, now - ago * DAY_SECONDS) for ago in reversed(range(number))]
    return [day for day in found if day.bounces[Level.WORKSPACE]]


async def _day(server: Prometheus, end: float) -> Day:
    sent = await _by(server, _counted("emails_sent_total"), end)
    bounced = await _by(server, _counted("emails_bounced_total"), end)
    replied = await _by(server, _counted("emails_replied_total"), end)
    usage = await _by(
        server,
        f"max by ({_MAILBOX}) (max_over_time(sendkit_mailbox_sent_today[1d])"
        " / (sendkit_mailbox_daily_send_limit > 0))",
        end,
    )
    unhealthy = await _by(
        server,
        "avg by (workspace, domain) (1 - max by (workspace, domain, mailbox_id)"
        ' (sendkit_mailbox_status{status="active"}))'
        " and count by (workspace, domain) (max by (workspace, domain, mailbox_id)"
        ' (sendkit_mailbox_status{status="active"})) >= 3',
        end,
    )
    spam = await _by(server, "sum by (workspace, domain) (sendkit_mailbox_warmup_window_spam)", end)
    landed = await _by(
        server,
        "sum by (workspace, domain) (sendkit_mailbox_warmup_window_spam"
        " + sendkit_mailbox_warmup_window_inbox + sendkit_mailbox_warmup_window_promotions)",
        end,
    )
    return Day(
        {level: _paired(_added(bounced, level), _added(sent, level)) for level in Level},
        usage,
        unhealthy,
        _paired(_added(replied, Level.WORKSPACE), _added(sent, Level.WORKSPACE)),
        _paired(spam, landed),
    )


def _counted(name: str) -> str:
    """Return the expression for what a counter rose in a day; replicas see the same mails."""
    return f"max by ({_MAILBOX}) (round(increase(sendkit_mailbox_{name}[1d]))) > 0"


async def _by(server: Prometheus, expression: str, time: float) -> dict[Subject, float]:
    return {
        (
            sample.labels.get("workspace", ""),
            sample.labels.get("domain", ""),
            sample.labels.get("mailbox_id", ""),
        ): sample.value
        for sample in await server.at(expression, time)
    }


def _added(values: Mapping[Subject, float], level: Level) -> dict[Subject, float]:
    """Return the sums of mailboxes at a level."""
    sums: dict[Subject, float] = {}
    for (workspace, domain, mailbox_id), value in values.items():
        subject = {
            Level.WORKSPACE: (workspace, "", ""),
            Level.DOMAIN: (workspace, domain, ""),
            Level.MAILBOX: (workspace, domain, mailbox_id),
        }[level]
        sums[subject] = sums.get(subject, 0.0) + value
    return sums


def _paired(parts: Mapping[Subject, float], wholes: Mapping[Subject, float]) -> Bounces:
    return {subject: (parts.get(subject, 0.0), whole) for subject, whole in wholes.items()}
