"""One incident is one page, whatever watches, and though each server restarts in its middle.

The whole way is real, from scrapes to the pager's webhook, and faster than real time (`monitoring`). The
API's figures are the test's own, so that all of them are known.
"""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scripted_api import ScriptedApi, answer, mailbox
from tests.servers import on_path
from tests.stack.monitoring import MINUTE, Monitoring, prometheus, victoriametrics
from tests.stack.paging import ahead_of_others
from tests.stack.processes import Process, Processes, free_port, start_exporter
from tests.stack.webhook import Webhook, webhook
from tests.waiting import wait_for

SPIKED, WELL = "spiked.example", "well.example"
SPIKE = "SendKitDomainBounceSpike"
MAILBOXES = 3
PATIENCE = 120.0  # of waits on a busy machine, in real seconds
KINDS = {
    "prometheus-2.42": ("system", prometheus),
    "prometheus-3": ("newest", prometheus),
    "victoriametrics": ("newest", victoriametrics),
}
"""Which end of the range each is of, and what runs it."""

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]


class Mails:
    """An answer with mailboxes of two domains, whose totals rise as the test says."""

    def __init__(self) -> None:
        self.sent, self.bounced = {SPIKED: 100, WELL: 100}, {SPIKED: 0, WELL: 0}

    def send(self, domain: str, sent: int, bounced: int = 0) -> None:
        """Let each mailbox of a domain send mails, of which some bounce."""
        self.sent[domain] += sent
        self.bounced[domain] += bounced

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        mailboxes = [
            mailbox(
                f"{number}-{domain}",
                f"{number}@{domain}",
                dailySendLimit=10_000,
                performance={"sent": self.sent[domain], "bounced": self.bounced[domain]},
                rates={},
            )
            for domain in (SPIKED, WELL)
            for number in range(MAILBOXES)
        ]
        await answer(200, json.dumps({"success": True, "data": mailboxes}).encode())(writer)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_incident_is_one_page_though_each_server_restarts(kind: str, tmp_path: Path) -> None:
    """The page is for the domain that bounces, with its numbers; when it is over, it is resolved, once."""
    end, monitored = KINDS[kind]
    mails, processes, address = Mails(), Processes(tmp_path), f"127.0.0.1:{free_port()}"
    try:
        with on_path(end), ahead_of_others(), webhook() as hook:
            async with ScriptedApi(default=mails) as api:
                with monitored(processes, address, hook.url) as monitoring:
                    exporter = started_exporter(processes, api.url, address)
                    await asyncio.to_thread(happen, processes, monitoring, exporter, mails, hook)
    finally:
        processes.end()
    told = [(page.status, page.about) for page in hook.received("/page")]
    assert told == [("firing", {("acme", SPIKE)}), ("resolved", {("acme", SPIKE)})]
    [alert] = hook.received("/page", "firing")[0].alerts
    description = alert["annotations"]["description"]
    bounced, sent = map(int, re.findall(r"(\d+) (?:bounces|sends)", description)[:2])
    # Prometheus extrapolates a rise to the ends of its range.
    assert 10 * MAILBOXES <= bounced <= 11 * MAILBOXES, description
    assert 20 * MAILBOXES <= sent <= 22 * MAILBOXES, description


def started_exporter(processes: Processes, api: str, address: str) -> Process:
    """Start the exporter where it is scraped, with a poll every minute."""
    config = {
        "api": {"base_url": api, "max_attempts": 1},
        "poll": {"interval": MINUTE, "stale_after": 15 * MINUTE},
        "accounts": [{"name": "acme", "api_key": "sk_acme"}],
        "windows": [],
        "state": {"directory": str(processes.folder / "state")},
    }
    exporter = start_exporter(processes, config, "--web.listen-address", address)
    exporter.url = f"http://{address}"
    return exporter


def happen(
    processes: Processes, monitoring: Monitoring, exporter: Process, mails: Mails, hook: Webhook
) -> None:
    """Let a domain bounce, restart every server while it does, and let it be well again."""
    wait_for(lambda: monitoring.queries.query("domain:sendkit_emails_sent:increase1d"), PATIENCE)
    mails.send(SPIKED, 20, 10)
    mails.send(WELL, 1000)
    wait_for(lambda: hook.received("/page"), PATIENCE, what="the page")

    # One that does not wait after its start sends what it gets before what inhibits it.
    if monitoring.delays:
        processes.restart(monitoring.alertmanager)
        wait_for(lambda: monitoring.updated(SPIKE), PATIENCE, what="Alertmanager knows of it again")
    for server in (*monitoring.servers, exporter):
        processes.restart(server)
    restarted = datetime.now(UTC)

    def fires_again() -> bool:
        updated = monitoring.updated(SPIKE)
        assert updated, "for Alertmanager it is over before it has heard of it again"
        return updated > restarted

    wait_for(fires_again, PATIENCE, what="it fires again")
    mails.send(SPIKED, 2000)
    mails.send(WELL, 2000)
    wait_for(lambda: hook.received("/page", "resolved"), PATIENCE, what="the page is resolved")
