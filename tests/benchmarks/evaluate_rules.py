"""What the bounce rules of before and the proposed ones do on fleets as they are.

    python tests/benchmarks/evaluate_rules.py [--workspaces N] [DOCUMENT]

Prints the tables, or writes them into DOCUMENT in place of what follows its mark. The seed is fixed.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from evaluation import incidents, mails, optimum
from evaluation.clock import WEEK
from evaluation.fleets import AZURE, FORTY, GOOGLE, Fleet
from evaluation.intervals import mean, per
from evaluation.mails import World
from evaluation.rises import levels
from evaluation.rule_sets import BEFORE, PROPOSED
from evaluation.rules import Alert
from evaluation.study import SETTLED, WEEKS, WEEKS_A_MONTH, hit, incident_seen, quiet_weeks

MARK = "<!-- `make evaluate` replaces what follows. -->\n"

SETS = {"before": BEFORE, "proposed": PROPOSED}
QUIET = (
    (GOOGLE, World(0.027)),
    (GOOGLE, World(0.01)),
    (GOOGLE, World(0.035)),
    (GOOGLE, World(0.027, correlation=0.05)),
    (AZURE, World(0.027)),
    (FORTY, World(0.02, correlation=0, quality=0)),
    (FORTY, World(0.02)),
)
LIMITS = (
    (incidents.LIST_20, 0.2, 0.5),
    (incidents.LIST_20, 0.2, 1),
    (incidents.LIST_10, 0.1, 4),
    (incidents.LIST_10, 0.1, 8),
    (incidents.ALL_BOUNCES, 0.9, 1),
)
HAPPENS: tuple[tuple[Fleet, World, incidents.Incident, str, float | None], ...] = (
    (GOOGLE, World(0.027), incidents.LIST_20, "critical", None),
    (GOOGLE, World(0.027), incidents.LIST_20, "critical", 2),
    (GOOGLE, World(0.027), incidents.ALL_BOUNCES, "critical", None),
    (GOOGLE, World(0.027), incidents.ALL_BOUNCES, "critical", 1),
    (GOOGLE, World(0.027), incidents.MAILBOX_BROKEN, "critical", None),
    (GOOGLE, World(0.027), incidents.LIST_10, "warning", None),
    (GOOGLE, World(0.027), incidents.PROVIDER_BLOCKS, "critical", None),
    (GOOGLE, World(0.015), incidents.DRIFT, "warning", None),
    (FORTY, World(0.02, correlation=0, quality=0), incidents.LIST_20, "critical", None),
    (FORTY, World(0.02, correlation=0, quality=0), incidents.LIST_10, "critical", None),
)


def row(*cells: object) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def described(fleet: Fleet, world: World) -> str:
    """Name a fleet and its world."""
    luck = "luck alone" if not world.quality else f"correlation {world.correlation:g}"
    return f"{fleet.name}, base {world.base * 100:g} %, {luck}"


def quiet_table(workspaces: int) -> Iterator[str]:
    """Compare notifications where nothing is wrong."""
    yield "## Nothing is wrong: notifications of one workspace a month\n"
    yield row("fleet", "rules", "pages", "of these off hours", "tickets", "by alert")
    yield row(*["---"] * 6)
    for fleet, world in QUIET:
        for name, alerts in SETS.items():
            seen = quiet_weeks(fleet, world, alerts, workspaces if name == "proposed" else 2)
            pages = [alert.name for alert in alerts if alert.severity == "critical"]
            tickets = [alert.name for alert in alerts if alert.severity == "warning"]
            yield row(
                described(fleet, world),
                name,
                per(sum(seen.counts[page] for page in pages), seen.months),
                per(sum(seen.off[page] for page in pages), seen.months),
                per(sum(seen.counts[ticket] for ticket in tickets), seen.months),
                ", ".join(
                    f"{one.removeprefix('SendKit')} {count / seen.months:.2f}"
                    for one, count in seen.counts.items()
                    if count
                ),
            )


def limit_table(workspaces: int) -> Iterator[str]:
    """Say how soon a CUSUM that knows both ratios sees a jump, at some false alarms."""
    yield "\n## The limit: a CUSUM that knows both ratios, google fleet, base 2.7 %, correlation 0.02\n"
    yield row("incident", "false alarms a month", "mails until the alarm", "Lorden's first order")
    yield row(*["---"] * 4)
    months = workspaces * (WEEKS - SETTLED) / WEEKS_A_MONTH
    world = World(0.027)
    daily = 36 * GOOGLE.domains * 5 * WEEKS_A_MONTH
    for incident, after, alarms in LIMITS:
        peaks = []
        for number in range(workspaces):
            sent = mails.simulate(np.random.default_rng([1, number]), GOOGLE, world, mails.weekdays(WEEKS))
            peaks.append(optimum.peaks(optimum.score(levels(sent).domain, world.base, after), SETTLED * WEEK))
        height = optimum.height(np.concatenate(peaks), alarms * months)
        spent: list[int] = []
        for _, struck, onset in hit(GOOGLE, world, incident, workspaces):
            rises = levels(struck).domain
            over = optimum.score(rises, world.base, after) > height
            for place in np.flatnonzero(np.isfinite(onset)):
                since = int(onset[place])
                if not over[place, since - 1] and over[place, since:].any():
                    at = since + int(over[place, since:].argmax())
                    spent.append(int(rises.sent[place, at] - rises.sent[place, since - 1]))
        lorden = optimum.first_order_mails(world.base, after, daily / alarms)
        yield row(incident.name, alarms, mean(spent), f"{lorden:.0f}")


def incident_table(workspaces: int, sets: Mapping[str, Sequence[Alert]]) -> Iterator[str]:
    """Compare what is seen of incidents."""
    yield "\n## Something is wrong\n"
    yield row("fleet", "incident", "reaction", "rules", "seen", "mails", "minutes (median)", "notifications")
    yield row(*["---"] * 8)
    for fleet, world, incident, severity, pause in HAPPENS:
        for name, alerts in sets.items():
            seen = incident_seen(
                fleet, world, incident, alerts, workspaces, severity=severity, pause_days=pause
            )
            share = f"{len(seen.mails)} of {len(seen.mails) + seen.missed}"
            yield row(
                described(fleet, world),
                f"{incident.name} ({'page' if severity == 'critical' else 'ticket'})",
                f"paused for {pause:g} days" if pause else "none",
                name,
                share,
                mean(seen.mails),
                f"{np.median(seen.minutes):.0f}" if seen.minutes else "-",
                mean(seen.notifications),
            )


def main() -> None:
    """Print the tables or write them into a document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspaces", type=int, default=24)
    parser.add_argument("document", type=Path, nargs="?")
    arguments = parser.parse_args()
    tables = []
    few = max(2, arguments.workspaces // 3)
    for lines in (quiet_table(arguments.workspaces), limit_table(few * 2), incident_table(few, SETS)):
        for line in lines:
            print(line, flush=True)
            tables.append(line)
    if arguments.document:
        told = arguments.document.read_text().partition(MARK)[0]
        arguments.document.write_text(told + MARK + "\n" + "\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
