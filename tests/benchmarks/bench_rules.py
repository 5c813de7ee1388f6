"""What the shipped rules cost on the real Prometheus, for 10,000 mailboxes on domains of three.

    python tests/benchmarks/bench_rules.py [--mailboxes 10000] [--servers newest] [--directory KEPT]

Seeds what the rules look back at (`rules_past`), lets a real Prometheus scrape the same mailboxes every 30 s,
and prints how long each group of rules took beside its interval. The half-hourly group is evaluated every 5
minutes during the run, which loads Prometheus more, not less, and is held against its shipped interval. Ends
with 1 when a group needs more than a tenth of it. Takes a quarter of an hour, and seeding some minutes before
it; what is in a kept directory serves runs of the next hour.
"""

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml
from rules_past import (
    DAY_SECONDS,
    FORTY,
    ONE,
    SCRAPE_SECONDS,
    TARGET,
    ZERO,
    Family,
    constant,
    counters,
    of_mailboxes,
    of_workspaces,
    replies,
    seed_all,
)

sys.path.insert(0, str(Path(__file__).parents[2]))

from exporter.config.sections import Thresholds
from tests.servers import RANGE, on_path
from tests.stack.processes import Processes
from tests.stack.prometheus_servers import Prometheus, scrape_job, start_prometheus
from tests.yaml_files import from_yaml

RULES = Path(__file__).parents[2] / "prometheus/rules"
LONGEST_INTERVAL_SECONDS = 300  # of a group during the run
EVALUATIONS = 2
GROUP_METRIC = re.compile(r'prometheus_rule_group_(last_duration|last_evaluation_timestamp)\S*;(.+)"\} (\S+)')
SHARE_OF_INTERVAL = 0.1
FLAGS = (
    "--storage.tsdb.retention.time=20d",
    # No compaction in the middle of the measurement.
    "--storage.tsdb.min-block-duration=2h",
    "--storage.tsdb.max-block-duration=2h",
)


def newest(mailboxes: int) -> Iterator[Family]:
    """Yield the families of which the rules read the newest samples alone."""
    for name, value, extra in (
        ("mailbox_info", ONE, ',email="someone@domain.example"'),
        ("mailbox_sent_today", ZERO, ""),
        ("mailbox_daily_send_limit", FORTY, ""),
        ("mailbox_status", ONE, ',status="active"'),
        ("mailbox_sending_enabled", ONE, ""),
        ("mailbox_warmup_enabled", ONE, ""),
        ("mailbox_warmup_status", ZERO, ',status="in_progress"'),
        ("mailbox_warmup_status", ONE, ',status="completed"'),
        ("mailbox_campaign_sent", FORTY, ',window="all"'),
        ("mailbox_campaign_bounced", ONE, ',window="all"'),
        ("mailbox_setup_health_ratio", ONE, ""),
        ("mailbox_last_error", ZERO, ""),
        ("mailbox_warmup_window_inbox", FORTY, ',window="7d"'),
        ("mailbox_warmup_window_spam", ZERO, ',window="7d"'),
        ("mailbox_warmup_window_promotions", ONE, ',window="7d"'),
    ):
        yield Family(f"sendkit_{name}", "gauge", of_mailboxes(f"sendkit_{name}", mailboxes, value, extra))
    for threshold, number in Thresholds().model_dump().items():
        extra = f',threshold="{threshold}"'
        name = "sendkit_alert_threshold"
        yield Family(name, "gauge", of_workspaces(name, mailboxes, constant(number), extra))


def serve(mailboxes: int) -> int:
    """Serve the newest values over loopback and return the port."""
    payload = "".join(
        f"{head.replace(TARGET, '')}{value(DAY_SECONDS)}\n"
        for families in (counters, replies, newest)
        for family in families(mailboxes)
        for head, value in family.series
    ).encode()

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
    return int(server.server_address[1])


def write_rules(target: Path) -> dict[str, int]:
    """Copy the rules with intervals short enough to wait for; return the shipped ones in seconds."""
    intervals = {}
    target.mkdir()
    for path in RULES.glob("*.yml"):
        rules = from_yaml(path.read_text())
        for group in rules["groups"]:
            seconds = int(group["interval"].removesuffix("m")) * 60
            intervals[group["name"]] = seconds
            group["interval"] = f"{min(seconds, LONGEST_INTERVAL_SECONDS)}s"
        (target / path.name).write_text(yaml.safe_dump(rules))
    return intervals


def measure(prometheus: Prometheus, groups: set[str]) -> dict[str, list[float]]:
    """Return the durations of each group's evaluations but the first, which creates the recorded series."""
    durations: dict[str, dict[str, float]] = {group: {} for group in groups}
    url = prometheus.process.url
    while any(len(evaluations) <= EVALUATIONS for evaluations in durations.values()):
        time.sleep(5)
        for group in httpx.get(f"{url}/api/v1/rules", timeout=60).json()["data"]["groups"]:
            for rule in group["rules"]:
                if rule["health"] == "err":
                    raise RuntimeError(f"{rule['name']}: {rule['lastError']}")
        found: dict[str, dict[str, float]] = {}
        for line in httpx.get(f"{url}/metrics", timeout=60).text.splitlines():
            if match := GROUP_METRIC.match(line):
                kind, name, value = match.groups()
                found.setdefault(name, {})[kind] = float(value)
        for name, figures in found.items():
            if figures["last_duration"] > 0:
                durations[name][str(figures["last_evaluation_timestamp"])] = figures["last_duration"]
    return {group: list(evaluations.values())[1:] for group, evaluations in durations.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mailboxes", type=int, default=10_000)
    parser.add_argument("--servers", choices=RANGE, default="newest", help="which Prometheus")
    parser.add_argument("--directory", type=Path, help="where the seeded samples are kept for another run")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        kept = arguments.directory or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rules = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "rules"
        stack.enter_context(on_path(arguments.servers))
        if not (kept / "prometheus").exists():
            kept.mkdir(exist_ok=True)
            seed_all(kept, arguments.mailboxes)
        intervals = write_rules(rules)
        interval = f"{SCRAPE_SECONDS}s"
        url = f"http://127.0.0.1:{serve(arguments.mailboxes)}"
        job = scrape_job("sendkit-exporter", url, scrape_interval=interval, scrape_timeout=interval)
        job["static_configs"][0]["labels"] = {"instance": "exporter"}
        config = {"rule_files": [str(rules / "*.yml")], "scrape_configs": [job]}
        prometheus = start_prometheus(Processes(kept), config, *FLAGS)
        stack.callback(prometheus.process.end)
        durations = measure(prometheus, set(intervals))
        alerts = prometheus.alerts()
    print(f"{arguments.mailboxes} mailboxes, {len(alerts)} alerts pending or firing\n")
    print("| group | interval | median evaluation | longest | longest as a share of the interval |")
    print("|---|---|---|---|---|")
    for group, seconds in sorted(intervals.items(), key=lambda item: item[1]):
        longest = max(durations[group])
        print(
            f"| `{group}` | {seconds // 60} min | {statistics.median(durations[group]):.2f} s "
            f"| {longest:.2f} s | {longest / seconds:.1%} |"
        )
    share = sum(statistics.median(durations[group]) / seconds for group, seconds in intervals.items())
    print(f"\nTogether {share:.0%} of the time of one core.")
    return int(
        any(max(durations[group]) > SHARE_OF_INTERVAL * seconds for group, seconds in intervals.items())
    )


if __name__ == "__main__":
    sys.exit(main())
