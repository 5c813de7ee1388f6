"""The arithmetic of the bounce alerts: which are true at which step.

The lower bound of the Wilson interval is above a threshold T exactly when the bounces b are above what T
alone gives of n sends, by Z standard deviations: (b - nT)^2 > Z^2 nT(1 - T). So no bound is worked out here.
"""

from typing import NamedTuple

import numpy as np

from evaluation.clock import DAY, HOUR, WORK_BEGINS, WORK_ENDS
from evaluation.mails import Flags, Integers, Numbers
from evaluation.rises import Counts, Levels, Rises

Z = {"99": 2.3263, "99.9": 3.0902, "99.99": 3.7190}
PER_LOGARITHM = 1.88
"""How much Z^2 grows with the logarithm of the subjects, so that they share one confidence."""
USUAL_DAY = 0.75
"""Of the busiest day: so many mails prove that it is well again."""
WORKING_HOURS = (WORK_ENDS - WORK_BEGINS) // HOUR
CAP = 5
"""The threshold that follows the quiet level is at most so many times the configured one."""


class Window(NamedTuple):
    """Bounces of sends over a time, held against a threshold."""

    hours: int
    confidence: str
    multiple: float = 0
    """Of the workspace's quiet level, if that is higher than the configured threshold."""
    minimum_bounces: int = 5
    shared: bool = True
    """Whether the confidence is that of all subjects of the workspace together."""

    def squared_z(self, subjects: int) -> float:
        """Return Z^2 at the confidence that this many subjects need."""
        return Z[self.confidence] ** 2 + (PER_LOGARITHM * float(np.log(subjects)) if self.shared else 0)


class Alert(NamedTuple):
    """Begins when the bound of any of its windows is above the threshold, and it still happens."""

    name: str
    level: str
    severity: str
    windows: tuple[Window, ...]
    threshold: float
    """As configured."""
    floor: bool = True
    """Whether half of the busiest of 7 days counts as sent, at least; of hours, half of its hours."""
    bounced_within: int = 2
    """Hours in which there must be a bounce (0: none)."""
    sent_within: int = 2
    """Hours in which there must be a mail (0: none)."""
    today: bool = True
    """Whether the last day's ratio must be above the threshold where the window is longer than a day."""
    well_again: float = 2
    """It ends when a day's ratio and that of 2 h are below this multiple of the quiet level. 0: at once."""
    for_minutes: int = 2
    keep_minutes: int = 0
    unless: str = ""
    """It does not begin while this alert fires for the domain."""


def quiet_level(workspace: Rises) -> Numbers:
    """Return what a workspace surely (99 %) bounced in the 7 days that ended a day ago, at each step."""
    sent, bounced = (counts[0].astype(float) for counts in workspace.seven_days())
    sends = np.maximum(sent, 1)
    p, u = np.minimum(bounced / sends, 1), Z["99"] ** 2 / sends
    bound = np.maximum(0, (p + u / 2 - np.sqrt(u * (p * (1 - p) + u / 4))) / (1 + u)) * (sent > 0)
    return np.concatenate([bound[:DAY], bound[:-DAY]])


def threshold(configured: float, multiple: float, quiet: Numbers) -> Numbers:
    """Return a threshold at each step: the configured one, or the multiple of the quiet level."""
    higher: Numbers = np.maximum(configured, np.minimum(multiple * quiet, CAP * configured))
    return higher


class Cells:
    """Some subjects at some steps, and what they sent and bounced until then."""

    def __init__(self, rises: Rises, alert: Alert, where: Flags) -> None:
        self.row, self.step = np.nonzero(where)
        self._rises = rises
        self.floor = np.zeros(len(self.row))
        if alert.floor:
            self.floor = rises.busiest()[self.row, self.step // DAY] / 2

    def within(self, totals: Counts, steps: int) -> Numbers:
        """Return by how much the totals rose in so many steps."""
        before = np.where(self.step >= steps, totals[self.row, self.step - steps], 0)
        return (totals[self.row, self.step] - before).astype(float)

    def bounces(self, hours: int) -> Numbers:
        """Return the bounces of so many hours."""
        return self.within(self._rises.bounced, hours * HOUR)

    def sends(self, hours: int) -> Numbers:
        """Return the sends of so many hours."""
        return self.within(self._rises.sent, hours * HOUR)

    def counted_sends(self, hours: int) -> Numbers:
        """Return the sends of so many hours, or half of those of the busiest day if that is more."""
        return np.maximum(self.sends(hours), self.floor * min(1, hours / WORKING_HOURS))


def begins(counted: Levels, alert: Alert, quiet: Numbers, subjects: int | None = None) -> Flags:
    """Return where an alert's condition is true, by subject and step."""
    rises: Rises = getattr(counted, alert.level)
    true = np.zeros(rises.sent.shape, bool)
    for window in alert.windows:
        limits = threshold(alert.threshold, window.multiple, quiet)
        steps = window.hours * HOUR
        enough = rises.bounced >= window.minimum_bounces
        enough[:, steps:] &= rises.bounced[:, steps:] - rises.bounced[:, :-steps] >= window.minimum_bounces
        if alert.bounced_within:
            recent = alert.bounced_within * HOUR
            enough[:, recent:] &= rises.bounced[:, recent:] > rises.bounced[:, :-recent]
        cells = Cells(rises, alert, enough & ~true)
        limit, sends = limits[cells.step], cells.counted_sends(window.hours)
        bounces, expected = np.minimum(cells.bounces(window.hours), sends), sends * limit
        z2 = window.squared_z(subjects or rises.subjects)
        fires = (bounces > expected) & ((bounces - expected) ** 2 > z2 * expected * (1 - limit))
        if alert.sent_within:
            fires &= cells.sends(alert.sent_within) > 0
        if alert.today and window.hours > 24:
            fires &= cells.bounces(24) > limit * cells.counted_sends(24)
        true[cells.row[fires], cells.step[fires]] = True
    return true


def is_true(
    counted: Levels, alert: Alert, quiet: Numbers, subjects: int | None = None, unless: Flags | None = None
) -> Flags:
    """Return where an alert is true: from where it begins until it is well again."""
    true = begins(counted, alert, quiet, subjects)
    if unless is not None:
        true &= ~unless
    if not alert.well_again:
        return true
    rises: Rises = getattr(counted, alert.level)
    touched = true.any(axis=1)
    sets = true[touched]
    some = Rises(rises.sent[touched], rises.bounced[touched])
    cells = Cells(some, alert, np.ones(sets.shape, bool))
    sends = cells.sends(24)
    well = threshold(alert.threshold, alert.well_again, quiet)[cells.step]
    resets = (sends > 0) & (sends >= USUAL_DAY * 2 * cells.floor) & (cells.bounces(24) < well * sends)
    resets &= cells.bounces(2) <= well * cells.sends(2)
    resets |= cells.sends(72) == 0
    true[touched] = held(sets, resets.reshape(sets.shape))
    return true


def held(sets: Flags, resets: Flags) -> Flags:
    """Return where the last of what sets and what resets was the first; a set wins over a reset."""
    step: Integers = np.arange(sets.shape[1])
    last_set = np.maximum.accumulate(np.where(sets, step, -1), axis=1)
    last_reset = np.maximum.accumulate(np.where(resets & ~sets, step, -1), axis=1)
    lasting: Flags = last_set > last_reset
    return lasting
