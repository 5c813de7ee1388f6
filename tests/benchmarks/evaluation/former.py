"""The bounce alerts of the release before, for comparison: one window, fixed thresholds, no memory."""

from typing import NamedTuple

import numpy as np

from evaluation.clock import DAY, HOUR, WEEK
from evaluation.mails import Flags, Numbers
from evaluation.paging import firing
from evaluation.rises import Levels, Rises, rise
from exporter.wilson import QUANTILES


class Former(NamedTuple):
    """The bound of bounces of sends is above a threshold, with 3 bounces."""

    level: str
    steps: int
    confidence: str
    threshold: float
    happening: bool = True
    """Only with a bounce within 2 h."""
    for_minutes: int = 5


FORMER = {
    "SendKitWorkspaceBounceSpike": Former("workspace", DAY, "99.9", 0.03),
    "SendKitDomainBounceSpike": Former("domain", DAY, "99.9", 0.03),
    "SendKitMailboxBounceSpike": Former("mailbox", DAY, "99.9", 0.05),
    "SendKitMailboxBouncing": Former("mailbox", DAY, "99", 0.03),
    "SendKitMailboxBounceSlowBurn": Former("mailbox", WEEK, "99", 0.02, happening=False, for_minutes=15),
}


def _true(rises: Rises, rule: Former) -> Flags:
    bounced, sent = rise(rises.bounced, rule.steps), rise(rises.sent, rule.steps)
    row, step = np.nonzero(bounced >= 3)
    sends = sent[row, step].astype(float)
    more = np.minimum(bounced[row, step], sends) - sends * rule.threshold
    spread = QUANTILES[rule.confidence] ** 2 * sends * rule.threshold * (1 - rule.threshold)
    beyond = (more > 0) & (more**2 > spread)
    found = np.zeros(bounced.shape, bool)
    found[row[beyond], step[beyond]] = True
    return found & (rise(rises.bounced, 2 * HOUR) > 0) if rule.happening else found


def former(counted: Levels, _: Numbers, *, of_workspace: bool = True) -> dict[str, Flags]:
    """Return where each former alert fires, with or without that on the workspace as a whole."""
    return {
        name: firing(_true(getattr(counted, rule.level), rule), rule.for_minutes)
        for name, rule in FORMER.items()
        if of_workspace or rule.level != "workspace"
    }
