"""The real Prometheus scrapes the running exporter over the simulator, in both formats."""

import math
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx
import pytest

from tests.samples import Samples
from tests.servers import RANGE, on_path
from tests.stack.processes import Process, Processes, Simulator, start_exporter, start_simulator
from tests.stack.prometheus_servers import Prometheus, scrape_job, start_prometheus
from tests.waiting import wait_for

COUNTS = {
    "totalSent": "lifetime_sent",
    "totalReceived": "lifetime_received",
    "sentToday": "sent_today",
    "dailySendLimit": "daily_send_limit",
}
PERFORMANCE = {
    "sent": "sent",
    "opened": "opened",
    "clicked": "clicked",
    "bounced": "bounced",
    "replied": "replied",
    "positiveReplied": "positive_replied",
}
RATES = {
    "open": "open",
    "click": "click",
    "bounce": "bounce",
    "reply": "reply",
    "positiveReply": "positive_reply",
}
Values = dict[tuple[str, str, str], float]
"""The value of each sample by its name, its mailbox and its window or status."""


class TextProxy(ThreadingHTTPServer):
    """Passes scrapes on with an `Accept` that asks for text, as this Prometheus always takes OpenMetrics."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.content_types: set[str] = set()
        super().__init__(("127.0.0.1", 0), _TextScrape)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _TextScrape(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        proxy = cast("TextProxy", self.server)
        passed = {"accept": "text/plain;version=0.0.4", "accept-encoding": self.headers["Accept-Encoding"]}
        with httpx.stream("GET", proxy.target + self.path, headers=passed, trust_env=False) as answer:
            body = b"".join(answer.iter_raw())
            proxy.content_types.add(answer.headers["content-type"])
            self.send_response(answer.status_code)
            for name in ("content-type", "content-encoding"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Stack:
    """The simulator, the exporter that polls it, and the Prometheus that scrapes that in both formats."""

    def __init__(
        self, simulator: Simulator, exporter: Process, prometheus: Prometheus, text: TextProxy
    ) -> None:
        self.simulator = simulator
        self.exporter = exporter
        self.prometheus = prometheus
        self.text = text


@pytest.fixture(scope="module", params=RANGE)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, with the servers of each end of the range."""
    processes = Processes(tmp_path_factory.mktemp("processes"))
    with on_path(request.param), started(processes) as stack:
        yield stack
    processes.end()


@contextmanager
def started(processes: Processes) -> Iterator[Stack]:
    simulator = start_simulator(processes, "--mailboxes", "120")
    config = {
        "api": {"base_url": simulator.url},
        "poll": {"interval": "1s"},
        "windows": [{"name": "7d", "days": 7, "interval": "1s"}],
        "accounts": [{"name": "agency", "api_key": simulator.platform_key}],
    }
    exporter = start_exporter(processes, config)
    wait_for(lambda: exporter.answers("/-/ready"))
    proxy = TextProxy(exporter.url)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    discovery = [{"url": f"{exporter.url}/sd", "refresh_interval": "1s"}]
    prometheus = start_prometheus(
        processes,
        {
            "scrape_configs": [
                scrape_job("openmetrics", exporter.url),
                scrape_job("text", proxy.url),
                {"job_name": "split", "scrape_interval": "1s", "http_sd_configs": discovery},
            ]
        },
    )
    yield Stack(simulator, exporter, prometheus, proxy)
    proxy.shutdown()
    thread.join()
    proxy.server_close()


def expected(simulator: Simulator) -> Values:
    """Return the values that the simulator reports, under the exporter's names."""
    first, last = simulator.days(7)
    values: Values = {}
    for window, answer in (
        ("all", simulator.truth()),
        ("7d", simulator.truth(**{"from": first, "to": last})),
    ):
        for mailboxes in answer.values():
            for mailbox_id, mailbox in mailboxes.items():
                values |= _of_window(mailbox_id, mailbox, window)
                if window == "all":
                    values |= _of_mailbox(mailbox_id, mailbox)
    return values


def _of_window(mailbox_id: str, mailbox: dict[str, Any], window: str) -> Values:
    counts = {
        (f"sendkit_mailbox_campaign_{name}", mailbox_id, window): mailbox["performance"][field]
        for field, name in PERFORMANCE.items()
    }
    ratios = {
        (f"sendkit_mailbox_campaign_{name}_ratio", mailbox_id, window): float(mailbox["rates"][field]) / 100
        for field, name in RATES.items()
    }
    return counts | ratios


