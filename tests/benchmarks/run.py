"""The benchmark: `python tests/benchmarks/run.py [MAILBOXES ...]` prints its tables, measured in one run.

CPU and memory are the subject's own, told by the operating system; wall times are seen by the client. Where
the machine is noisy, trust the ratios.
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import answers
import httpx
from scraping import Scrapes, free_port, scrape, static_server, wait_until_open

SUBJECTS = Path(__file__).with_name("subjects.py")
SIZES = (100, 10_000, 100_000)
SCRAPES_A_POLL = 4


class Subject:
    """A process that polls and serves; see `subjects.py`."""

    def __init__(self, kind: str, bodies: list[Path]) -> None:
        command = [sys.executable, str(SUBJECTS), kind, *map(str, bodies)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: str) -> Any:  # noqa: ANN401 - by the command
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running(kind: str, bodies: list[Path]) -> Iterator[Subject]:
    """Run a subject."""
    subject = Subject(kind, bodies)
    try:
        yield subject
    finally:
        subject.close()


@dataclass
class Figures:
    """What was measured at one size."""

    mailboxes: int
    polls: dict[str, dict[str, float]] = field(default_factory=dict)
    scrapes: dict[str, Scrapes] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    body_bytes: int = 0


def measure(mailboxes: int, folder: Path) -> Figures:
    """Measure everything at one size."""
    fleet = answers.mailboxes(mailboxes)
    fleets = {
        "first": fleet,
        "all changed": (changed := answers.after_a_poll(fleet, 1.0)),
        "5 % changed": (steady := answers.after_a_poll(changed, answers.STEADY_SHARE)),
        "same bytes": steady,
    }
    bodies = []
    for number, state in enumerate(fleets.values()):
        bodies.append(folder / f"{mailboxes}-{number}.json")
        bodies[-1].write_bytes(answers.body(state))
    figures = Figures(mailboxes)
    slow = mailboxes > 10_000
    measure_ours(figures, list(fleets), bodies, folder)
    for kind in ("naive", "custom"):
        with running(kind, bodies[:2]) as subject:
            subject.ask("poll 0")
            figures.polls[kind] = median([subject.ask(f"poll {n % 2}") for n in range(1, 2 if slow else 4)])
            url = f"http://127.0.0.1:{subject.ask('port')}/metrics"
            count = 1 if slow else 3
            figures.scrapes[f"{kind}, gzip"] = asyncio.run(
                scrape(url, count, 1, "gzip", lambda: float(subject.ask("cpu")))
            )
            figures.memory[kind] = subject.ask("memory")["resident"]
    with running("limit", bodies[:1]) as subject:
        subject.ask("poll 0")
        figures.polls["limit"] = median([subject.ask("poll 0") for _ in range(5)])
    return figures


def median(samples: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def measure_ours(figures: Figures, names: list[str], bodies: list[Path], folder: Path) -> None:
    """Measure the exporter, and the static server over the bytes that it serves."""
    with running("ours", []) as idle:
        before = idle.ask("memory")["resident"]
    with running("ours", bodies) as subject:
        for number, name in enumerate(names):
            figures.polls[f"ours, {name}"] = subject.ask(f"poll {number}")
        # The first round paid for memory that later ones use again.
        rounds = [[subject.ask(f"poll {number}") for number in (1, 2)] for _ in range(3)]
        figures.polls["ours, all changed"] = median([first for first, _ in rounds])
        port = subject.ask("port")
        url = f"http://127.0.0.1:{port}/metrics"
        (folder / "plain").write_bytes(httpx.get(url, headers={"accept-encoding": "identity"}).content)
        with httpx.stream("GET", url, headers={"accept-encoding": "gzip"}) as response:
            (folder / "gzip").write_bytes(b"".join(response.iter_raw()))
        figures.body_bytes = (folder / "plain").stat().st_size + (folder / "gzip").stat().st_size
        count = max(8, min(400, 2_000_000 // figures.mailboxes))
        with static_server(folder) as (static, static_cpu):
            for encoding, scrapers in (("gzip", 1), ("gzip", 8), ("plain", 1), ("plain", 8)):
                accepted = "gzip" if encoding == "gzip" else "identity"
                row = f"{encoding}, {scrapers} at once"
                figures.scrapes[f"ours, {row}"] = asyncio.run(
                    scrape(url, count, scrapers, accepted, lambda: float(subject.ask("cpu")))
                )
                figures.scrapes[f"nginx, {row}"] = asyncio.run(
                    scrape(f"{static}/{encoding}", count, scrapers, accepted, static_cpu)
                )
        subject.ask("forget")
        memory = subject.ask("memory")
        figures.memory["ours"] = memory["resident"]
        figures.memory["ours, peak"] = memory["peak"]
        figures.memory["ours, beside the body"] = memory["resident"] - before - figures.body_bytes


def measure_during_poll(mailboxes: int, folder: Path) -> dict[str, Scrapes]:
    """Measure a scrape and a small answer, at rest and while answers of so many mailboxes are read."""
    fleet = answers.mailboxes(mailboxes)
    bodies = [folder / "turn-0.json", folder / "turn-1.json"]
    bodies[0].write_bytes(answers.body(fleet))
    bodies[1].write_bytes(answers.body(answers.after_a_poll(fleet, 1.0)))
    rows: dict[str, Scrapes] = {}
    with running("ours", bodies) as subject:
        subject.ask("poll 0")
        root = f"http://127.0.0.1:{subject.ask('port')}"
        for state in ("at rest", "during a poll"):
            if state == "during a poll":
                subject.ask("turn")
            for path, count in (("/metrics", 30), ("/-/ready", 1000)):
                rows[f"{path}, {state}"] = asyncio.run(scrape(f"{root}{path}", count, 1, "gzip", lambda: 0.0))
    return rows


def start_up_seconds() -> float:
    """Return the seconds from the start of the daemon to its first answer."""
    port = free_port()
    command = [sys.executable, "-m", "exporter.cli", "run", f"--web.listen-address=127.0.0.1:{port}"]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, "SENDKIT_API_KEY": "sk_benchmark"}, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_open(port)
        httpx.get(f"http://127.0.0.1:{port}/-/healthy").raise_for_status()
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def tables(all_figures: list[Figures], turning: dict[str, Scrapes], start_up: float) -> str:
    """Return the figures as Markdown."""
    heads = [f"{figures.mailboxes:,}" for figures in all_figures]

    def table(title: str, row_names: list[str], cell: Callable[[Figures, str], str]) -> list[str]:
        lines = ["", f"| {title} | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
        return lines + [
            f"| {name} | {' | '.join(cell(figures, name) for figures in all_figures)} |" for name in row_names
        ]

    lines = table(
        "poll: CPU / wall, ms",
        list(all_figures[0].polls),
        lambda f, n: f"{f.polls[n]['cpu'] * 1e3:.2f} / {f.polls[n]['wall'] * 1e3:.2f}",
    )
    lines += table(
        "scrape: CPU / p50 / p99, ms",
        list(all_figures[0].scrapes),
        lambda f, n: " / ".join(
            f"{seconds * 1e3:.2f}" for seconds in (f.scrapes[n].cpu, f.scrapes[n].p50, f.scrapes[n].p99)
        ),
    )
    lines += table(
        "memory: kB a mailbox",
        list(all_figures[0].memory),
        lambda f, n: f"{f.memory[n] / 1e3 / f.mailboxes:.2f}",
    )
    lines += table("ratio", list(ratios(all_figures[0])), lambda f, n: f"{ratios(f)[n]:.2f}")
    lines += ["", f"| beside polls of {heads[-1]} mailboxes | p50, ms | p99, ms |", "|---|---|---|"]
    lines += [f"| {name} | {row.p50 * 1e3:.2f} | {row.p99 * 1e3:.2f} |" for name, row in turning.items()]
    lines += ["", f"Start to the first answer: {start_up:.2f} s."]
    return "\n".join(lines)


def ratios(figures: Figures) -> dict[str, float]:
    """Return the goals as ratios of CPU time."""
    polls, scrapes = figures.polls, figures.scrapes

    def with_scrapes(poll: str, scrape_row: str) -> float:
        return polls[poll]["cpu"] + SCRAPES_A_POLL * scrapes[scrape_row].cpu

    ours = with_scrapes("ours, all changed", "ours, gzip, 1 at once")
    gzip, static = scrapes["ours, gzip, 1 at once"], scrapes["nginx, gzip, 1 at once"]
    return {
        "naive / ours: a poll and four scrapes": with_scrapes("naive", "naive, gzip") / ours,
        "custom / ours: a poll and four scrapes": with_scrapes("custom", "custom, gzip") / ours,
        "ours / limit: a poll": polls["ours, all changed"]["cpu"] / polls["limit"]["cpu"],
        "ours / nginx: CPU of a scrape, gzip": gzip.cpu / max(static.cpu, 1e-9),
        "ours / nginx: wall of a scrape, gzip": gzip.p50 / static.p50,
    }


def main() -> None:
    """Measure and print."""
    sizes = sorted(map(int, sys.argv[1:])) or list(SIZES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # started by root, nginx serves as another user
        all_figures = [measure(size, folder) for size in sizes]
        turning = measure_during_poll(max(sizes), folder)
    print(tables(all_figures, turning, start_up_seconds()))


if __name__ == "__main__":
    main()
