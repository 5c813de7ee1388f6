"""What is measured, each in a process of its own: `python subjects.py KIND ANSWER...`.

Commands come as lines on standard input, answers go out as JSON lines: `poll N` takes the N-th answer in,
`port` starts to serve scrapes, `cpu` tells the seconds used so far, `memory` the bytes, `forget` lets the
answers go, `turn` polls without end from here on.
"""

import asyncio
import gc
import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, MetricsHandler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter.answers.answer import Answer, domain_of
from exporter.answers.parse import parse
from exporter.catalogue import mailbox as catalogue
from exporter.catalogue.kinds import ALL_TIME, Metric
from exporter.config import AccountConfig, Config
from exporter.daemon import tune_interpreter
from exporter.exporter import Exporter
from exporter.exposition.rendering import Disclosure
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Workspace
from exporter.polling.board import now
from exporter.polling.reader import Reader
from exporter.sendkit.feeds import analytics
from exporter.textformat.lines import Format
from exporter.web.app import create_app
from exporter.web.server import http_server, listen

WORKSPACE = "acme"
FEED = analytics.all_time(60)
NUMBERS: dict[str, Metric] = {
    field.column: field.metric
    for field in catalogue.FIELDS
    if field.metric and not field.is_text and not field.path[-1][1]
}
"""The metrics of what every answer has, by their column."""
STATES = [
    (field.column, field.metric, field.states) for field in catalogue.FIELDS if field.metric and field.states
]


class Ours:
    """The exporter: its reader, store and server; its poller does not turn by itself."""

    def __init__(self) -> None:
        tune_interpreter()
        account = AccountConfig.model_validate({"name": WORKSPACE, "api_key": "sk_benchmark"})
        self._exporter = Exporter(lambda: Config(accounts=(account,)), {})
        self._poll = Poll(FEED, 900)
        self._workspace = Workspace(
            Key(account=WORKSPACE), WORKSPACE, WORKSPACE, WORKSPACE, polls={FEED.name: self._poll}
        )
        self._exporter.fleet.add(self._workspace)
        self._reader = Reader(Disclosure(lambda email: email))
        self._loop = asyncio.new_event_loop()
        self.store = self._exporter.store

    def poll(self, body: bytes) -> None:
        self._keep(*self._read(body))

    def _read(self, body: bytes) -> tuple[Reading, Totals]:
        return self._reader.read(self._workspace, self._poll, body)

    def _keep(self, reading: Reading, totals: Totals) -> None:
        self._poll.succeeded(reading, now(), 0.0)
        self._workspace.totals = totals
        self._workspace.own = render_workspace(self._workspace, stale=False)
        self.store.changed(WORKSPACE)

    def serve(self) -> int:
        listener = listen("127.0.0.1:0")
        server = http_server(create_app(self._exporter, enable_lifecycle=False))

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(server.serve(sockets=[listener]))

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    def turn(self, bodies: list[bytes]) -> None:
        async def turn() -> None:
            while True:
                for body in bodies:
                    self._keep(*await self._loop.run_in_executor(None, self._read, body))

        asyncio.run_coroutine_threadsafe(turn(), self._loop)


