"""An exporter that is killed at random moments, over and over; a process of its own, since it forks.

    python -m tests.stack.killed URL FOLDER KILLS SEED

Each life takes over the state that the one before left in FOLDER, and polls the workspace of the API at URL.
All that it would have shown to a scrape, at the moment from which it would have, is held against all before.
Prints how many lives there were, how many showed something, and how often.
"""

import asyncio
import json
import os
import random
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import structlog

from exporter.config import Config
from exporter.exporter import Exporter
from exporter.exposition.store import Store
from exporter.textformat.lines import Format

FALLING = "falls"
"""A mailbox whose total falls now and then, so that its counter is not the total's rise."""
AWAITED = (0, 0, 1, 2, 3, 5)
"""How often a life may show something before its random moment begins."""
LONGEST_SECONDS = 0.06

_SAMPLE = re.compile(rb'sendkit_mailbox_(campaign_sent|emails_sent_total)\{.*mailbox_id="(\w+)".*\} (\S+)')

Shown = Mapping[str, tuple[float, float]]
"""A mailbox's counter and the total that the API gave, by mailbox."""


def shown_by(store: Store) -> Shown:
    """Return what a scrape gets."""
    text = b"".join(store.body(Format.TEXT).plain)
    values = {(name, mailbox.decode()): float(value) for name, mailbox, value in _SAMPLE.findall(text)}
    return {
        mailbox: (values[b"emails_sent_total", mailbox], values[b"campaign_sent", mailbox])
        for _, mailbox in values
    }


def live(settings: Mapping[str, Any], told: int) -> None:
    """Poll until killed, and write each state of the samples as a line, as soon as it is there."""
    changed = Store.changed

    def observed(store: Store, *labels: str) -> None:
        changed(store, *labels)
        if shown := shown_by(store):
            os.write(told, json.dumps(shown).encode() + b"\n")  # short enough to be whole or not there

    async def poll() -> None:
        exporter = Exporter(lambda: Config.model_validate(settings), {})
        await exporter.poller.start()
        await asyncio.Event().wait()

    with patch.object(Store, "changed", observed):
        asyncio.run(poll())


def a_life(settings: Mapping[str, Any], chance: random.Random) -> Iterator[Shown]:
    """Live until a random moment, of the start or of the polls after it; yield what was shown."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            live(settings, writing)
        finally:
            os._exit(1)
    os.close(writing)
    told, awaited = b"", chance.choice(AWAITED)
    while told.count(b"\n") < awaited and select.select([reading], [], [], 20)[0]:
        if not (some := os.read(reading, 65_536)):
            break
        told += some
    time.sleep(chance.uniform(0, LONGEST_SECONDS))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it ended by itself"
    with os.fdopen(reading, "rb") as rest:
        told += rest.read()
    for line in told.splitlines():
        yield {mailbox: (counter, total) for mailbox, (counter, total) in json.loads(line).items()}


def main(url: str, folder: str, kills: int, seed: int) -> None:
    """Live and be killed; raise AssertionError when a counter falls, or is not what the total rose by."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    chance = random.Random(seed)
    settings = {
        "api": {"base_url": url, "max_attempts": 1},
        "poll": {"interval": 0.02},
        "windows": [],
        "accounts": [{"name": "acme", "api_key": "sk_acme"}],
        "state": {"directory": folder},
    }
    last: dict[str, float] = {}
    began: dict[str, float] = {}
    lives = times = 0
    for life in range(kills):
        has_shown = False
        for shown in a_life(settings, chance):
            for mailbox, (counter, total) in shown.items():
                assert counter >= last.get(mailbox, 0), (
                    f"life {life}: {mailbox} fell to {counter} from {last}"
                )
                last[mailbox] = counter
                if mailbox != FALLING:
                    first = began.setdefault(mailbox, total - counter)
                    assert counter == total - first, (
                        f"life {life}: {mailbox} rose by {total - first}: {counter}"
                    )
            times += 1
            has_shown = True
        lives += has_shown
    print(json.dumps({"lives": kills, "shown_in": lives, "times": times, "counters": last}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
