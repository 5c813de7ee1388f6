"""The tables of the evaluation, and the figures of its picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from evaluation import incidents, mails, optimum
from evaluation.clock import WEEK
from evaluation.fleets import AZURE, FORTY, GOOGLE, Fleet
from evaluation.former import former
from evaluation.intervals import estimate, mean, per
from evaluation.mails import Numbers, World
from evaluation.paging import shipped
from evaluation.picture import Panel, Point
from evaluation.quiet import NOTHING, Earlier
from evaluation.rises import levels
from evaluation.shipped import BOUNCE_ALERTS
from evaluation.study import (
    FIRST_DAYS,
    SETTLED,
    WEEKS_A_MONTH,
    Rules,
    hit,
    incident_seen,
    quiet_weeks,
)
from evaluation.troubles import WEEKS, WORSE

SETS: Mapping[str, Rules] = {"former": former, "shipped": shipped}
FEW = 2
"""Workspaces of the former rules where nothing is wrong: they page often enough."""
LUCK_40 = World(0.02, correlation=0, quality=0)
USUAL = World(0.027)
QUIET = (
    (GOOGLE, USUAL),
    (GOOGLE, World(0.01)),
    (GOOGLE, World(0.035)),
    (GOOGLE, World(0.027, correlation=0.05)),
    (AZURE, USUAL),
    (FORTY, LUCK_40),
    (FORTY, World(0.02)),
)
MAILS_A_MONTH = 144_000
"""Of the google fleet."""
NEW = tuple(
    (GOOGLE, World(base), Earlier(MAILS_A_MONTH, round(MAILS_A_MONTH * before)))
    for base, before in ((0.027, 0), (0.027, 0.027), (0.035, 0), (0.035, 0.035))
)
ALARMS = (0.25, 0.5, 1, 2, 4, 8, 32, 128, 512)
LIMITS: tuple[tuple[Fleet, World, tuple[tuple[incidents.Incident, float], ...]], ...] = (
    (GOOGLE, USUAL, ((incidents.LIST_20, 0.2), (incidents.LIST_10, 0.1), (incidents.ALL_BOUNCES, 0.9))),
    (FORTY, LUCK_40, ((incidents.LIST_20, 0.2),)),
)
"""What goes wrong in a world, and the ratio that the CUSUM is looking for."""
HAPPENS: tuple[tuple[Fleet, World, incidents.Incident, str, float | None], ...] = (
    (GOOGLE, USUAL, incidents.LIST_20, "critical", None),
    (GOOGLE, USUAL, incidents.LIST_20, "critical", 2),
    (GOOGLE, USUAL, incidents.ALL_BOUNCES, "critical", None),
    (GOOGLE, USUAL, incidents.ALL_BOUNCES, "critical", 1),
    (GOOGLE, USUAL, incidents.MAILBOX_BROKEN, "critical", None),
    (GOOGLE, USUAL, incidents.LIST_10, "warning", None),
    (GOOGLE, USUAL, incidents.PROVIDER_BLOCKS, "critical", None),
    (GOOGLE, World(0.015), incidents.DRIFT, "warning", None),
    (FORTY, LUCK_40, incidents.LIST_20, "critical", None),
    (FORTY, LUCK_40, incidents.LIST_10, "critical", None),
)
MINUTES_A_DAY = 24 * 60
WHOLE = 6
"""So many times the workspaces, of which each has one incident."""
SEVERITIES = {"critical": "page", "warning": "ticket"}


@dataclass
class Found:
    """What the picture shows: false alarms a month, and mails until an incident is seen."""

    false: dict[tuple[str, str], float] = field(default_factory=dict)
    """By rules and severity, on the google fleet."""
    panels: dict[str, Panel] = field(default_factory=dict)
    """By incident."""


def row(*cells: object) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def described(fleet: Fleet, world: World) -> str:
    """Name a fleet and its world."""
    luck = "luck alone" if not world.quality else f"correlation {world.correlation:g}"
    return f"{fleet.name}, base {world.base * 100:g} %, {luck}"


def of_severity(severity: str) -> list[str]:
    """Return the names of the bounce alerts of a severity."""
    return [name for name, alert in BOUNCE_ALERTS.items() if alert.severity == severity]


def quiet_table(workspaces: int, found: Found) -> Iterator[str]:
    """Compare notifications where nothing is wrong."""
    yield "## Nothing is wrong: notifications of one workspace a month\n"
    yield row("fleet", "rules", "months", "pages", "of these off hours", "tickets", "by alert")
    yield row(*["---"] * 7)
    for fleet, world in QUIET:
        for name, rules in SETS.items():
            many = workspaces if (fleet, world) == QUIET[0] else workspaces // 3
            seen = quiet_weeks(fleet, world, rules, many if rules is shipped else FEW)
            pages, tickets = (sum(seen.counts[one] for one in of_severity(kind)) for kind in SEVERITIES)
            if (fleet, world) == QUIET[0]:
                found.false |= {
                    (name, "critical"): pages / seen.months,
                    (name, "warning"): tickets / seen.months,
                }
            yield row(
                described(fleet, world),
                name,
                f"{seen.months:.0f}",
                per(pages, seen.months),
                per(sum(seen.off[one] for one in of_severity("critical")), seen.months),
                per(tickets, seen.months),
                ", ".join(
                    f"{one.removeprefix('SendKit')} {count / seen.months:.2f}"
                    for one, count in seen.counts.items()
                    if count
                ),
            )


def new_table(workspaces: int) -> Iterator[str]:
    """Compare the first days of watching, with and without what the API counted before."""
    yield f"\n## The first {FIRST_DAYS} days of watching, in which nothing is wrong: of one workspace\n"
    yield row("fleet", "the API's earlier mails", "pages", "tickets")
    yield row(*["---"] * 4)
    for fleet, world, earlier in NEW:
        known = earlier if earlier.bounced else NOTHING
        seen = quiet_weeks(fleet, world, shipped, workspaces, earlier=known, first=True)
        yield row(
            described(fleet, world),
            f"{known.sent:,}, {known.bounced / known.sent:.1%} bounced" if known.sent else "none",
            *(per(sum(seen.counts[one] for one in of_severity(kind)), workspaces) for kind in SEVERITIES),
        )


def worse_table(workspaces: int) -> Iterator[str]:
    """Say what other weeks call for, on the google fleet."""
    yield "\n## Nothing is wrong, but the weeks are not as usual: of one workspace a month\n"
    yield row("weeks", "months", "pages", "of these off hours", "tickets")
    yield row(*["---"] * 5)
    for during in WORSE:
        seen = quiet_weeks(GOOGLE, USUAL, shipped, workspaces, during=during)
        pages, tickets = (sum(seen.counts[one] for one in of_severity(kind)) for kind in SEVERITIES)
        yield row(
            during.name,
            f"{seen.months:.0f}",
            per(pages, seen.months),
            per(sum(seen.off[one] for one in of_severity("critical")), seen.months),
            per(tickets, seen.months),
        )


def limit_table(workspaces: int, found: Found) -> Iterator[str]:
    """Say how soon a CUSUM that knows both ratios sees a jump, at some false alarms."""
    yield "\n## The limit: a CUSUM that knows both ratios\n"
    yield row("fleet", "incident", "false alarms a month", "mails until the alarm", "Lorden's first order")
    yield row(*["---"] * 5)
    for fleet, world, jumps in LIMITS:
        peaks: dict[str, list[Numbers]] = {incident.name: [] for incident, _ in jumps}
        monthly = 0.0
        for number in range(workspaces):
            sent = mails.simulate(np.random.default_rng([1, number]), fleet, world, mails.weekdays(WEEKS))
            monthly = len(sent.step) / WEEKS * WEEKS_A_MONTH
            rises = levels(sent).domain
            for incident, after in jumps:
                scores = optimum.score(rises, world.base, after)
                peaks[incident.name].append(optimum.peaks(scores, SETTLED * WEEK))
        for incident, after in jumps:
            limit = limits(fleet, world, incident, after, peaks[incident.name])
            if (fleet, world) == QUIET[0]:
                found.panels[incident.name] = Panel(
                    incident.name, [(alarms, estimate(spent)) for alarms, spent in limit]
                )
            for alarms, spent in limit:
                lorden = optimum.first_order_mails(world.base, after, monthly / alarms)
                yield row(described(fleet, world), incident.name, alarms, mean(spent), f"{lorden:.0f}")


def limits(
    fleet: Fleet, world: World, incident: incidents.Incident, after: float, peaks: list[Numbers]
) -> list[tuple[float, list[int]]]:
    """Return the mails until the alarm at each number of false alarms, from the peaks of some workspaces."""
    months = len(peaks) * (WEEKS - SETTLED) / WEEKS_A_MONTH
    heights = [optimum.height(np.concatenate(peaks), alarms * months) for alarms in ALARMS]
    spent: list[list[int]] = [[] for _ in ALARMS]
    for _, struck, onset in hit(fleet, world, incident, max(1, len(peaks) // 3)):
        rises = levels(struck).domain
        scores = optimum.score(rises, world.base, after)
        for mine, height in zip(spent, heights, strict=True):
            mine.extend(optimum.spent(rises, scores > height, onset))
    return list(zip(ALARMS, spent, strict=True))


def outage_table(workspaces: int) -> Iterator[str]:
    """Say what becomes of incidents while the API does not answer at times."""
    during = WORSE[-1]
    yield f"\n## Something is wrong, and {during.name}\n"
    yield row("fleet", "incident", "seen", "mails", "notifications")
    yield row(*["---"] * 5)
    for incident in (incidents.LIST_20, incidents.ALL_BOUNCES):
        seen = incident_seen(GOOGLE, USUAL, incident, shipped, workspaces, during=during)
        yield row(
            described(GOOGLE, USUAL),
            incident.name,
            f"{len(seen.mails)} of {len(seen.mails) + seen.missed}",
            mean(seen.mails),
            mean(seen.notifications),
        )


def incident_table(workspaces: int, found: Found) -> Iterator[str]:
    """Compare what is seen of incidents."""
    yield "\n## Something is wrong\n"
    times = ("minutes (median)", "days (mean)")
    yield row("fleet", "incident", "reaction", "rules", "seen", "mails", *times, "notifications")
    yield row(*["---"] * 9)
    for fleet, world, incident, severity, pause in HAPPENS:
        panel = found.panels.get(incident.name) if (fleet, world) == QUIET[0] and pause is None else None
        for name, rules in SETS.items():
            if rules is former and not panel:
                continue  # they are compared where the limit is
            many = workspaces * WHOLE if incident.of == "workspace" else workspaces
            seen = incident_seen(fleet, world, incident, rules, many, severity=severity, pause_days=pause)
            if panel and seen.mails:
                panel.points.append(Point(name, found.false[name, severity], estimate(seen.mails)))
            yield row(
                described(fleet, world),
                f"{incident.name} ({SEVERITIES[severity]})",
                f"paused for {pause:g} days" if pause else "none",
                name,
                f"{len(seen.mails)} of {len(seen.mails) + seen.missed}",
                mean(seen.mails),
                f"{np.median(seen.minutes):.0f}" if seen.minutes else "-",
                mean([each / MINUTES_A_DAY for each in seen.minutes]),
                mean(seen.notifications),
            )