class _LibraryServer:
    """The client library's own HTTP server over a registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def serve(self) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), MetricsHandler.factory(self.registry))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return int(server.server_port)


class Naive(_LibraryServer):
    """What everyone writes: `labels().set()` for each value of a poll, `generate_latest` for each scrape."""

    def __init__(self) -> None:
        super().__init__()
        labels = list(catalogue.LABELS)
        self._gauges = {
            name: Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
            for name, metric in NUMBERS.items()
        }
        self._totals = {
            name: Counter(metric.name, metric.help, labels, registry=self.registry)
            for name, metric in catalogue.COUNTERS.items()
        }
        self._info = Gauge("sendkit_mailbox_info", "info", [*labels, "email"], registry=self.registry)
        self._states = [
            Gauge(metric.name, metric.help, metric.labels, registry=self.registry) for _, metric, _ in STATES
        ]
        self._seen: dict[tuple[str, str], float] = {}

    def poll(self, body: bytes) -> None:
        for mailbox in json.loads(body)["data"]:
            labels = (WORKSPACE, domain_of(mailbox["email"]), mailbox["_id"])
            for name, value in _numbers(mailbox):
                own = (*labels, ALL_TIME) if "window" in NUMBERS[name].labels else labels
                self._gauges[name].labels(*own).set(value)
                if name in self._totals:
                    risen = value - self._seen.get((mailbox["_id"], name), value)
                    self._totals[name].labels(*labels).inc(max(0, risen))
                    self._seen[mailbox["_id"], name] = value
            self._info.labels(*labels, mailbox["email"]).set(1)
            states = (mailbox["status"], mailbox["warmup"]["status"])
            for gauge, own_state, (_, _, documented) in zip(self._states, states, STATES, strict=True):
                for state in documented:
                    gauge.labels(*labels, state).set(own_state == state)


def _numbers(mailbox: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, metric in NUMBERS.items():
        value: Any = mailbox
        for part in metric.source.split("."):
            value = value[part]
        yield name, float(value) / 100 if metric.source.startswith("rates.") else value


class Custom(_LibraryServer, Collector):
    """The better known way: a collector that yields families from the last answer for each scrape."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer | None = None
        self._totals = Totals()
        self.registry.register(self)

    def poll(self, body: bytes) -> None:
        self._answer = parse(body, FEED)
        self._totals = self._totals.after(self._answer, 0.0)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        answer = self._answer
        if answer is None:
            return
        emails = answer.text("email")
        rows = [
            (WORKSPACE, domain_of(email), mailbox_id)
            for email, mailbox_id in zip(emails, answer.ids, strict=True)
        ]
        for name, metric in NUMBERS.items():
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            window = (ALL_TIME,) if "window" in metric.labels else ()
            for labels, value in zip(rows, answer.numbers[name], strict=True):
                gauge.add_metric([*labels, *window], value)  # type: ignore[arg-type]
            yield gauge
        for name, metric in catalogue.COUNTERS.items():
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in zip(rows, self._totals.risen[name], strict=True):
                counter.add_metric(labels, value)  # type: ignore[arg-type]
            yield counter
        info = GaugeMetricFamily("sendkit_mailbox_info", "info", labels=[*catalogue.LABELS, "email"])
        for labels, email in zip(rows, emails, strict=True):
            info.add_metric([*labels, email or ""], 1)
        yield info
        for name, metric, documented in STATES:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, own in zip(rows, answer.text(name), strict=True):
                for state in documented:
                    family.add_metric([*labels, state], own == state)
            yield family


class Limit:
    """The least that a poll can cost: a C-speed decode of the answer, and one copy of the exposition."""

    def __init__(self) -> None:
        ours = Ours()
        ours.poll(Path(sys.argv[2]).read_bytes())
        self._body = b"".join(ours.store.body(Format.TEXT).plain)
        self._copy = b""

    def poll(self, body: bytes) -> None:
        msgspec.json.decode(body)
        self._copy = self._body[1:]


SUBJECTS: dict[str, Callable[[], Any]] = {"ours": Ours, "naive": Naive, "custom": Custom, "limit": Limit}


def main() -> None:
    """Take commands until standard input ends."""
    bodies = [Path(path).read_bytes() for path in sys.argv[2:]]
    subject = SUBJECTS[sys.argv[1]]()
    for line in sys.stdin:
        match line.split():
            case ["poll", number]:
                cpu, wall = time.process_time(), time.perf_counter()
                subject.poll(bodies[int(number)])
                answer: Any = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
            case ["port"]:
                answer = subject.serve()
            case ["cpu"]:
                answer = time.process_time()
            case ["memory"]:
                gc.collect()
                usage = resource.getrusage(resource.RUSAGE_SELF)
                answer = {"resident": resident_bytes(), "peak": usage.ru_maxrss * 1024}
            case ["forget"]:
                bodies, answer = [], None
            case ["turn"]:
                answer = subject.turn(bodies)
            case _:
                raise SystemExit(f"unknown command {line!r}")
        print(json.dumps(answer), flush=True)


def resident_bytes(process: int | str = "self") -> int:
    """Return a process's memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
