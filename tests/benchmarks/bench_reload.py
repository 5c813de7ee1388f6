"""How long a reload of many accounts holds the event loop: `python tests/benchmarks/bench_reload.py [4000]`.

So does what happens to all of them at once besides: all data becomes stale.

The loop is held by one turn after the other; the longest turn is what a scrape waits for. Turns are measured
in the CPU time of the loop's thread, so that whatever else the machine does changes little.
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import answers
import structlog

from exporter.answers.parse import parse
from exporter.config import Config
from exporter.daemon import tune_interpreter
from exporter.exporter import Exporter
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Workspace
from exporter.polling.board import now
from exporter.sendkit.feeds import analytics
from tests.turns import Turns

ACCOUNTS = 4000
MAILBOXES = 20
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: polls fail at once, and what is known stays."""


def settings(accounts: int, name: str = "client", **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    """Return a configuration of so many accounts, each a workspace key."""
    return {
        "api": {"base_url": NOWHERE, "max_attempts": 1},
        "accounts": [{"name": f"{name} {number}", "api_key": f"sk_{number}"} for number in range(accounts)],
        **sections,
    }


def known(exporter: Exporter, accounts: int) -> None:
    """Have every account's workspace known, with its mailboxes."""
    feed = analytics.all_time(60)
    answer = parse(answers.body(answers.mailboxes(MAILBOXES)), feed)
    for number in range(accounts):
        name, moment = f"client {number}", now()
        polls = {feed.name: Poll(feed, 900, Reading(answer, None), moment.unix, moment.steady)}
        exporter.fleet.add(Workspace(Key(f"w{number}"), name, name, name, polls=polls))


def make_stale(exporter: Exporter) -> None:
    """Have all data be older than it may be; the next sweep, within a second, drops it."""
    for workspace in exporter.fleet:
        workspace.all_time.fresh_since = -1e9


async def measure(accounts: int, hmac_key_file: str) -> dict[str, tuple[float, float]]:
    """Return for each change the longest turn and the whole time, in seconds."""
    current = settings(accounts)
    exporter = Exporter(lambda: Config.model_validate(current), {})
    known(exporter, accounts)
    await exporter.poller.start()
    while sum(workspace.all_time.job is not None for workspace in exporter.fleet) < accounts:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    reloads: dict[str, dict[str, Any]] = {
        "of the same": current,
        "with another threshold": settings(accounts, thresholds={"minimum_bounces": 4}),
        "with all accounts renamed": settings(accounts, "customer"),
        "with hashed addresses": settings(
            accounts, "customer", privacy={"email": "hmac", "hmac_key_file": hmac_key_file}
        ),
    }
    taken = {}

    async def measured(what: str, change: Callable[[], Awaitable[None]]) -> None:
        began = time.perf_counter()
        with Turns() as turns:
            await change()
            await asyncio.sleep(1)  # what follows from it, such as first looks for workspaces
        taken[what] = turns.longest, time.perf_counter() - began - 1

    for what, changed in reloads.items():
        current = changed
        await measured(f"a reload {what}", exporter.reload)

    async def all_stale() -> None:
        make_stale(exporter)
        while any(workspace.all_time.reading for workspace in exporter.fleet):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    await measured("all data becomes stale", all_stale)
    await exporter.stop()
    return taken


def main() -> None:
    """Measure and print."""
    tune_interpreter()
    # Nobody listens, so that each poll fails: thousands of lines that nobody reads.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    accounts = int(sys.argv[1]) if sys.argv[1:] else ACCOUNTS
    print(f"| {accounts} accounts | longest turn of the loop, ms | in all, s |")
    print("|---|---|---|")
    with tempfile.NamedTemporaryFile("w") as key:
        key.write("k" * 32)
        key.flush()
        taken = asyncio.run(measure(accounts, key.name))
    for what, (longest, whole) in taken.items():
        print(f"| {what} | {longest * 1e3:.0f} | {whole:.1f} |")


if __name__ == "__main__":
    main()
