"""Lists of addresses: good ones and bad ones, one after another, so that bounces come in runs.

The domains of a workspace send from a few series of lists, its *lanes*. A lane's list lasts LIST_DAYS; its
quality is a factor of its domains' own bounce ratios.
"""

from hashlib import blake2b
from math import exp
from statistics import NormalDist

LIST_DAYS = 9
LARGEST_BOUNCE_RATIO = 0.05

_LOTS = 64
_NORMAL = tuple(NormalDist().inv_cdf((lot + 0.5) / _LOTS) for lot in range(_LOTS))


def lanes(mailboxes: int) -> int:
    """Return how many lists the campaigns of a workspace of some size use at a time."""
    return min(2 + mailboxes // 40, 12)


def quality(workspace_id: str, lane: int, day: int, spread: float) -> float:
    """Return the factor of a lane's list on a day: 1 in the mean, its logarithm normal with a spread."""
    number = (day + 2 * lane) // LIST_DAYS
    lot = blake2b(f"{workspace_id}:{lane}:{number}".encode(), digest_size=1).digest()[0]
    return exp(spread * _NORMAL[lot % _LOTS] - spread**2 / 2)


def bounce_ratio(usual: float, factor: float) -> float:
    """Return the ratio at which mails to a list of some quality bounce; `usual` is its senders' mean."""
    return min(round(usual * factor, 3), LARGEST_BOUNCE_RATIO)
