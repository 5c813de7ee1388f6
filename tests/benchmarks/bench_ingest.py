"""What scraping the exporter costs Prometheus: `python tests/benchmarks/bench_ingest.py [MAILBOXES ...]`.

A real Prometheus, of each end of the range, scrapes the exporter every 15 s, and every 60 s comes a poll in
which 5 % of the mailboxes changed. Takes 5 minutes for each of them and each size.
"""

import sys
import tempfile
import time
from pathlib import Path

import answers
from run import Subject, running
from scraping import cpu_of
from subjects import resident_bytes

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.servers import RANGE, on_path
from tests.stack.processes import Processes
from tests.stack.prometheus_servers import scrape_job, start_prometheus

SIZES = (1_000, 10_000, 100_000)
SCRAPE_SECONDS = 15
SCRAPES_A_POLL = 4
WARM_POLLS, POLLS = 2, 3


def measure(mailboxes: int, folder: Path) -> str:
    """Measure at one size, and return the cells of a row."""
    fleet = answers.mailboxes(mailboxes)
    bodies = [folder / f"{number}.json" for number in range(2)]
    bodies[0].write_bytes(answers.body(fleet))
    bodies[1].write_bytes(answers.body(answers.after_a_poll(fleet, answers.STEADY_SHARE)))
    interval = f"{SCRAPE_SECONDS}s"
    with running("ours", bodies) as subject:
        subject.ask("poll 0")
        url = f"http://127.0.0.1:{subject.ask('port')}"
        job = scrape_job("sendkit-exporter", url, scrape_interval=interval, scrape_timeout=interval)
        prometheus = start_prometheus(Processes(folder), {"scrape_configs": [job]})
        pid = prometheus.process.popen.pid
        try:
            turn(subject, WARM_POLLS)
            before = cpu_of(pid)
            turn(subject, POLLS)
            cpu = (cpu_of(pid) - before) / POLLS / SCRAPES_A_POLL
            took, series = (
                prometheus.value(f"avg_over_time({name}[3m])")
                for name in ("scrape_duration_seconds", "scrape_samples_scraped")
            )
            resident = resident_bytes(pid)
        finally:
            prometheus.process.end()
    cells = (
        f"{mailboxes:,}",
        f"{series:,.0f}",
        f"{took:.2f} s",
        f"{cpu:.2f} s",
        f"{cpu / SCRAPE_SECONDS:.1%}",
        f"{resident / 2**20:,.0f} MiB",
    )
    return " | ".join(cells)


def turn(subject: Subject, polls: int) -> None:
    """Let the exporter poll, and be scraped in between."""
    for number in range(polls):
        subject.ask(f"poll {number % 2}")
        time.sleep(SCRAPES_A_POLL * SCRAPE_SECONDS)


def main() -> None:
    """Measure and print."""
    print("| Prometheus | mailboxes | series | a scrape takes | its CPU | of a core, every 15 s | resident |")
    print("|---|---|---|---|---|---|---|")
    for size in sorted(map(int, sys.argv[1:])) or SIZES:
        for end in RANGE:
            with on_path(end), tempfile.TemporaryDirectory() as name:
                print(f"| {end} | {measure(size, Path(name))} |", flush=True)


if __name__ == "__main__":
    main()
