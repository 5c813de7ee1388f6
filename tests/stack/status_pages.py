"""Fleets for status pages of every kind."""

from exporter.answers.answer import Answer
from exporter.catalogue.workspace import Reason
from exporter.config import Thresholds
from exporter.fleet.judged import judged
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.recent import Rise
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import analytics

NOW = Instant(unix=1_760_000_000.0, steady=5_000.0)
HOSTILE = "</title><script>document.title = 'executed'</script><img src=/stolen onerror=alert(1)>"


def track(fleet: Fleet, label: str, mailboxes: int = 0, address: str = "anna{}@acme.example") -> Poll:
    """Track a workspace with half of its mailboxes suspended; it is polled unless it has none."""
    poll = Poll(analytics.all_time(60), stale_after=900.0)
    polls = {poll.feed.name: poll}
    fleet.add(Workspace(Key(label), "agency", label, label, Thresholds().model_dump(), polls))
    if mailboxes:
        answer = Answer(
            ids=[f"m{row}" for row in range(mailboxes)],
            texts={
                "email": [address.format(row) for row in range(mailboxes)],
                "status": ["active", "suspended"] * (mailboxes // 2),
                "warmup_status": ["completed"] * mailboxes,
            },
            numbers={
                "campaign_sent": [2000] * mailboxes,
                "campaign_bounced": [31, 170] * (mailboxes // 2),
                "sent_today": [52, 12] * (mailboxes // 2),
                "daily_send_limit": [50] * mailboxes,
            },
        )
        poll.succeeded(Reading(answer, None), Instant(NOW.unix - 23, NOW.steady - 23), 0.42)
    return poll


def healthy() -> Fleet:
    fleet = Fleet()
    for label in ("acme", "beta"):
        track(fleet, label, 40)
    return fleet


def failing() -> Fleet:
    fleet = healthy()
    track(fleet, "zeta", 40).failed(Reason.AUTH, "401 Unauthorized: the key was revoked", NOW, 0.2)
    return fleet


def waiting() -> Fleet:
    fleet = Fleet()
    track(fleet, "acme")
    return fleet


def crowded() -> Fleet:
    fleet = Fleet()
    for number in range(250):
        track(fleet, f"client-{number:03d}", 50)
    return fleet


def hostile() -> Fleet:
    fleet = Fleet()
    track(fleet, HOSTILE, 20, f"{HOSTILE}{{}}@{HOSTILE}").failed(Reason.SERVER_ERROR, HOSTILE, NOW, 1.0)
    track(fleet, "W" * 1000, 20, "L" * 500 + "{}@" + "d" * 500).failed(Reason.NETWORK, "x" * 1000, NOW, 1.0)
    return fleet


def bouncing() -> Fleet:
    """Return a fleet of which a domain bounces, and did an hour ago."""
    fleet = healthy()
    workspace = next(iter(fleet))
    answer = workspace.all_time.answer
    assert answer
    for hours, bounced in ((9, 0), (1, 9), (0, 19)):
        now = NOW.unix - hours * 3600
        workspace.recent = workspace.recent.after([Rise("m0", "acme.example", 53, bounced)], {}, now)
    workspace.judged = judged(workspace.recent, answer, workspace.thresholds)
    fleet.incidents.take("acme", workspace.judged, NOW.unix)
    return fleet


def workspace() -> Fleet:
    """Return the fleet of which the page of one workspace is served."""
    return bouncing()
