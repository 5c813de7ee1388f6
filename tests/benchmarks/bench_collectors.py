"""What the collectors cost: `python tests/benchmarks/bench_collectors.py [MAILBOXES ...]`.

Two exporters, each in a process of its own, take the same answers in and are scraped by turns: one with every
collector on, one with all of them off. Whatever else the machine does slows both, so the ratios hold.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import answers
import httpx
from collected import Endpoints
from scraping import cpu_of
from subjects import WORKSPACE, Ours

from exporter.answers.envelope import Body
from exporter.catalogue.kinds import ALL_TIME
from exporter.config import AccountConfig, Config
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.poll import Poll
from exporter.polling.board import now
from exporter.sendkit.feeds import feeds_of
from exporter.sendkit.paging import whole_answer
from exporter.textformat.lines import Format

SIZES = (200, 10_000)
WARM_ROUNDS, ROUNDS = 3, 21
SCRAPES_A_ROUND = 8
DAY_SECONDS, SCRAPE_SECONDS = 86_400, 15
ENABLED: Mapping[str, object] = {"mailboxes": {}, "warmup": {}, "overview": {}, "tests": {"enabled": True}}
ACCOUNT = AccountConfig.model_validate({"name": WORKSPACE, "api_key": "sk_benchmark"})


class Collecting(Ours):
    """The exporter over the answers of every endpoint, with all collectors or none."""

    def __init__(self, mailboxes: int, *, is_on: bool) -> None:
        super().__init__()
        collectors = {name: own if is_on else {"enabled": False} for name, own in ENABLED.items()}
        config = Config.model_validate({"accounts": (ACCOUNT,), "windows": [], "collectors": collectors})
        self._workspace.keep_polls(Poll(feed, DAY_SECONDS) for feed in feeds_of(config, ACCOUNT))
        self.polls = self._workspace.polls
        fleet = answers.mailboxes(mailboxes)
        later = answers.after_a_poll(fleet, answers.STEADY_SHARE)
        self._figures = [answers.body(fleet), answers.body(later)]
        self._endpoints = Endpoints(fleet, answers.STEADY_SHARE)

    def take(self, name: str, turn: int) -> None:
        """Take an answer in as the board does, on to the body that the next scrape gets."""
        poll, workspace = self.polls[name], self._workspace
        self._endpoints.turn = turn
        body = self._figures[turn] if name == ALL_TIME else self._asked(poll)
        reading, totals = self._reader.read(workspace, poll, body)
        poll.succeeded(reading, now(), 0.0)
        for other, rejoined in self._reader.rejoined(workspace, workspace.roster).items():
            self.polls[other].reading = rejoined
        workspace.totals = totals
        workspace.own = render_workspace(workspace, stale=False)
        self.store.changed(WORKSPACE)
        self.store.body(Format.TEXT)

    def _asked(self, poll: Poll) -> Body:
        body, _ = asyncio.run(whole_answer(poll.feed, date(2026, 5, 4), self._endpoints.get, 1 << 30))
        return body


def child(state: str, mailboxes: int) -> None:
    """Be an exporter: poll what standard input names, and answer with the CPU seconds of it."""
    subject = Collecting(mailboxes, is_on=state == "on")
    intervals = {name: poll.feed.interval_seconds for name, poll in subject.polls.items()}
    print(json.dumps({"port": subject.serve(), "intervals": intervals}), flush=True)
    for line in sys.stdin:
        name, turn = line.split()
        began = time.process_time()
        subject.take(name, int(turn))
        print(time.process_time() - began, flush=True)


class Child:
    """An exporter in a process of its own, and what it took."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        said = json.loads(self._line())
        self.intervals: dict[str, float] = said["intervals"]
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{said['port']}", trust_env=False)
        self._polls: dict[str, list[float]] = {name: [] for name in self.intervals}
        self._scrapes: list[float] = []
        self._scrapes_cpu = 0.0
        self.size_bytes = 0

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def round(self, turn: int) -> None:
        """Poll everything and scrape a few times."""
        assert self._process.stdin
        for name, taken in self._polls.items():
            print(name, turn % 2, file=self._process.stdin, flush=True)
            taken.append(float(self._line()))
        before = cpu_of(self._process.pid)
        for _ in range(SCRAPES_A_ROUND):
            began = time.perf_counter()
            with self._client.stream("GET", "/metrics", headers={"accept-encoding": "gzip"}) as response:
                self.size_bytes = sum(map(len, response.iter_raw()))
            self._scrapes.append(time.perf_counter() - began)
        self._scrapes_cpu += cpu_of(self._process.pid) - before

    def forget(self) -> None:
        """Begin to count."""
        self._polls = {name: [] for name in self.intervals}
        self._scrapes, self._scrapes_cpu = [], 0.0

    def poll_ms(self, name: str) -> float:
        """Return the CPU of a poll."""
        return statistics.median(self._polls[name]) * 1e3

    def scrape_ms(self) -> float:
        """Return the time that a scrape takes."""
        return statistics.median(self._scrapes) * 1e3

    def day_seconds(self) -> float:
        """Return the CPU of a day of polls by the default intervals, and of scrapes."""
        polls = sum(DAY_SECONDS / every * self.poll_ms(name) / 1e3 for name, every in self.intervals.items())
        return polls + DAY_SECONDS / SCRAPE_SECONDS * self._scrapes_cpu / len(self._scrapes)


@contextmanager
def running(state: str, mailboxes: int) -> Iterator[Child]:
    """Run an exporter."""
    command = [sys.executable, __file__, "child", state, str(mailboxes)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes)
    try:
        yield Child(process)
    finally:
        process.kill()
        process.wait()


def measure(mailboxes: int) -> list[str]:
    """Return the rows of a fleet."""
    with running("off", mailboxes) as off, running("on", mailboxes) as on:
        for turn in range(WARM_ROUNDS + ROUNDS):
            if turn == WARM_ROUNDS:
                off.forget()
                on.forget()
            off.round(turn)
            on.round(turn)
        base = off.poll_ms(ALL_TIME)
        rows = [
            ("a poll of the figures: CPU, ms", base, on.poll_ms(ALL_TIME)),
            ("a scrape, gzip: wall, ms", off.scrape_ms(), on.scrape_ms()),
            ("its bytes, kB", off.size_bytes / 1e3, on.size_bytes / 1e3),
            ("polls and scrapes of a day: CPU, s", off.day_seconds(), on.day_seconds()),
        ]
        lines = [
            f"| {mailboxes:,} | {what} | {before:.2f} | {after:.2f} | {after / before:.2f} |"
            for what, before, after in rows
        ]
        for name in [*on.intervals][1:]:
            beside = on.poll_ms(name) / base
            lines.append(
                f"| {mailboxes:,} | a poll of `{name}`: CPU, ms | - | {on.poll_ms(name):.2f} | "
                f"{beside:.2f} of a poll of the figures |"
            )
        return lines


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], int(sys.argv[3]))
        return
    print("| mailboxes | collectors | all off | all on | ratio |")
    print("|---|---|---|---|---|")
    for size in map(int, sys.argv[1:] or SIZES):
        print("\n".join(measure(size)), flush=True)


if __name__ == "__main__":
    main()
