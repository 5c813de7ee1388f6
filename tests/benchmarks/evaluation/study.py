"""Worlds in which nothing is wrong, and worlds in which something is: what people get of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from evaluation import incidents, mails, paging
from evaluation.clock import DAY, HOUR, STEP_MINUTES, WEEK, WEEKDAYS, WORK_BEGINS, WORK_ENDS
from evaluation.fleets import Fleet
from evaluation.mails import Flags, Integers, Mails, Numbers, World
from evaluation.quiet import NOTHING, Earlier, quiet_level
from evaluation.rises import Levels, levels
from evaluation.shipped import BOUNCE_ALERTS
from evaluation.troubles import USUAL, WEEKS, Weeks
from prometheus.table.levels import MAILBOX

SETTLED = 2
"""Weeks after which windows and quiet level are full."""
WEEKS_A_MONTH = 365.25 / 12 / 7
REACTION_HOURS = 1
FIRST_DAYS, FIRST_WEEKS = 9, 2
"""A week of its own is known 8 days after the first mail."""


class Rules(Protocol):
    """Some rules: where each alert fires, by subject and step."""

    def __call__(self, counted: Levels, quiet: Numbers, /, *, of_workspace: bool = True) -> dict[str, Flags]:
        """Hold totals against the rules, with or without those on the workspace as a whole."""
        ...


@dataclass
class Quiet:
    """Notifications of some weeks of one workspace in which nothing is wrong."""

    weeks: float
    counts: Counter[str] = field(default_factory=Counter)
    off: Counter[str] = field(default_factory=Counter)
    """By alert, those on a weekend, or more than an hour before or after work."""

    @property
    def months(self) -> float:
        """Return how many months that is."""
        return self.weeks / WEEKS_A_MONTH


def quiet_weeks(
    fleet: Fleet,
    world: World,
    rules: Rules,
    workspaces: int,
    *,
    earlier: Earlier = NOTHING,
    first: bool = False,
    during: Weeks = USUAL,
    seed: int = 1,
) -> Quiet:
    """Let so many workspaces send in peace, and count from the third week on, or in the first days alone."""
    weeks, since, until = (
        (FIRST_WEEKS, 0, FIRST_DAYS * DAY) if first else (WEEKS, SETTLED * WEEK, WEEKS * WEEK)
    )
    seen = Quiet(workspaces * (until - since) / WEEK)
    for number in range(workspaces):
        random = np.random.default_rng([seed, number])
        counted = during.seen(levels(mails.simulate(random, fleet, world, during.volume[: weeks * 7])))
        fires = rules(counted, quiet_level(counted, earlier))
        for name, where in paging.uninhibited(fires, counted.domain_of_mailbox).items():
            steps = paging.notifications(where)
            steps = steps[(steps >= since) & (steps < until)]
            seen.counts[name] += len(steps)
            hour, weekday = steps % DAY, steps // DAY % 7
            awake = (hour >= WORK_BEGINS - HOUR) & (hour < WORK_ENDS + HOUR) & (weekday < WEEKDAYS)
            seen.off[name] += int((~awake).sum())
    return seen


@dataclass
class Seen:
    """What became of incidents."""

    mails: list[int] = field(default_factory=list)
    """Of each that was seen: mails of the domain (or workspace) from its beginning to the notification."""
    minutes: list[float] = field(default_factory=list)
    missed: int = 0
    notifications: list[int] = field(default_factory=list)
    """Of each that was seen: within its week."""


def onsets(random: np.random.Generator, fleet: Fleet, incident: incidents.Incident) -> Numbers:
    """Begin an incident at a random time of work of the third week, on each fourth domain or on all."""

    def begin(count: int) -> Numbers:
        day = SETTLED * 7 + random.integers(0, WEEKDAYS, count)
        steps: Numbers = day * DAY + random.integers(WORK_BEGINS, WORK_ENDS, count).astype(float)
        return steps

    if incident.of == "workspace":
        return np.repeat(begin(1), fleet.domains)
    onset = np.full(fleet.domains, np.inf)
    chosen = np.arange(0, fleet.domains, 4)
    onset[chosen] = begin(len(chosen))
    return onset


def hit(
    fleet: Fleet, world: World, incident: incidents.Incident, workspaces: int, seed: int = 2
) -> Iterator[tuple[Mails, Mails, Numbers]]:
    """Yield workspaces without and with the incident, and when it begins on each domain."""
    for number in range(workspaces):
        random = np.random.default_rng([seed, number])
        sent = mails.simulate(random, fleet, world, mails.weekdays(WEEKS))
        onset = onsets(random, fleet, incident)
        yield sent, incidents.struck(random, sent, incident, onset), onset


def by_domain(counted: Levels, fires: dict[str, Flags], severity: str) -> Flags:
    """Return where each domain's people begin to be notified: of it, its mailboxes, or its workspace."""
    found = np.zeros(counted.domain.sent.shape, bool)
    domains = np.flatnonzero(np.diff(counted.domain_of_mailbox, prepend=-1))
    for name, where in paging.uninhibited(fires, counted.domain_of_mailbox).items():
        if BOUNCE_ALERTS[name].severity == severity:
            begins = paging.starts(where)
            is_mailbox = BOUNCE_ALERTS[name].level is MAILBOX
            found |= np.logical_or.reduceat(begins, domains, axis=0) if is_mailbox else begins
    return found


def incident_seen(
    fleet: Fleet,
    world: World,
    incident: incidents.Incident,
    rules: Rules,
    workspaces: int,
    *,
    severity: str = "critical",
    pause_days: float | None = None,
    during: Weeks = USUAL,
) -> Seen:
    """Let incidents happen; with `pause_days` each domain is paused an hour after its page, then well."""
    result = Seen()
    whole = incident.of == "workspace"
    for well, struck, onset in hit(fleet, world, incident, workspaces):
        counted = during.seen(levels(struck))
        # Many domains of one simulated workspace go wrong, each as if it were the only one.
        quiet = quiet_level(counted if whole else levels(well))
        begins = by_domain(counted, rules(counted, quiet, of_workspace=whole), severity)
        first = _first(begins, onset)
        if pause_days is not None:
            after = levels(_reacted(well, struck, first, pause_days))
            begins = by_domain(after, rules(after, quiet, of_workspace=whole), severity)
        rows = np.flatnonzero(np.isfinite(onset))
        rises = counted.workspace if whole else counted.domain
        for row in rows[:1] if whole else rows:
            at, since = first[row], int(onset[row])
            if at < 0:
                result.missed += 1
                continue
            place = 0 if whole else row
            result.mails.append(int(rises.sent[place, at] - rises.sent[place, since - 1]))
            result.minutes.append(float((at - since) * STEP_MINUTES))
            heard = np.asarray(begins.any(axis=0) if whole else begins[row])
            result.notifications.append(int(heard[since : at + WEEK].sum()))
    return result


def _first(begins: Flags, onset: Numbers) -> Integers:
    after = begins & (np.arange(begins.shape[1]) >= onset[:, None])
    steps: Integers = np.where(after.any(axis=1), after.argmax(axis=1), -1)
    return steps


def _reacted(well: Mails, struck: Mails, first: Integers, pause_days: float) -> Mails:
    """Pause each paged domain an hour after its page; what it sends after the pause bounces as before."""
    stop = np.where(first < 0, np.inf, first + REACTION_HOURS * HOUR)[struck.domain]
    ratio = np.where(struck.step < stop, struck.ratio, well.ratio)
    sends = (struck.step < stop) | (struck.step >= stop + pause_days * DAY)
    return replace(struck, ratio=ratio).where(sends)
