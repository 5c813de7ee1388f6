"""Scrapes of fleets of several shapes, side by side: `python tests/benchmarks/bench_fleets.py [20x1000 ...]`.

Each fleet is an exporter in a process of its own that polls every workspace once a minute. They are scraped
by turns, so that whatever else the machine does slows all of them.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import answers
import httpx
from run import Subject, running
from subjects import FEED, resident_bytes

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
from exporter.web.app import create_app
from exporter.web.server import http_server, listen

SHAPES = ("20x1000", "1000x20", "5000x20")
POLL_SECONDS = 60
WARM_ROUNDS, ROUNDS = 5, 60


class PolledFleet:
    """An exporter over workspaces that are read from answers rather than from an API."""

    def __init__(self, workspaces: int, bodies: Sequence[bytes]) -> None:
        account = AccountConfig.model_validate({"name": "agency", "api_key": "sk_benchmark"})
        self.exporter = Exporter(lambda: Config(accounts=(account,)), {})
        self._bodies = bodies
        self._reader = Reader(Disclosure(lambda email: email))
        for number in range(workspaces):
            label, polls = f"client {number}", {FEED.name: Poll(FEED, 900)}
            self.exporter.fleet.add(Workspace(Key(label), "agency", label, label, polls=polls))

    async def poll(self, workspace: Workspace, body: bytes) -> None:
        """Take an answer in as the board does: read in a thread, shown on the loop."""
        reading, totals = await asyncio.to_thread(self._reader.read, workspace, workspace.all_time, body)
        self._show(workspace, reading, totals)

    def _show(self, workspace: Workspace, reading: Reading, totals: Totals) -> None:
        workspace.all_time.succeeded(reading, now(), 0.0)
        workspace.totals = totals
        workspace.own = render_workspace(workspace, stale=False)
        self.exporter.store.changed(workspace.label)

    async def serve(self) -> None:
        """Poll all once, say where scrapes are answered, and poll on."""
        workspaces = [*self.exporter.fleet]
        for workspace in workspaces:
            await self.poll(workspace, self._bodies[0])
        listener = listen("127.0.0.1:0")
        server = http_server(create_app(self.exporter, enable_lifecycle=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        clock = asyncio.get_running_loop().time
        due, polls = clock(), 0
        while not serving.done():
            polls += 1
            body = self._bodies[polls // len(workspaces) % 2]
            await self.poll(workspaces[polls % len(workspaces)], body)
            due += POLL_SECONDS / len(workspaces)
            await asyncio.sleep(max(0.0, due - clock()))


def child(workspaces: int, files: Sequence[str]) -> None:
    """Be an exporter of so many workspaces."""
    tune_interpreter()
    asyncio.run(PolledFleet(workspaces, [Path(file).read_bytes() for file in files]).serve())


def scraped(port: int, encoding: str) -> tuple[float, int]:
    """Scrape once; return the seconds and the bytes on the wire."""
    began = time.perf_counter()
    headers = {"accept-encoding": encoding}
    with httpx.stream("GET", f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=60) as response:
        response.raise_for_status()
        size = sum(map(len, response.iter_raw()))
    return time.perf_counter() - began, size


def measure(shapes: Sequence[str], folder: Path) -> list[str]:
    """Scrape all shapes by turns, and return a row of the table for each."""
    with ExitStack() as stack:
        processes, ports = [], []
        for shape in shapes:
            workspaces, mailboxes = map(int, shape.split("x"))
            first = answers.mailboxes(mailboxes)
            files = [folder / f"{shape}-{number}.json" for number in range(2)]
            files[0].write_bytes(answers.body(first))
            files[1].write_bytes(answers.body(answers.after_a_poll(first, answers.STEADY_SHARE)))
            command = [sys.executable, __file__, "child", str(workspaces), *map(str, files)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout
            ports.append(json.loads(process.stdout.readline())["port"])
            processes.append(process)
        with running("ours", []) as subject:
            idle_bytes = idle_memory(subject)
        taken: list[list[float]] = [[] for _ in shapes]
        for turn in range(WARM_ROUNDS + ROUNDS):
            for port, seconds in zip(ports, taken, strict=True):
                took, _ = scraped(port, "gzip")
                if turn >= WARM_ROUNDS:
                    seconds.append(took)
        rows = []
        for shape, process, port, seconds in zip(shapes, processes, ports, taken, strict=True):
            body = scraped(port, "gzip")[1] + scraped(port, "identity")[1]
            beside = resident_bytes(process.pid) - idle_bytes - body
            p50, p99 = statistics.median(seconds), sorted(seconds)[int(len(seconds) * 0.99)]
            cells = (
                shape.replace("x", " x "),
                f"{p50 * 1e3:.2f}",
                f"{p99 * 1e3:.2f}",
                f"{p50 / statistics.median(taken[0]):.2f}",
                f"{body / 2**20:.0f}",
                f"{beside / 2**20:.0f}",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def idle_memory(subject: Subject) -> int:
    """Return the memory of an exporter that knows nothing."""
    return int(subject.ask("memory")["resident"])


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]), sys.argv[3:])
        return
    print("| workspaces x mailboxes | p50, ms | p99, ms | p50 by the first | body, MiB | beside it, MiB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        print("\n".join(measure(sys.argv[1:] or SHAPES, Path(name))))


if __name__ == "__main__":
    main()
