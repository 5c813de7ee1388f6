"""What scraping the exporter costs Prometheus: `python tests/benchmarks/bench_ingest.py [MAILBOXES ...]`.

A real Prometheus scrapes the exporter every 15 s, and every 60 s comes a poll in which 5 % of the mailboxes
changed. Takes 5 minutes for each size.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import answers
import httpx
import yaml
from run import Subject, cpu_of, free_port, running, wait_until_open

SIZES = (1_000, 10_000, 100_000)
SCRAPE_SECONDS = 15
SCRAPES_A_POLL = 4
WARM_POLLS, POLLS = 2, 3


def measure(mailboxes: int, folder: Path) -> str:
    """Measure at one size, and return a row of the table."""
    fleet = answers.mailboxes(mailboxes)
    bodies = [folder / f"{mailboxes}-{number}.json" for number in range(2)]
    bodies[0].write_bytes(answers.body(fleet))
    bodies[1].write_bytes(answers.body(answers.after_a_poll(fleet, answers.STEADY_SHARE)))
    with running("ours", bodies) as subject:
        subject.ask("poll 0")
        port = free_port()
        command = [
            "prometheus",
            f"--config.file={configured(folder, subject.ask('port'))}",
            f"--storage.tsdb.path={folder / f'tsdb-{mailboxes}'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_open(port)
            turn(subject, WARM_POLLS)
            before = cpu_of(process.pid)
            turn(subject, POLLS)
            cpu = (cpu_of(process.pid) - before) / POLLS / SCRAPES_A_POLL
            address = f"http://127.0.0.1:{port}"
            took, series = (
                value(address, f"avg_over_time({name}[3m])")
                for name in ("scrape_duration_seconds", "scrape_samples_scraped")
            )
            resident = resident_bytes(process.pid)
        finally:
            process.terminate()
            process.wait()
    cells = (
        f"{mailboxes:,}",
        f"{series:,.0f}",
        f"{took:.2f} s",
        f"{cpu:.2f} s",
        f"{cpu / SCRAPE_SECONDS:.1%}",
        f"{resident / 2**20:,.0f} MiB",
    )
    return f"| {' | '.join(cells)} |"


def configured(folder: Path, target_port: int) -> Path:
    """Write Prometheus' configuration, and return where."""
    path = folder / "prometheus.yml"
    scrape = {
        "job_name": "sendkit-exporter",
        "scrape_interval": f"{SCRAPE_SECONDS}s",
        "scrape_timeout": f"{SCRAPE_SECONDS}s",
        "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}],
    }
    path.write_text(yaml.safe_dump({"scrape_configs": [scrape]}))
    return path


def turn(subject: Subject, polls: int) -> None:
    """Let the exporter poll, and be scraped in between."""
    for number in range(polls):
        subject.ask(f"poll {number % 2}")
        time.sleep(SCRAPES_A_POLL * SCRAPE_SECONDS)


def value(address: str, query: str) -> float:
    """Return the one value of an instant query."""
    answer = httpx.get(f"{address}/api/v1/query", params={"query": query}, timeout=60).json()
    [sample] = answer["data"]["result"]
    return float(sample["value"][1])


def resident_bytes(pid: int) -> int:
    """Return a process's memory."""
    [kib] = re.findall(r"^VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(kib) * 1024


def main() -> None:
    """Measure and print."""
    print("| mailboxes | series | a scrape takes | CPU of a scrape | of a core, every 15 s | resident |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for size in sorted(map(int, sys.argv[1:])) or SIZES:
            print(measure(size, Path(name)), flush=True)


if __name__ == "__main__":
    main()
