"""What makes other weeks of the usual ones: holidays, a ramp, an API that does not answer for hours."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from evaluation.clock import DAY, HOUR, WEEK, WORK_BEGINS
from evaluation.mails import Numbers, ramp, weekdays
from evaluation.rises import Counts, Levels, Rises


class Weeks(NamedTuple):
    """Six weeks of a workspace."""

    name: str
    volume: Numbers
    """Of each day."""
    outages: tuple[int, ...] = ()
    """Steps from which on the API does not answer for 5 hours."""

    def seen(self, counted: Levels) -> Levels:
        """Return the totals as they are seen: those of an outage come with the first poll after it."""
        return replace(
            counted,
            mailbox=_held(counted.mailbox, self.outages),
            domain=_held(counted.domain, self.outages),
            workspace=_held(counted.workspace, self.outages),
        )


OUTAGE = 5 * HOUR
WEEKS = 6
USUAL = Weeks("as usual", weekdays(WEEKS))
WORSE = (
    Weeks("three holidays on weekdays", weekdays(WEEKS, (16, 25, 31))),
    Weeks("a ramp: from a tenth to all of the mails", ramp(WEEKS)),
    Weeks(
        "the API does not answer for 5 hours, twice a week",
        weekdays(WEEKS),
        tuple(
            week * WEEK + day * DAY + WORK_BEGINS + hours * HOUR
            for week in range(WEEKS)
            for day, hours in ((1, 1), (3, 6))
        ),
    ),
)
"""An outage within a day's work, and one over its end."""


def _held(rises: Rises, outages: Iterable[int]) -> Rises:
    return Rises(_without(rises.sent, outages), _without(rises.bounced, outages))


def _without(totals: Counts, outages: Iterable[int]) -> Counts:
    held = totals.copy()
    for since in outages:
        held[:, since : since + OUTAGE] = held[:, since - 1, None]
    return held
