"""The limit: a CUSUM that knows the ratio before and after the jump (Page 1954; optimal by Lorden 1971)."""

import numpy as np

from evaluation.mails import Flags, Numbers
from evaluation.rises import Rises


def score(rises: Rises, before: float, after: float) -> Numbers:
    """Return the CUSUM of each subject, at each step."""
    good = np.log((1 - after) / (1 - before))
    bad = np.log(after / before)
    total = (rises.sent - rises.bounced) * good + rises.bounced * bad
    lowest = np.minimum.accumulate(np.minimum(total, 0), axis=1)
    scores: Numbers = (total - lowest).astype(np.float32)
    return scores


def peaks(scores: Numbers, since: int) -> Numbers:
    """Return the highest score of each excursion from zero, from a step on: above h is an alarm at h."""
    found = []
    for row in scores[:, since:]:
        begins = np.flatnonzero((row > 0) & (np.concatenate([[0], row[:-1]]) <= 0))
        if len(begins):
            found.append(np.maximum.reduceat(row, begins))
    return np.concatenate(found) if found else np.zeros(0)


def height(excursions: Numbers, alarms: float) -> float:
    """Return the height at which so many excursions alarm."""
    ordered = np.sort(excursions)[::-1]
    return float(ordered[min(int(alarms), len(ordered) - 1)])


def spent(rises: Rises, alarmed: Flags, onset: Numbers) -> list[int]:
    """Return the mails from each onset to its alarm, where there was no alarm before it."""
    found = []
    for place in np.flatnonzero(np.isfinite(onset)):
        since = int(onset[place])
        if not alarmed[place, since - 1] and alarmed[place, since:].any():
            at = since + int(alarmed[place, since:].argmax())
            found.append(int(rises.sent[place, at] - rises.sent[place, since - 1]))
    return found


def first_order_mails(before: float, after: float, mails_per_false_alarm: float) -> float:
    """Return the mean mails until an alarm, by Lorden's first order."""
    information = after * np.log(after / before) + (1 - after) * np.log((1 - after) / (1 - before))
    return float(np.log(mails_per_false_alarm) / information)
