"""From conditions to what people get: `for`, `keep_firing_for`, inhibition, grouping."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.clock import STEP_MINUTES, steps_of
from evaluation.mails import Flags
from evaluation.rules import Alert


def firing(true: Flags, alert: Alert) -> Flags:
    """Return where an alert fires: held true for `for`, and kept for `keep_firing_for` after that."""
    held = true.copy()
    for later in range(1, steps_of(alert.for_minutes - STEP_MINUTES + 1) + 1):
        held[:, later:] &= true[:, :-later]
        held[:, :later] = False
    kept = alert.keep_minutes // STEP_MINUTES
    if not kept:
        return held
    last = np.where(held, np.arange(held.shape[1], dtype=np.int32), np.int32(-kept - 1))
    np.maximum.accumulate(last, axis=1, out=last)
    fires: Flags = np.arange(held.shape[1]) - last <= kept
    return fires


def starts(fires: Flags) -> Flags:
    """Return where alerts begin."""
    begins = fires.copy()
    begins[:, 1:] &= ~fires[:, :-1]
    return begins


def uninhibited(
    fires: Mapping[str, Flags], alerts: Sequence[Alert], domain_of_mailbox: np.ndarray
) -> dict[str, Flags]:
    """Leave out alerts of what lies below something that fires with the same or a worse severity."""
    notified = {}
    for alert in alerts:
        mine = fires[alert.name].copy()
        for other in alerts:
            if other is alert or (other.severity == "warning" and alert.severity == "critical"):
                continue
            source = fires[other.name]
            if other.level == "workspace" and (
                alert.level != "workspace" or other.severity != alert.severity
            ):
                mine &= ~source
            elif other.level == "domain" and alert.level == "mailbox" and not alert.unless:
                mine &= ~source[domain_of_mailbox]
            elif other.unless == alert.name:
                mine &= ~np.logical_or.reduceat(
                    source, np.flatnonzero(np.diff(domain_of_mailbox, prepend=-1)), axis=0
                )
            elif other.level == alert.level and other.severity != alert.severity:
                mine &= ~source
        notified[alert.name] = mine
    return notified


def notifications(notified: Flags) -> np.ndarray:
    """Return the steps of an alert's notifications: what begins at the same step is one."""
    found: np.ndarray = np.flatnonzero(starts(notified).any(axis=0))
    return found
