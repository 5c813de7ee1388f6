"""What goes wrong: some mails bounce at another ratio, until somebody pauses the mailboxes."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evaluation.clock import DAY
from evaluation.mails import Flags, Mails, Numbers


class Incident(NamedTuple):
    """What bounces instead, and where."""

    name: str
    ratio: float
    of: str
    """`domain`: the domains named; `mailbox`: the first mailbox of each; `workspace`: everything."""
    blocked: float = 1
    """Which share of the mails it concerns."""
    drift_days: float = 0
    """In how many days the ratio gets there, in a line."""


LIST_5 = Incident("a list of 5 %", 0.05, "domain")
LIST_10 = Incident("a list of 10 %", 0.10, "domain")
LIST_20 = Incident("a list of 20 %", 0.20, "domain")
ALL_BOUNCES = Incident("all mail bounces", 1, "domain")
MAILBOX_BROKEN = Incident("one mailbox is broken", 1, "mailbox")
PROVIDER_BLOCKS = Incident("a provider blocks half", 1, "workspace", blocked=0.5)
DRIFT = Incident("the workspace drifts to 4 %", 0.04, "workspace", drift_days=5)


def concerned(mails: Mails, incident: Incident, onset: Numbers) -> Flags:
    """Return which mails an incident concerns that begins on each domain at its step (inf: never)."""
    since: Flags = mails.step >= onset[mails.domain]
    if incident.of == "mailbox":
        domains = mails.fleet.domain_of_mailbox()
        first = np.concatenate([[True], domains[1:] != domains[:-1]])
        since &= first[mails.mailbox]
    return since


def struck(random: np.random.Generator, mails: Mails, incident: Incident, onset: Numbers) -> Mails:
    """Return the mails with the incident in them."""
    hit = concerned(mails, incident, onset) & (random.random(len(mails.step)) < incident.blocked)
    ratio = np.where(hit, incident.ratio, mails.ratio)
    if incident.drift_days:
        way = (mails.step - onset[mails.domain]) / (incident.drift_days * DAY)
        there = incident.ratio / mails.ratio.mean()
        ratio = mails.ratio * (1 + (there - 1) * np.clip(way, 0, 1))
    return replace(mails, ratio=ratio)


def paused(mails: Mails, since: Numbers) -> Mails:
    """Return the mails of domains whose mailboxes are paused from a step on (inf: never)."""
    return mails.where(mails.step < since[mails.domain])
