"""What the shipped rules look back at, for a fleet of any size, written into a TSDB by promtool.

- of the counters of a mailbox: the last day as it was scraped, and two hours of a week ago
- of what the rules record of a mailbox: the last day of its states, and some hours around now and midnight of
  each of the days before, where the rules look
- the same of what they record of a domain and a workspace, for two weeks
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

SCRAPE_SECONDS = 30
STATES_SECONDS = 120  # the interval of sendkit-mailboxes
RECORDED_SECONDS = 240  # the interval of sendkit-bounces and of sendkit-mailboxes-1d
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
# Blocks as Prometheus compacts them: 2 h becomes 6 h, and 18 h the day after.
RECENT_BLOCK_SECONDS, OLD_BLOCK_SECONDS = 6 * HOUR_SECONDS, 18 * HOUR_SECONDS
RUN_SECONDS = 2 * HOUR_SECONDS  # the longest that Prometheus runs on what is seeded
BEFORE_SECONDS = 4 * HOUR_SECONDS  # a chunk has 120 samples, and is read from its start
MAILBOXES_PER_DOMAIN = 3
MAILBOXES_PER_WORKSPACE = 1_000
TARGET = ',instance="exporter",job="sendkit-exporter"'

Value = Callable[[int], float]


class Series(NamedTuple):
    """One series: its name and labels, and its value as a function of the seconds since it began."""

    head: str
    value: Value


class Family(NamedTuple):
    """The series of one name."""

    name: str
    kind: str
    series: list[Series]


def constant(number: float) -> Value:
    """Return a value that never changes."""
    return lambda _second: number


ZERO, ONE, FORTY = constant(0), constant(1), constant(40)


def sent(second: int) -> int:
    """Return the mails of a mailbox that sends 40 a day."""
    return second * 40 // DAY_SECONDS


def bounced_once(second: int) -> int:
    """Return the bounces of a mailbox with one within the last day."""
    return int(second > DAY_SECONDS // 2)


def bounced_in_a_spike(second: int) -> int:
    """Return the bounces of a mailbox that pages."""
    return second * 12 // DAY_SECONDS


def of_mailboxes(name: str, mailboxes: int, value: Value, extra: str = "") -> list[Series]:
    """Return a series for each mailbox."""
    return [
        Series(f'{name}{{{_place(mailbox)},mailbox_id="{mailbox:024x}"{extra}}} ', value)
        for mailbox in range(mailboxes)
    ]


def of_domains(name: str, mailboxes: int, value: Value) -> list[Series]:
    """Return a series for each domain of each workspace."""
    places = dict.fromkeys(_place(mailbox) for mailbox in range(mailboxes))
    return [Series(f"{name}{{{place}}} ", value) for place in places]


def _place(mailbox: int) -> str:
    workspace, domain = mailbox // MAILBOXES_PER_WORKSPACE, mailbox // MAILBOXES_PER_DOMAIN
    return f'workspace="workspace-{workspace}",domain="domain-{domain}.example"'


def of_workspaces(name: str, mailboxes: int, value: Value, extra: str = "") -> list[Series]:
    """Return a series for each workspace."""
    return [
        Series(f'{name}{{workspace="workspace-{workspace}"{extra}}} ', value)
        for workspace in range(-(-mailboxes // MAILBOXES_PER_WORKSPACE))
    ]


def counters(mailboxes: int) -> Iterator[Family]:
    """Yield the counters of which the rules read a day; one mailbox of a hundred is in a spike."""
    name = "sendkit_mailbox_emails_sent"
    yield Family(name, "counter", of_mailboxes(f"{name}_total", mailboxes, sent, TARGET))
    name = "sendkit_mailbox_emails_bounced"
    series = of_mailboxes(f"{name}_total", mailboxes, bounced_once, TARGET)
    series[::100] = [Series(head, bounced_in_a_spike) for head, _ in series[::100]]
    yield Family(name, "counter", series)


def replies(mailboxes: int) -> Iterator[Family]:
    """Yield the counters of which the rules read two hours."""
    for name in ("sendkit_mailbox_emails_replied", "sendkit_mailbox_emails_positive_replied"):
        yield Family(name, "counter", of_mailboxes(f"{name}_total", mailboxes, bounced_once, TARGET))


def states(mailboxes: int) -> Iterator[Family]:
    """Yield the recorded states of which the rules read a day."""
    for name, value in (
        ("active", ONE),
        ("warmup_enabled", ONE),
        ("warmup_in_progress", ZERO),
        ("warmup_completed", ONE),
    ):
        record = f"mailbox:sendkit_{name}:bool"
        yield Family(record, "gauge", of_mailboxes(record, mailboxes, value))


def recorded_of_mailboxes(mailboxes: int) -> Iterator[Family]:
    """Yield what is recorded of a mailbox and read at the same time of the days before, or at midnight."""
    for name, value in (
        ("mailbox:sendkit_emails_sent:increase1d", FORTY),
        ("mailbox:sendkit_emails_bounced:increase1d", ONE),
        ("mailbox:sendkit_active:max1d", ONE),
    ):
        yield Family(name, "gauge", of_mailboxes(name, mailboxes, value))


def recorded_of_many(mailboxes: int) -> Iterator[Family]:
    """Yield what is recorded of domains and workspaces, of which the rules read two weeks."""
    for (level, series), counter, window in product(
        (("domain", of_domains), ("workspace", of_workspaces)), ("sent", "bounced"), ("1d", "7d")
    ):
        name = f"{level}:sendkit_emails_{counter}:increase{window}"
        yield Family(name, "gauge", series(name, mailboxes, FORTY if counter == "sent" else ONE))
    for counter in ("sent", "replied", "positive_replied"):
        name = f"workspace:sendkit_emails_{counter}:increase1h"
        yield Family(name, "gauge", of_workspaces(name, mailboxes, ONE))


def seed(
    folder: Path,
    families: Callable[[int], Iterator[Family]],
    mailboxes: int,
    since: int,
    until: int,
    *,
    step: int,
    block: int = RECENT_BLOCK_SECONDS,
) -> None:
    """Write the families' samples into the TSDB in a folder, block by block."""
    text, start = folder / "seed.txt", since
    while start < until:
        instants = range(start, min(until, (start // block + 1) * block), step)
        tails: dict[Value, list[str]] = {}
        described = ""
        with text.open("w") as lines:
            for family in families(mailboxes):
                if family.name != described:
                    lines.write(f"# TYPE {family.name} {family.kind}\n")
                    described = family.name
                for head, value in family.series:
                    if value not in tails:
                        tails[value] = [f"{value(instant - since)} {instant}\n" for instant in instants]
                    lines.write(head + head.join(tails[value]))
            lines.write("# EOF\n")
        create = ("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet")
        where = (f"--max-block-duration={block}s", str(text), str(folder / "prometheus"))
        subprocess.run((*create, *where), check=True, stdout=subprocess.DEVNULL)
        start = instants[-1] + step
    print(
        f"seeded {families.__name__} until {time.strftime('%d %H:%M', time.gmtime(until))}", file=sys.stderr
    )
    text.unlink()


def seed_all(folder: Path, mailboxes: int) -> None:
    """Write everything that the rules look back at, up to now."""
    now = int(time.time()) // RECORDED_SECONDS * RECORDED_SECONDS
    week_ago = now - 7 * DAY_SECONDS
    for days in range(1, 8):
        then = now - days * DAY_SECONDS
        midnight = then // DAY_SECONDS * DAY_SECONDS
        spans = [(then - BEFORE_SECONDS, then + RUN_SECONDS)]
        if not spans[0][0] <= midnight < spans[0][1]:
            spans.append((midnight - BEFORE_SECONDS, midnight + RECORDED_SECONDS))
        for span in spans:
            seed(
                folder,
                recorded_of_mailboxes,
                mailboxes,
                *span,
                step=RECORDED_SECONDS,
                block=OLD_BLOCK_SECONDS,
            )
    two_weeks_ago = week_ago - 7 * DAY_SECONDS
    seed(
        *(folder, recorded_of_many, mailboxes, two_weeks_ago, now),
        step=RECORDED_SECONDS,
        block=OLD_BLOCK_SECONDS,
    )
    around_a_week_ago = (week_ago - 2 * HOUR_SECONDS, week_ago + RUN_SECONDS + HOUR_SECONDS)
    seed(folder, counters, mailboxes, *around_a_week_ago, step=SCRAPE_SECONDS)
    seed(folder, states, mailboxes, now - DAY_SECONDS, now, step=STATES_SECONDS)
    seed(folder, counters, mailboxes, now - DAY_SECONDS, now, step=SCRAPE_SECONDS)
    seed(folder, replies, mailboxes, now - 2 * HOUR_SECONDS, now, step=SCRAPE_SECONDS)
