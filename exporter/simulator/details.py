"""What `GET /v1/mailboxes` says of the mailboxes of one workspace beyond their figures."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exporter.simulator.disturbances import Period
from exporter.simulator.fleet import Mailbox, Workspace
from exporter.simulator.rhythm import DAY_SECONDS
from exporter.simulator.warmups import Warmups

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ERRORS: Mapping[str, str] = {
    "error": "Invalid login: 535 5.7.8 Username and Password not accepted",
    "suspended": "550 5.1.8 Access denied, bad outbound sender",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one mailbox that the analytics endpoint has, too."""

    status: str
    total_sent: int
    sent_today: int
    bounced: int
    warmup: tuple[bool, str]


@dataclass(frozen=True, slots=True)
class _Change:
    """Something of some mailboxes that is otherwise for a period."""

    period: Period
    mailboxes: frozenset[int]
    value: str


class Details:
    """The details of the mailboxes of a workspace, and what changes them."""

    def __init__(self, workspace: Workspace, warmups: Warmups) -> None:
        self._workspace, self._warmups = workspace, warmups
        self._changes: dict[str, list[_Change]] = defaultdict(list)

    def park(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Have the operator switch the sending of some mailboxes off for a period."""
        self._changes["parked"].append(_Change(period, mailboxes, "parked"))

    def break_setup(self, period: Period, mailboxes: frozenset[int], health: int) -> None:
        """Let the DNS records of some mailboxes be of so much health, in percent, for a period."""
        self._changes["health"].append(_Change(period, mailboxes, str(health)))

    def fail(self, period: Period, mailboxes: frozenset[int], text: str) -> None:
        """Let some mailboxes have a last error for a period."""
        self._changes["error"].append(_Change(period, mailboxes, text))

    def rename_tag(self, period: Period, old: str, new: str) -> None:
        """Let a tag have another name for a period."""
        everyone = frozenset(range(len(self._workspace.mailboxes)))
        self._changes[f"tag {old}"].append(_Change(period, everyone, new))

    def is_enabled(self, index: int, now: float) -> bool:
        """Tell whether a mailbox may send campaigns."""
        is_parked = now // DAY_SECONDS >= self._workspace.mailboxes[index].parked_on
        return not is_parked and self._changed("parked", index, now) is None

    def created_at(self, index: int) -> str:
        """Return when a mailbox was created."""
        created = _EPOCH + timedelta(days=self._workspace.mailboxes[index].domain.created_on, hours=9)
        return created.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def row(self, index: int, now: float, figures: Figures) -> dict[str, object]:
        """Return a mailbox as the endpoint shows it."""
        mailbox = self._workspace.mailboxes[index]
        percent = 100 * figures.bounced / figures.total_sent if figures.total_sent else 0.0
        rate = round(percent, 2)
        health = int(self._changed("health", index, now) or _usual_health(mailbox))
        return {
            "_id": mailbox.id,
            "email": mailbox.email,
            "displayName": mailbox.display_name,
            "provider": mailbox.domain.provider.name,
            "connectionType": mailbox.domain.provider.connection_type,
            "status": figures.status,
            "sendingEnabled": self.is_enabled(index, now),
            "dailySendLimit": mailbox.daily_send_limit,
            "sentToday": figures.sent_today,
            "tags": self.tags(index, now),
            "bounceRate": int(rate) if rate.is_integer() else rate,
            "totalSent": figures.total_sent,
            "setupStatus": {"healthScore": health},
            "lastError": self._changed("error", index, now) or _ERRORS.get(figures.status),
            "warmup": self._warmup(index, now, figures.warmup),
            "createdAt": self.created_at(index),
        }

    def tags(self, index: int, now: float) -> list[str]:
        """Return the tags of a mailbox."""
        mailbox = self._workspace.mailboxes[index]
        verdict = "good" if self.is_enabled(index, now) else "parked"
        tags = (*mailbox.domain.tags, verdict)
        return [self._changed(f"tag {tag}", index, now) or tag for tag in tags]

    def _warmup(self, index: int, now: float, warmup: tuple[bool, str]) -> dict[str, object]:
        """Return the block of warm-up, whose `metrics` are missing where there never was any."""
        is_enabled, status = warmup
        day = int(now // DAY_SECONDS)
        block: dict[str, object] = {
            "enabled": is_enabled,
            "status": status,
            "currentDay": day - self._workspace.mailboxes[index].domain.created_on if is_enabled else 0,
            "currentVolume": self._warmups.volume(index, day) if is_enabled else 0,
        }
        sent, replied = self._warmups.lifetime(index, now)
        if sent:
            inbox, spam = self._warmups.averages(index, now)
            block["metrics"] = {
                "totalSent": sent,
                "totalReplies": replied,
                "inboxRate": inbox,
                "spamRate": spam,
                "replyRate": round(100 * replied / sent),
                "openRate": 0,
                "bounceRate": 0,
            }
        return block

    def _changed(self, what: str, index: int, now: float) -> str | None:
        for change in reversed(self._changes.get(what, ())):
            if change.period.covers(now) and index in change.mailboxes:
                return change.value
        return None


def _usual_health(mailbox: Mailbox) -> int:
    """Return the health of a domain's DNS records: the same for all its mailboxes, and mostly all is well."""
    return 100 if len(mailbox.domain.name) % 5 else 85
