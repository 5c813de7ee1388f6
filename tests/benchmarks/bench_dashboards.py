"""How long each query of the dashboards takes on the real Prometheus over a large fleet.

`python tests/benchmarks/bench_dashboards.py --mailboxes 10000`. What the exporter exposes and the rules
record is made up here, by their names and labels, as far back as the queries look.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # run as a script

from exporter.catalogue import mailbox  # noqa: E402 - once the path is known
from exporter.config import Thresholds  # noqa: E402
from tests.dashboards import targets  # noqa: E402
from tests.stack import history  # noqa: E402
from tests.stack.processes import Processes  # noqa: E402
from tests.stack.queries import Queries  # noqa: E402

PER_DOMAIN, PER_WORKSPACE = 10, 500
STEP_SECONDS = 300
DAYS = 2
POINTS = 700
REPEATS = 3
SLOWEST_SECONDS = 2.0
STATES = {field.metric: field.states for field in mailbox.FIELDS}
MARGINS = (
    {"window": "1d", "confidence": "99"},
    {"window": "1d", "confidence": "99.9"},
    {"window": "7d", "confidence": "99"},
)
WINDOWS = ({"window": "1d"}, {"window": "7d"})
FILLED = {
    "$workspace": ".*",
    "$domain": "d0.example",
    "$mailbox": "m0",
    "$tag": ".*",
    "$__rate_interval": "20m",
}


def variants(name: str) -> tuple[dict[str, str], ...]:
    """Return the labels besides those of its level that a recorded series has."""
    if ":wilson" in name:
        return MARGINS
    if name.endswith("sendkit_bounce_ratio:rolling"):
        return WINDOWS
    if name.endswith("threshold:last2h"):
        return tuple({"threshold": threshold} for threshold in Thresholds.model_fields)
    if name.startswith("workspace_status:"):
        return tuple({"status": status} for status in mailbox.WARMUP_STATUSES)
    if name.startswith("workspace_reason:"):
        return ({"reason": "timeout"},)
    return ({},)


def places(mailboxes: int, level: str) -> Iterator[dict[str, str]]:
    """Yield the labels of every workspace, domain or mailbox."""
    step = {"mailbox": 1, "domain": PER_DOMAIN}.get(level, PER_WORKSPACE)
    for number in range(0, mailboxes, step):
        own = {"workspace": f"w{number // PER_WORKSPACE}"}
        if level in ("mailbox", "domain"):
            own["domain"] = f"d{number // PER_DOMAIN}.example"
        if level == "mailbox":
            own["mailbox_id"] = f"m{number}"
        yield own


def families() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the name, the level and the own labels of whatever a dashboard may read."""
    for name in dict.fromkeys(rule.get("record", "") for level in history.levels() for rule in level):
        level = name.partition(":")[0].partition("_")[0]
        if level in ("workspace", "domain", "mailbox"):
            yield from ((name, level, extra) for extra in variants(name))
    for metric in mailbox.METRICS:
        states = STATES.get(metric, ())
        if metric is mailbox.INFO:
            yield metric.name, "mailbox", {"email": "someone@somewhere.example"}
        elif states:
            yield from ((metric.name, "mailbox", {"status": status}) for status in states)
        elif not history.UNUSED.match(metric.name):
            yield metric.name, "mailbox", {"window": "all"} if "window" in metric.labels else {}
    yield "sendkit_workspace_info", "workspace", {}
    yield "sendkit_mailbox_provider_info", "mailbox", {"provider": "gmail"}
    yield "sendkit_mailbox_tag_info", "mailbox", {"tag": "batch"}


def samples(mailboxes: int, end: int) -> Iterator[bytes]:
    """Yield two days of what is recorded by workspace or domain, and a quarter of an hour of the rest."""
    for name, level, extra in families():
        seconds = 900 if level == "mailbox" else DAYS * 86_400
        moments = range(end - seconds, end + 1, STEP_SECONDS)
        unit = 0.001 if "ratio" in name else 1
        tails = [[f" {unit * number:g} {moment}\n" for moment in moments] for number in range(97)]
        for number, own in enumerate(places(mailboxes, level)):
            inside = ",".join(f'{key}="{value}"' for key, value in {**own, **extra}.items())
            head = f"{name}{{{inside}}}"
            yield (head + head.join(tails[number % 97])).encode()


def filled(expr: str, provider: str) -> str:
    """Return a query with its variables filled in."""
    for name, value in {**FILLED, "$provider": provider}.items():
        expr = expr.replace(name, value)
    return expr


def main() -> int:
    """Print the slowest queries; return 1 when one is too slow."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mailboxes", type=int, default=10_000)
    parser.add_argument("--provider", default=".*", help="what is chosen; gmail is that of every mailbox")
    arguments = parser.parse_args()
    mailboxes = arguments.mailboxes
    end = int(time.time()) // STEP_SECONDS * STEP_SECONDS
    taken = []
    with tempfile.TemporaryDirectory(prefix="bench-dashboards-") as folder:
        processes = Processes(Path(folder))
        history.load(processes, samples(mailboxes, end))
        server = history.start(processes)
        queries = Queries(server.url)
        try:
            for uid, panel, target in targets():
                expr = filled(target["expr"], arguments.provider)
                durations = []
                for _ in range(REPEATS):
                    began = time.perf_counter()
                    if target.get("instant"):
                        found = len(queries.instant(expr, end))
                    else:
                        found = len(queries.span(expr, end - DAYS * 86_400, end, DAYS * 86_400 // POINTS))
                    durations.append(time.perf_counter() - began)
                taken.append((sorted(durations)[REPEATS // 2], uid, panel["title"], target["refId"], found))
        finally:
            server.end()
    taken.sort(reverse=True)
    print(f"{mailboxes} mailboxes, {len(taken)} queries, median of {REPEATS}; the slowest:\n")
    print("| dashboard | panel | query | series | seconds |\n|---|---|---|---|---|")
    for seconds, uid, title, letter, found in taken[:12]:
        print(f"| {uid} | {title} | {letter} | {found} | {seconds:.3f} |")
    fleet = sum(seconds for seconds, uid, *_ in taken if uid == "sendkit-fleet")
    print(f"\nall queries of the Fleet dashboard, one after another: {fleet:.1f} s")
    return int(taken[0][0] > SLOWEST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
