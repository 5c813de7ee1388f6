"""What the shipped rules cost: a day of samples for 10,000 mailboxes on the real Prometheus.

    python tests/benchmarks/bench_rules.py [--mailboxes 10000] [--directory KEPT]

Seeds a day of raw samples every 30 s and a week of the recorded hours with promtool, lets a real Prometheus
scrape the same mailboxes every 30 s, and prints how long each rule group took beside its interval. The
half-hourly groups are evaluated every 5 minutes during the run, which loads Prometheus more, not less, and
are held against their shipped interval. Ends with 1 when a group needs more than a tenth of it.
The run takes 20 minutes, and seeding as long before it; a kept directory is seeded once.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx
import yaml
from run import free_port

RULES = Path(__file__).parents[2] / "prometheus/rules"
SCRAPE_SECONDS = 30
HOURS_SECONDS = 240  # the interval of sendkit-bounces-1h
STATES_SECONDS = 120  # the interval of sendkit-mailboxes
DAY_SECONDS = 86_400
# Blocks as Prometheus compacts them: 2 h becomes 6 h, and 18 h the day after.
RECENT_BLOCK_SECONDS = 21_600
OLD_BLOCK_SECONDS = 64_800
TWO_HOURS_SECONDS = 7_200
LONGEST_INTERVAL_SECONDS = 300  # of a group during the run
EVALUATIONS = 2
GROUP_METRIC = r'prometheus_rule_group_(last_duration|last_evaluation_timestamp)\S*;(.+)"\} (\S+)'
MAILBOXES_PER_DOMAIN = 50
MAILBOXES_PER_WORKSPACE = 1_000
SHARE_OF_INTERVAL = 0.1


TARGET = ',instance="exporter",job="sendkit-exporter"'
THRESHOLDS = {
    "mailbox_bounce_ratio_warning": 0.03,
    "mailbox_bounce_ratio_critical": 0.05,
    "domain_bounce_ratio_critical": 0.03,
    "workspace_bounce_ratio_critical": 0.03,
    "minimum_bounces": 3,
    "daily_limit_usage": 0.9,
    "reply_ratio_drop": 0.5,
    "unhealthy_mailboxes_warning": 0.3,
    "unhealthy_mailboxes_critical": 0.5,
}
Value = Callable[[int], int]


class Series(NamedTuple):
    """One series: its name and labels, and its value as a function of the seconds since a day ago."""

    head: str
    value: Value


Family = tuple[str, str, list[Series]]


def sent(second: int) -> int:
    return second * 40 // DAY_SECONDS


def bounced_once(second: int) -> int:
    return int(second > DAY_SECONDS // 2)


def bounced_in_a_spike(second: int) -> int:
    return second * 12 // DAY_SECONDS


def zero(_second: int) -> int:
    return 0


def one(_second: int) -> int:
    return 1


def labels(mailbox: int) -> str:
    workspace, domain = mailbox // MAILBOXES_PER_WORKSPACE, mailbox // MAILBOXES_PER_DOMAIN
    return f'workspace="workspace-{workspace}",domain="domain-{domain}.example",mailbox_id="{mailbox:024x}"'


def labelled(name: str, mailboxes: int, value: Value, extra: str = "") -> list[Series]:
    return [Series(f"{name}{{{labels(mailbox)}{extra}}} ", value) for mailbox in range(mailboxes)]


def day_families(mailboxes: int) -> Iterator[Family]:
    """Yield the counters of which the rules read a day."""
    yield (
        "sendkit_mailbox_emails_sent",
        "counter",
        labelled("sendkit_mailbox_emails_sent_total", mailboxes, sent, TARGET),
    )
    name = "sendkit_mailbox_emails_bounced"
    series = labelled(f"{name}_total", mailboxes, bounced_once, TARGET)
    # One mailbox of a hundred fires, so that annotations are paid for too.
    series[::100] = [Series(head, bounced_in_a_spike) for head, _ in series[::100]]
    yield name, "counter", series


def hours_families(mailboxes: int) -> Iterator[Family]:
    """Yield the counters of which the rules read hours."""
    for name in ("sendkit_mailbox_emails_replied", "sendkit_mailbox_emails_positive_replied"):
        yield name, "counter", labelled(f"{name}_total", mailboxes, bounced_once, TARGET)


def recorded_states(mailboxes: int) -> Iterator[Family]:
    """Yield the recorded states of which the rules read a day."""
    for name, value in (
        ("active", one),
        ("warmup_enabled", one),
        ("warmup_in_progress", zero),
        ("warmup_completed", one),
    ):
        yield (
            f"mailbox:sendkit_{name}:bool",
            "gauge",
            labelled(f"mailbox:sendkit_{name}:bool", mailboxes, value),
        )


def recorded_hours(mailboxes: int) -> Iterator[Family]:
    """Yield the recorded hours of which the rules read a week."""
    for counter, value in (("sent", one), ("bounced", zero)):
        name = f"mailbox:sendkit_emails_{counter}:increase1h"
        yield name, "gauge", labelled(name, mailboxes, value)


def newest_families(mailboxes: int) -> Iterator[Family]:
    """Yield the families of which the rules read the newest samples alone."""
    for name, value, extra in (
        ("sendkit_mailbox_info", one, ',email="someone@domain.example"'),
        ("sendkit_mailbox_sent_today", zero, ""),
        ("sendkit_mailbox_daily_send_limit", one, ""),
        ("sendkit_mailbox_status", one, ',status="active"'),
        ("sendkit_mailbox_warmup_enabled", one, ""),
        ("sendkit_mailbox_warmup_status", zero, ',status="in_progress"'),
        ("sendkit_mailbox_warmup_status", one, ',status="completed"'),
    ):
        yield name, "gauge", labelled(name, mailboxes, value, extra)


def thresholds(mailboxes: int) -> str:
    return "".join(
        f'sendkit_alert_threshold{{workspace="workspace-{workspace}",threshold="{name}"}} {value}\n'
        for workspace in range(-(-mailboxes // MAILBOXES_PER_WORKSPACE))
        for name, value in THRESHOLDS.items()
    )


def seed(
    directory: Path,
    families: Callable[[int], Iterator[Family]],
    mailboxes: int,
    start: int,
    end: int,
    *,
    step: int,
    block: int,
) -> None:
    """Write the families' samples from start to end into the TSDB, block by block."""
    text, origin = directory / "seed.txt", start
    while start < end:
        block_end = min(end, (start // block + 1) * block)
        instants = range(start, block_end, step)
        tails: dict[Callable[[int], int], list[str]] = {}
        described = ""
        with text.open("w") as lines:
            for name, kind, series in families(mailboxes):
                if name != described:
                    lines.write(f"# TYPE {name} {kind}\n")
                    described = name
                for head, value in series:
                    if value not in tails:
                        tails[value] = [f"{value(t - origin)} {t}\n" for t in instants]
                    lines.write(head + head.join(tails[value]))
            lines.write("# EOF\n")
        subprocess.run(
            [
                *("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"),
                *(f"--max-block-duration={block}s", str(text), str(directory / "tsdb")),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"seeded up to {time.strftime('%d %H:%M', time.gmtime(block_end))}", file=sys.stderr)
        start = instants[-1] + step
    text.unlink()


def serve(mailboxes: int) -> int:
    """Serve the newest values over loopback and return the port."""
    body = thresholds(mailboxes) + "".join(
        f"{head.replace(TARGET, '')}{value(DAY_SECONDS)}\n"
        for families in (day_families, hours_families, newest_families)
        for _, _, series in families(mailboxes)
        for head, value in series
    )
    payload = body.encode()

    class Scrape(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Scrape)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def shipped_intervals(target: Path) -> dict[str, int]:
    """Copy the rules with intervals short enough to wait for; return the shipped ones in seconds."""
    intervals = {}
    target.mkdir()
    for path in RULES.glob("*.yml"):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            seconds = int(group["interval"].removesuffix("m")) * 60
            intervals[group["name"]] = seconds
            group["interval"] = f"{min(seconds, LONGEST_INTERVAL_SECONDS)}s"
        (target / path.name).write_text(yaml.safe_dump(rules))
    return intervals


def measure(prometheus: str, groups: set[str]) -> dict[str, list[float]]:
    """Return the durations of each group's evaluations but the first, which creates the recorded series."""
    durations: dict[str, dict[str, float]] = {group: {} for group in groups}
    while any(len(evaluations) <= EVALUATIONS for evaluations in durations.values()):
        time.sleep(5)
        for group in httpx.get(f"{prometheus}/api/v1/rules", timeout=60).json()["data"]["groups"]:
            for rule in group["rules"]:
                if rule["health"] == "err":
                    raise RuntimeError(f"{rule['name']}: {rule['lastError']}")
        found: dict[str, dict[str, float]] = {}
        for line in httpx.get(f"{prometheus}/metrics", timeout=60).text.splitlines():
            if match := re.match(GROUP_METRIC, line):
                kind, group_name, value = match.groups()
                found.setdefault(group_name, {})[kind] = float(value)
        for group_name, figures in found.items():
            if figures["last_duration"] > 0:
                durations[group_name][str(figures["last_evaluation_timestamp"])] = figures["last_duration"]
    return {group: list(evaluations.values())[1:] for group, evaluations in durations.items()}


def seed_all(directory: Path, mailboxes: int) -> None:
    """Seed everything that the rules look back at, up to now."""
    now = int(time.time()) // HOURS_SECONDS * HOURS_SECONDS
    week_ago = now - 7 * DAY_SECONDS
    seed(directory, recorded_hours, mailboxes, week_ago, now, step=HOURS_SECONDS, block=OLD_BLOCK_SECONDS)
    seed(
        directory,
        day_families,
        mailboxes,
        week_ago - TWO_HOURS_SECONDS,
        week_ago + TWO_HOURS_SECONDS,
        step=SCRAPE_SECONDS,
        block=RECENT_BLOCK_SECONDS,
    )
    for families, since, step in (
        (recorded_states, now - DAY_SECONDS, STATES_SECONDS),
        (day_families, now - DAY_SECONDS, SCRAPE_SECONDS),
        (hours_families, now - TWO_HOURS_SECONDS, SCRAPE_SECONDS),
    ):
        seed(directory, families, mailboxes, since, now, step=step, block=RECENT_BLOCK_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mailboxes", type=int, default=10_000)
    parser.add_argument("--directory", type=Path, help="where the seeded samples are kept for another run")
    arguments = parser.parse_args()
    mailboxes = arguments.mailboxes
    with tempfile.TemporaryDirectory(prefix="bench-rules-") as name:
        directory = Path(name)
        samples = arguments.directory or directory
        if not (samples / "tsdb").exists():
            samples.mkdir(exist_ok=True)
            seed_all(samples, mailboxes)
        intervals = shipped_intervals(directory / "rules")
        config = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"},
            "rule_files": [str(directory / "rules/*.yml")],
            "scrape_configs": [
                {
                    "job_name": "sendkit-exporter",
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{serve(mailboxes)}"], "labels": {"instance": "exporter"}}
                    ],
                }
            ],
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        with (directory / "prometheus.log").open("w") as log:
            prometheus = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={samples / 'tsdb'}",
                    "--storage.tsdb.retention.time=15d",
                    # No compaction in the middle of the measurement.
                    "--storage.tsdb.min-block-duration=2h",
                    "--storage.tsdb.max-block-duration=2h",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
            try:
                address = f"http://127.0.0.1:{port}"
                while True:
                    try:
                        if httpx.get(f"{address}/-/ready").status_code == httpx.codes.OK:
                            break
                    except httpx.TransportError:
                        if prometheus.poll() is not None:
                            sys.exit((directory / "prometheus.log").read_text())
                    time.sleep(0.5)
                durations = measure(address, set(intervals))
                alerts = httpx.get(f"{address}/api/v1/alerts").json()["data"]["alerts"]
            finally:
                prometheus.terminate()
                prometheus.wait()
    print(f"{mailboxes} mailboxes, {len(alerts)} alerts pending or firing\n")
    print("| group | interval | median evaluation | longest | share of the interval |\n|---|---|---|---|---|")
    for group, seconds in sorted(intervals.items()):
        longest = max(durations[group])
        print(
            f"| `{group}` | {seconds // 60} min | {statistics.median(durations[group]):.2f} s "
            f"| {longest:.2f} s | {longest / seconds:.1%} |"
        )
    return int(
        any(max(durations[group]) > SHARE_OF_INTERVAL * seconds for group, seconds in intervals.items())
    )


if __name__ == "__main__":
    sys.exit(main())
