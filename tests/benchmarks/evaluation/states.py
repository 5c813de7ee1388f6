"""The recorded states: 1 from where an alert begins until it is well again, and how spikes of levels meet."""

from collections.abc import Sequence

import numpy as np

from evaluation.clock import steps_of
from evaluation.mails import Flags, Integers, Numbers
from evaluation.rises import Counts, Levels, Rises, rise
from evaluation.rules import begins, threshold, well_again
from evaluation.shipped import fewest, minutes
from exporter.fleet.limits import Window
from prometheus.table.bounce_limits import DOMAIN_SPIKE, LIMITS, MAILBOX_SPIKE, WORKSPACE_SPIKE, BounceLimit
from prometheus.table.levels import DOMAIN, MAILBOX

SPIKES = (WORKSPACE_SPIKE, DOMAIN_SPIKE, MAILBOX_SPIKE)
ENDED_LATELY = 2
"""Steps within the 10 minutes in which the end of a spike ends those below it."""


def outside_of_domains(counted: Levels, window: Window, quiet: Numbers, begun: Flags, paging: Flags) -> Flags:
    """Return where a workspace begins outside of the domains that paged an evaluation ago."""
    steps, span = np.flatnonzero(begun[0]), steps_of(minutes(window.span))
    paged = paging[:, np.maximum(steps - 1, 0)]

    def rest(whole: Counts, part: Counts) -> Counts:
        left: Counts = rise(whole, span)[0, steps] - (rise(part, span)[:, steps] * paged).sum(axis=0)
        return left

    bounced = rest(counted.workspace.bounced, counted.domain.bounced)
    sent = rest(counted.workspace.sent, counted.domain.sent)
    found = np.zeros(begun.shape, bool)
    found[0, steps] = bounced > sent * threshold(WORKSPACE_SPIKE, window.multiple, quiet)[steps]
    return found


def outside_of_mailbox(counted: Levels, window: Window, quiet: Numbers, begun: Flags, paging: Flags) -> Flags:
    """Return where domains begin outside of a mailbox that pages, as it was an evaluation ago."""
    found, span = np.zeros(begun.shape, bool), steps_of(minutes(window.span))
    limits = threshold(DOMAIN_SPIKE, window.multiple, quiet)
    for domain in np.flatnonzero(begun.any(axis=1)):
        steps, rows = np.flatnonzero(begun[domain]), counted.domain_of_mailbox == domain
        before = np.maximum(steps - 1, 0)
        bounced, sent = (
            rise(whole[[domain]], span)[0, steps]
            - (rise(parts[rows], span)[:, before] * paging[rows][:, before]).max(axis=0)
            for whole, parts in (
                (counted.domain.bounced, counted.mailbox.bounced),
                (counted.domain.sent, counted.mailbox.sent),
            )
        )
        enough = bounced >= fewest(DOMAIN_SPIKE, window)
        found[domain, steps] = enough & (bounced > sent * limits[steps])
    return found


def held(sets: Flags, resets: Flags) -> Flags:
    """Return where the last of what sets and what resets was the first; a set wins over a reset."""
    step: Integers = np.arange(sets.shape[1], dtype=np.int32)
    last_set = np.maximum.accumulate(np.where(sets, step, -1), axis=1)
    last_reset = np.maximum.accumulate(np.where(resets & ~sets, step, -1), axis=1)
    lasting: Flags = last_set > last_reset
    return lasting


def ended_lately(above: Flags) -> Flags:
    """Return where a spike is over and was not within the last minutes."""
    was = np.zeros(above.shape, bool)
    for steps in range(1, ENDED_LATELY + 1):
        was[:, steps:] |= above[:, :-steps]
    return was & ~above


class Recorded:
    """The states of the alerts of one workspace, as Prometheus records them one after the other."""

    def __init__(self, counted: Levels, quiet: Numbers, limits: Sequence[BounceLimit]) -> None:
        self._counted, self._quiet, self._limits = counted, quiet, limits
        self._begun: dict[str, list[Flags]] = {}
        self._well: dict[str, Flags] = {}
        for limit in limits:
            rises: Rises = getattr(counted, limit.level.name)
            windows = [begins(rises, limit, window, quiet) for window in limit.windows]
            self._begun[limit.alert] = windows
            if limit.ends is not None:
                touched: Flags = np.logical_or.reduce(windows).any(axis=1)
                self._well[limit.alert] = well_again(rises, limit, quiet, touched)
        self.states: dict[str, Flags] = {}
        self._spikes()
        for limit in limits:
            if limit.alert not in self.states:
                self._record(limit, self._begins(limit))

    def _spikes(self) -> None:
        """Work out the spikes of all levels until nothing changes, since each depends on the others."""
        spikes = [limit for limit in SPIKES if limit in self._limits]
        domains, mailboxes = (
            np.zeros(rises.sent.shape, bool) for rises in (self._counted.domain, self._counted.mailbox)
        )
        while True:
            paging = {WORKSPACE_SPIKE.alert: domains, DOMAIN_SPIKE.alert: mailboxes}
            for limit in spikes:
                self._record(limit, self._begins(limit, paging.get(limit.alert)))
            now = self.states[DOMAIN_SPIKE.alert], self.states[MAILBOX_SPIKE.alert]
            if np.array_equal(now[0], domains) and np.array_equal(now[1], mailboxes):
                break
            domains, mailboxes = now

    def _begins(self, limit: BounceLimit, paging: Flags | None = None) -> Flags:
        windows = self._begun[limit.alert]
        if paging is not None:
            outside = outside_of_domains if limit is WORKSPACE_SPIKE else outside_of_mailbox
            windows = [
                outside(self._counted, window, self._quiet, begun, paging)
                for window, begun in zip(limit.windows, windows, strict=True)
            ]
        found: Flags = np.logical_or.reduce(windows)
        return found

    def _record(self, limit: BounceLimit, sets: Flags) -> None:
        self.states[limit.alert] = sets if limit.ends is None else held(sets, self._ends(limit))

    def _ends(self, limit: BounceLimit) -> Flags:
        well = self._well[limit.alert]
        if limit.level is DOMAIN and WORKSPACE_SPIKE.alert in self.states:
            return well | ended_lately(self.states[WORKSPACE_SPIKE.alert])
        if limit.level is MAILBOX:
            return well | ended_lately(self.states[DOMAIN_SPIKE.alert])[self._counted.domain_of_mailbox]
        return well


def states(counted: Levels, quiet: Numbers, limits: Sequence[BounceLimit] = LIMITS) -> dict[str, Flags]:
    """Return where the recorded state of each alert is 1, by subject and step."""
    return Recorded(counted, quiet, limits).states
