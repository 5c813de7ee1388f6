"""From recorded states to what people get: `for`, `keep_firing_for`, inhibition, grouping."""

from collections.abc import Mapping

import numpy as np

from evaluation.clock import DAY, steps_of
from evaluation.mails import Flags, Numbers
from evaluation.rises import Levels
from evaluation.shipped import BOUNCE_ALERTS, minutes
from evaluation.states import held, states
from prometheus.table.bounce_limits import LIMITS, BounceLimit
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level


def lasting(true: Flags, steps: int) -> Flags:
    """Return where something is true or was within so many steps."""
    if not steps:
        return true
    step = np.arange(true.shape[1], dtype=np.int32)
    last = np.maximum.accumulate(np.where(true, step, np.int32(-steps - 1)), axis=1)
    found: Flags = step - last <= steps
    return found


def firing(true: Flags, for_minutes: int, keep_minutes: int = 0) -> Flags:
    """Return where an alert fires: from where it was true for `for`, until `keep_firing_for` is over."""
    waited = true.copy()
    for later in range(1, steps_of(for_minutes) + 1):
        waited[:, later:] &= true[:, :-later]
        waited[:, :later] = False
    return held(waited, ~lasting(true, steps_of(keep_minutes)))


def fires(state: Flags, limit: BounceLimit) -> Flags:
    """Return where a shipped alert fires, by its recorded state."""
    rule = BOUNCE_ALERTS[limit.alert]
    true = lasting(state, DAY) if limit.ends is None else state
    return firing(true, minutes(rule.wait), minutes(rule.keep))


def shipped(counted: Levels, quiet: Numbers, *, of_workspace: bool = True) -> dict[str, Flags]:
    """Return where each shipped alert fires, with or without those on the workspace as a whole."""
    limits = [limit for limit in LIMITS if of_workspace or limit.level is not WORKSPACE]
    recorded = states(counted, quiet, limits)
    return {limit.alert: fires(recorded[limit.alert], limit) for limit in limits}


def starts(firing: Flags) -> Flags:
    """Return where alerts begin."""
    begins = firing.copy()
    begins[:, 1:] &= ~firing[:, :-1]
    return begins


def uninhibited(firing: Mapping[str, Flags], domain_of_mailbox: np.ndarray) -> dict[str, Flags]:
    """Leave out what Alertmanager inhibits, by the table's lists."""
    notified = {}
    for name, mine in firing.items():
        left = mine.copy()
        for other in BOUNCE_ALERTS[name].inhibited_by:
            if other in firing:
                left &= ~spread(
                    firing[other], BOUNCE_ALERTS[other].level, BOUNCE_ALERTS[name].level, domain_of_mailbox
                )
        notified[name] = left
    return notified


def spread(source: Flags, of: Level, to: Level, domain_of_mailbox: np.ndarray) -> Flags:
    """Return what is so of a level, for each subject of a level below it."""
    below = of is DOMAIN and to is MAILBOX
    return source[domain_of_mailbox] if below else source


def notifications(notified: Flags) -> np.ndarray:
    """Return the steps of an alert's notifications: what begins at the same step is one."""
    found: np.ndarray = np.flatnonzero(starts(notified).any(axis=0))
    return found