def _of_mailbox(mailbox_id: str, mailbox: dict[str, Any]) -> Values:
    warmup = mailbox["warmup"]
    values: Values = {
        (f"sendkit_mailbox_{name}", mailbox_id, ""): mailbox[field] for field, name in COUNTS.items()
    }
    # In percent, as the live API has it.
    values["sendkit_mailbox_bounce_ratio", mailbox_id, ""] = mailbox["bounceRate"] / 100
    values["sendkit_mailbox_warmup_enabled", mailbox_id, ""] = warmup["enabled"]
    for status in ("active", "inactive", "suspended", "error"):
        values["sendkit_mailbox_status", mailbox_id, status] = mailbox["status"] == status
    for status in ("not_started", "in_progress", "completed", "idle"):
        values["sendkit_mailbox_warmup_status", mailbox_id, status] = warmup["status"] == status
    return values


def stored(prometheus: Prometheus, job: str) -> Values:
    """Return the mailboxes' values that Prometheus stored for a job, counters and addresses apart."""
    apart = "sendkit_mailbox_(info|emails_.*_total)"
    selector = f'{{__name__=~"sendkit_mailbox_.*",__name__!~"{apart}",job="{job}"}}'
    values: Values = {}
    for found in prometheus.query(selector):
        labels = found["metric"]
        detail = labels.get("window") or labels.get("status") or ""
        values[labels["__name__"], labels["mailbox_id"], detail] = float(found["value"][1])
    return values


@pytest.mark.parametrize("job", ["openmetrics", "text", "split"])
def test_prometheus_stores_what_the_simulator_reports(stack: Stack, job: str) -> None:
    wanted = expected(stack.simulator)
    assert len(wanted) > 120 * 20
    wait_for(lambda: len(stored(stack.prometheus, job)) >= len(wanted), what="everything is scraped")
    found = stored(stack.prometheus, job)
    assert found.keys() == wanted.keys()
    wrong = {key: (found[key], wanted[key]) for key in wanted if not math.isclose(found[key], wanted[key])}
    assert wrong == {}


def test_prometheus_knows_the_type_and_help_of_every_metric(stack: Stack) -> None:
    wait_for(lambda: stack.prometheus.value('count(up{job="text"} == 1)'))
    metadata = stack.prometheus.process.get("/api/v1/metadata").json()["data"]
    families = Samples(stack.exporter.get("/metrics").text).types
    for name, kind in families.items():
        told = metadata.get(name) or metadata.get(f"{name}_total")
        assert {entry["type"] for entry in told} == {kind}, name
        assert all(entry["help"] for entry in told), name


def test_every_target_is_up_and_has_labels_of_its_own(stack: Stack) -> None:
    groups = len(stack.simulator.workspaces) + 1
    wait_for(lambda: stack.prometheus.value("count(up == 1)") == 2 + groups, what="all targets are up")
    split = [target for target in stack.prometheus.targets() if target["labels"]["job"] == "split"]
    instances = {target["labels"]["instance"] for target in split}
    host = stack.exporter.url.removeprefix("http://")
    assert instances == {host} | {f"{host}/{workspace['name']}" for workspace in stack.simulator.workspaces}
    assert all(target["lastError"] == "" for target in stack.prometheus.targets())


def test_the_proxy_really_passes_text_on(stack: Stack) -> None:
    wait_for(lambda: stack.text.content_types)
    assert stack.text.content_types == {"text/plain; version=0.0.4; charset=utf-8"}


def test_a_workspace_is_split_off_whole(stack: Stack) -> None:
    """The parts that /sd names hold together what one scrape of everything holds, and nothing twice."""

    def whole() -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {(name, own) for name, own, _ in Samples(stack.exporter.get("/metrics").text)}

    before = whole()
    parts: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for group in stack.exporter.get("/sd").json():
        labels = group["labels"]
        params = {"workspace": labels["__param_workspace"]} if "__param_workspace" in labels else {}
        part = Samples(stack.exporter.get(labels.get("__metrics_path__", "/metrics"), params=params).text)
        names = {(name, own) for name, own, _ in part}
        assert not parts & names
        parts |= names
    assert before <= parts <= whole()  # a series may begin meanwhile


@pytest.mark.parametrize("path", ["/metrics", "/metrics/exporter"])
def test_promtool_has_nothing_to_say(stack: Stack, path: str) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=stack.exporter.get(path, headers={"accept": "text/plain"}).content,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
