"""Answers with the figures of real mailboxes, whatever `bounceRate` is in, through to the real Prometheus."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.servers import servers
from tests.stack.processes import Processes, start_exporter
from tests.stack.prometheus_servers import scrape_job, start_prometheus
from tests.waiting import wait_for

__all__ = ["servers"]

SAMPLE = Path(__file__).parents[1] / "fleet_sample.csv"
FORMS = [(unit, performance) for unit in ("percent", "ratio") for performance in (True, False)]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a mailbox of the sample sent, and what of it bounced."""

    sent: int
    bounced: int

    def rate(self, unit: str) -> float:
        """Return the bounces of the sends to as many digits as the API has."""
        ratio = self.bounced / self.sent if self.sent else 0.0
        return round(100 * ratio, 2) if unit == "percent" else round(ratio, 4)


with SAMPLE.open() as lines:
    MAILBOXES = [
        Sent(int(row["total_sent"]), round(int(row["total_sent"]) * float(row["bounce_rate"]) / 100))
        for row in csv.DictReader(lines)
    ]


def name(unit: str, *, performance: bool) -> str:
    return f"{unit}-{'with' if performance else 'without'}"


def answer(unit: str, *, performance: bool) -> bytes:
    """Return the answer of a workspace, with these units and blocks."""
    mailboxes: list[dict[str, Any]] = []
    for number, mailbox in enumerate(MAILBOXES):
        figures = {"sent": mailbox.sent, "bounced": mailbox.bounced}
        others = dict.fromkeys(("opened", "clicked", "replied", "positiveReplied"), 0)
        mailboxes.append(
            {
                "_id": f"m{number}",
                "email": f"m{number}@acme.example",
                "status": "active",
                "totalSent": mailbox.sent,
                "totalReceived": 0,
                "bounceRate": mailbox.rate(unit),
                "sentToday": 0,
                "dailySendLimit": 15,
                **({"performance": figures | others} if performance else {}),
            }
        )
    return json.dumps({"success": True, "data": mailboxes}).encode()


ANSWERS = {
    f"sk_{name(unit, performance=performance)}": answer(unit, performance=performance)
    for unit, performance in FORMS
}


class Api(BaseHTTPRequestHandler):
    """Answers by the key; there is no list of workspaces."""

    def do_GET(self) -> None:
        is_figures = self.path.startswith("/v1/analytics/mailboxes")
        body = ANSWERS[self.headers["X-Api-Key"]] if is_figures else b"{}"
        self.send_response(200 if is_figures else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("servers")
def test_the_bounce_ratio_is_bounces_of_sends_to_four_decimals_in_either_unit(
    processes: Processes, api: str
) -> None:
    accounts = [{"name": key.removeprefix("sk_"), "api_key": key} for key in ANSWERS]
    exporter = start_exporter(processes, {"api": {"base_url": api}, "windows": [], "accounts": accounts})
    prometheus = start_prometheus(
        processes, {"scrape_configs": [scrape_job("sendkit-exporter", exporter.url)]}
    )
    query = "sendkit_mailbox_bounce_ratio"
    wait_for(lambda: len(prometheus.query(query)) == len(FORMS) * len(MAILBOXES), what="all are scraped")

    found = {
        (series["metric"]["workspace"], series["metric"]["mailbox_id"]): float(series["value"][1])
        for series in prometheus.query(query)
    }

    expected = {
        (name(unit, performance=performance), f"m{number}"): mailbox.bounced / mailbox.sent
        for unit, performance in FORMS
        for number, mailbox in enumerate(MAILBOXES)
        if mailbox.sent
    }
    wrong = {
        place: (ratio, found.get(place))
        for place, ratio in expected.items()
        if abs(found.get(place, 9) - ratio) > 0.5001e-4
    }
    assert len(expected) >= 4 * 20
    assert wrong == {}
    suspects = 'sum(sendkit_suspect_values_total{field="bounceRate"})'
    assert prometheus.value(suspects) == 0
