"""The arithmetic of the bounce alerts: at which steps a window begins one, and at which it is well again.

The lower bound of the Wilson interval is above a threshold T exactly when the bounces b are above what T
alone gives of n sends, by Z standard deviations: (b - nT)^2 > Z^2 nT(1 - T). So no bound is worked out here.
"""

import numpy as np

from evaluation.clock import DAY, HOUR, steps_of
from evaluation.mails import Flags, Numbers
from evaluation.rises import Counts, Rises, rise
from evaluation.shipped import configured, fewest, minutes
from exporter.fleet.limits import HIGHEST, USUAL_DAY, Window
from prometheus.table.bounce_limits import WORKING_HOURS, BounceLimit
from prometheus.table.levels import WORKSPACE

HAPPENING = 2 * HOUR
IDLE = 3 * DAY
FLOORED = {"1h": 1 / WORKING_HOURS, "1d": 1}
"""The windows that count at least half of the busiest day as sent, and which part of that half."""


def threshold(limit: BounceLimit, multiple: float, quiet: Numbers, most: float | None = None) -> Numbers:
    """Return a threshold at each step: the multiple of the quiet level, within the bounds of the limit.

    Without a quiet level (0), or if the threshold does not follow it (a multiple of 0), the configured one.
    """
    middle = configured(limit)
    highest = limit.most if most is None else most
    following = np.clip(multiple * quiet, limit.least * middle, highest * middle)
    return np.where((quiet > 0) & (multiple > 0), following, middle)


class Cells:
    """Some subjects at some steps, and what they sent and bounced until then."""

    def __init__(self, rises: Rises, where: Flags) -> None:
        self.row, self.step = np.nonzero(where)
        self._rises = rises
        self._busiest = rises.busiest()

    def half_busiest_day(self, ago: int = 0) -> Numbers:
        """Return half of the sends of the busiest of 7 days, as it was known so many steps ago."""
        half: Numbers = self._busiest[self.row, np.maximum(self.step - ago, 0) // DAY] / 2
        return half

    def within(self, totals: Counts, steps: int) -> Numbers:
        """Return by how much the totals rose in so many steps."""
        before = np.where(self.step >= steps, totals[self.row, self.step - steps], 0)
        return (totals[self.row, self.step] - before).astype(float)

    def bounces(self, steps: int) -> Numbers:
        """Return the bounces of so many steps."""
        return self.within(self._rises.bounced, steps)

    def sends(self, steps: int) -> Numbers:
        """Return the sends of so many steps."""
        return self.within(self._rises.sent, steps)

    def counted_sends(self, span: str) -> Numbers:
        """Return the sends of a window as they count."""
        sends = self.sends(steps_of(minutes(span)))
        if span not in FLOORED:
            return sends
        # The counts are evaluated before the busiest day is.
        return np.maximum(sends, FLOORED[span] * self.half_busiest_day(ago=1))


def begins(rises: Rises, limit: BounceLimit, window: Window, quiet: Numbers) -> Flags:
    """Return where a window begins an alert, by subject and step."""
    limits = threshold(limit, window.multiple, quiet)
    enough = rise(rises.bounced, steps_of(minutes(window.span))) >= fewest(limit, window)
    if limit.happening:
        enough &= rise(rises.bounced, HAPPENING) > 0
    cells = Cells(rises, enough)
    at, sends = limits[cells.step], cells.counted_sends(window.span)
    bounces, expected = np.minimum(cells.bounces(steps_of(minutes(window.span))), sends), sends * at
    subjects = 1 if limit.level is WORKSPACE else rises.subjects
    spread = window.z(subjects) ** 2 * expected * (1 - at)
    true = (bounces > expected) & ((bounces - expected) ** 2 > spread)
    if limit.happening:
        true &= cells.sends(HAPPENING) > 0
        if window.span not in FLOORED:
            true &= cells.bounces(DAY) > at * cells.counted_sends("1d")
    found = np.zeros(enough.shape, bool)
    found[cells.row[true], cells.step[true]] = True
    return found


def well_again(rises: Rises, limit: BounceLimit, quiet: Numbers, touched: Flags) -> Flags:
    """Return where an alert ends, of the subjects that it ever begins for."""
    assert limit.ends is not None
    some = Rises(rises.sent[touched], rises.bounced[touched])
    cells = Cells(some, np.ones(some.sent.shape, bool))
    sends, below = cells.sends(DAY), threshold(limit, limit.ends, quiet, HIGHEST)[cells.step]
    well = cells.bounces(DAY) < below * sends
    well &= cells.bounces(HAPPENING) <= below * cells.sends(HAPPENING)
    well &= cells.sends(HAPPENING) > 0
    well &= sends >= 2 * USUAL_DAY * cells.half_busiest_day()
    well |= cells.sends(IDLE) == 0
    found = np.zeros(rises.sent.shape, bool)
    found[touched] = well.reshape(some.sent.shape)
    return found
