"""All that goes on in one workspace, and what the endpoints beside the analytics of mailboxes say of it."""

from math import inf

from exporter.simulator.analytics import Analytics
from exporter.simulator.checkups import Checkups
from exporter.simulator.details import Details, Figures
from exporter.simulator.disturbances import Period
from exporter.simulator.fleet import Workspace
from exporter.simulator.population import Era
from exporter.simulator.rhythm import BOUNCED, CLICKED, DAY_SECONDS, OPENED, POSITIVE_REPLIED, REPLIED, SENT
from exporter.simulator.warmups import Landed, Warmups

_Answer = dict[str, object]


class Operations:
    """What goes on in one workspace."""

    def __init__(self, workspace: Workspace, era: Era) -> None:
        self.workspace = workspace
        self.analytics = Analytics(workspace, era.first_day)
        self.warmups = Warmups(workspace, era.start_day)
        self.details = Details(workspace, self.warmups)
        self.checkups = Checkups(workspace)
        self._finished: list[Period] = []
        self._summaries: dict[int, tuple[float, Landed]] = {}

    def stall(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Let some mailboxes send nothing for a period, warm-up mail neither."""
        self.analytics.stall(period, mailboxes)
        self.warmups.stop(period, mailboxes)

    def change_status(self, period: Period, mailboxes: frozenset[int], status: str) -> None:
        """Let some mailboxes have another status for a period, in which they send nothing."""
        self.analytics.change_status(period, mailboxes, status)
        self.warmups.stop(period, mailboxes)

    def stop_warmup(self, period: Period, mailbox: int) -> None:
        """Switch the warm-up of a mailbox off for a period."""
        self.analytics.stop_warmup(period, mailbox)
        self.warmups.stop(period, frozenset({mailbox}))

    def park(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Have the operator switch the sending of some mailboxes off for a period; their warm-up goes on."""
        self.analytics.stall(period, mailboxes)
        self.details.park(period, mailboxes)

    def collapse(self, period: Period, mailboxes: frozenset[int], spam_ratio: float) -> None:
        """Let the mail of some mailboxes land in spam at a ratio for a period."""
        self.warmups.collapse(period, mailboxes, spam_ratio)
        self.checkups.collapse(period, len(mailboxes), spam_ratio)

    def finish_campaigns(self, period: Period, mailboxes: frozenset[int]) -> None:
        """Let no campaign be active for a period."""
        self._finished.append(period)
        self.analytics.stall(period, mailboxes)

    def mailboxes(self, rows: range, now: float, figures_at: float) -> list[_Answer]:
        """Return rows of `GET /v1/mailboxes`, with the figures of an instant that may lie before now."""
        totals = self.analytics.totals(figures_at)
        sent_today = self.analytics.sent_today(figures_at)
        statuses, warmups = self.analytics.statuses(now), self.analytics.warmups(now)
        return [
            self.details.row(
                index,
                now,
                Figures(
                    statuses[index],
                    totals[SENT][index],
                    sent_today[index],
                    totals[BOUNCED][index],
                    warmups[index],
                ),
            )
            for index in rows
        ]

    def warmup_stats(self, rows: range, days: int, now: float, summary_at: float) -> _Answer:
        """Return `data` of `GET /v1/warmup/stats`, whose summary is as of an instant before now."""
        warmups = self.analytics.warmups(now)
        indices = range(len(self.workspace.mailboxes))
        if self._summaries.get(days, (-inf, None))[0] != summary_at:
            whole = sum((self.warmups.landed(index, days, summary_at) for index in indices), Landed())
            self._summaries = {days: (summary_at, whole)}
        warming = sum(is_enabled for is_enabled, _ in warmups)
        summary = {**_counted(self._summaries[days][1]), "warmingMailboxes": warming, "days": days}
        return {
            "summary": summary,
            "mailboxes": [self._warmup_row(index, days, now, warmups[index]) for index in rows],
        }

    def overview(self, now: float) -> _Answer:
        """Return `data` of `GET /v1/analytics/overview`."""
        sums = [sum(column) for column in self.analytics.performance(now)]
        sent = sums[SENT]
        lists = self.workspace.list_lanes
        is_finished = any(period.covers(now) for period in self._finished)

        def percent(kind: int) -> str:
            return f"{100 * sums[kind] / sent:.1f}" if sent else "0.0"

        return {
            "totalSent": sent,
            "totalOpened": sums[OPENED],
            "totalClicked": sums[CLICKED],
            "totalBounced": sums[BOUNCED],
            "totalReplied": sums[REPLIED],
            "totalPositiveReplied": sums[POSITIVE_REPLIED],
            "totalCampaigns": 3 * lists,
            "activeCampaigns": 0 if is_finished else lists,
            "rates": {
                "open": percent(OPENED),
                "click": percent(CLICKED),
                "bounce": percent(BOUNCED),
                "reply": percent(REPLIED),
                "positiveReply": percent(POSITIVE_REPLIED),
            },
        }

    def _warmup_row(self, index: int, days: int, now: float, warmup: tuple[bool, str]) -> _Answer:
        is_enabled, status = warmup
        mailbox = self.workspace.mailboxes[index]
        landed = self.warmups.landed(index, days, now)
        day = int(now // DAY_SECONDS)
        counted = _counted(landed)
        opened = 100 * landed.opened / landed.sent if landed.sent else 0
        inbox, spam = int(str(counted["inboxRate"])), int(str(counted["spamRate"]))
        return {
            "id": mailbox.id,
            "email": mailbox.email,
            "warmup": {
                "status": status,
                "currentDay": day - mailbox.domain.created_on if is_enabled else 0,
                "currentVolume": self.warmups.volume(index, day) if is_enabled else 0,
                "startedAt": self.details.created_at(index) if landed.sent else None,
            },
            "stats": {**counted, "healthScore": round(inbox * 0.5 + (100 - spam) * 0.3 + opened * 0.2)},
        }


def _counted(landed: Landed) -> _Answer:
    """Return counts with their rates in whole percent of the mails sent."""
    return {
        "totalSent": landed.sent,
        "inbox": landed.inbox,
        "spam": landed.spam,
        "promotions": landed.promotions,
        "replied": landed.replied,
        "opened": landed.opened,
        "inboxRate": round(100 * landed.inbox / landed.sent) if landed.sent else 0,
        "spamRate": round(100 * landed.spam / landed.sent) if landed.sent else 0,
    }
