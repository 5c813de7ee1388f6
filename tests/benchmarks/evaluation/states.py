"""The recorded states: 1 from where an alert begins until it is well again, and how spikes of levels meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.clock import steps_of
from evaluation.mails import Flags, Integers, Numbers
from evaluation.rises import Counts, Levels, Rises, rise
from evaluation.rules import begins, threshold, well_again
from evaluation.shipped import fewest, minutes
from exporter.fleet.limits import Window
from prometheus.table.bounce_elsewhere import WEEK
from prometheus.table.bounce_limits import DOMAIN_SPIKE, LIMITS, MAILBOX_SPIKE, WORKSPACE_SPIKE, BounceLimit
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE

SPIKES = (WORKSPACE_SPIKE, DOMAIN_SPIKE, MAILBOX_SPIKE)
ENDED_LATELY = 2
"""Steps within the 10 minutes in which the end of a spike ends those below it."""


def without_paging_mailbox(
    counted: Levels, domain: int, span: int, steps: Integers, paging: Flags
) -> tuple[Counts, Counts]:
    """Return what a domain bounced and sent at some steps without the mailbox that pages and has the most."""
    rows = counted.domain_of_mailbox == domain
    paged = paging[rows][:, np.maximum(steps - 1, 0)]
    bounced, sent = (
        rise(whole[[domain]], span)[0, steps] - (rise(parts[rows], span)[:, steps] * paged).max(axis=0)
        for whole, parts in (
            (counted.domain.bounced, counted.mailbox.bounced),
            (counted.domain.sent, counted.mailbox.sent),
        )
    )
    return bounced, sent


def within(flags: Flags, steps: int) -> Flags:
    """Return where a flag was set at any of so many steps."""
    number = np.cumsum(flags, axis=1, dtype=np.int32)
    number[:, steps:] -= number[:, :-steps].copy()
    return number > 0


@dataclass(frozen=True)
class Elsewhere:
    """Where a domain or a workspace begins outside of what paged an evaluation ago."""

    counted: Levels
    quiet: Numbers
    domains: Flags
    mailboxes: Flags

    def workspace(self, window: Window, begun: Flags) -> Flags:
        """Return where a workspace begins outside of the domains and mailboxes that page."""
        steps, span = np.flatnonzero(begun[0]), steps_of(minutes(window.span))
        domain = self.counted.domain
        bounced, sent = rise(domain.bounced, span)[:, steps], rise(domain.sent, span)[:, steps]
        for each in np.unique(self.counted.domain_of_mailbox[self.mailboxes.any(axis=1)]).tolist():
            bounced[each], sent[each] = without_paging_mailbox(
                self.counted, each, span, steps, self.mailboxes
            )
        others = ~self.domains[:, np.maximum(steps - 1, 0)]
        found = np.zeros(begun.shape, bool)
        found[0, steps] = self._is_bad(
            WORKSPACE_SPIKE, window, (bounced * others).sum(axis=0), (sent * others).sum(axis=0), steps
        )
        return found

    def domain(self, window: Window, begun: Flags) -> Flags:
        """Return where domains begin outside of a mailbox that pages, or for a week of one that paged."""
        found, span = np.zeros(begun.shape, bool), steps_of(minutes(window.span))
        paging = within(self.mailboxes, span) if window.span == WEEK else self.mailboxes
        for domain in np.flatnonzero(begun.any(axis=1)).tolist():
            steps = np.flatnonzero(begun[domain])
            rest = without_paging_mailbox(self.counted, domain, span, steps, paging)
            found[domain, steps] = self._is_bad(DOMAIN_SPIKE, window, *rest, steps)
        return found

    def _is_bad(
        self, limit: BounceLimit, window: Window, bounced: Counts, sent: Counts, steps: Integers
    ) -> Flags:
        limits = threshold(limit, window.multiple, self.quiet)[steps]
        bad: Flags = (bounced >= fewest(limit, window)) & (bounced > sent * limits)
        return bad


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
            elsewhere = Elsewhere(self._counted, self._quiet, domains, mailboxes)
            for limit in spikes:
                self._record(limit, self._begins(limit, elsewhere))
            now = self.states[DOMAIN_SPIKE.alert], self.states[MAILBOX_SPIKE.alert]
            if np.array_equal(now[0], domains) and np.array_equal(now[1], mailboxes):
                break
            domains, mailboxes = now

    def _begins(self, limit: BounceLimit, elsewhere: Elsewhere | None = None) -> Flags:
        windows = self._begun[limit.alert]
        if elsewhere is not None and limit.level is not MAILBOX:
            outside = elsewhere.workspace if limit.level is WORKSPACE else elsewhere.domain
            windows = [outside(*each) for each in zip(limit.windows, windows, strict=True)]
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
