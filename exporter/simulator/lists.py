"""Lists of addresses: good ones and bad ones, one after another, so that bounces come in runs.

The domains of a workspace send from a few series of lists, its *lanes*. A lane's list lasts LIST_DAYS; its
quality is a factor of its domains' own bounce ratios.
"""

from hashlib import blake2b
from math import exp
from statistics import NormalDist

LIST_DAYS = 9
LARGEST_BOUNCE_RATIO = 0.055

_SPREAD = 0.4  # of the logarithm of the quality
_QUALITIES = 64
_QUALITY = tuple(
    exp(_SPREAD * NormalDist().inv_cdf((place + 0.5) / _QUALITIES) - _SPREAD**2 / 2)
    for place in range(_QUALITIES)
)


def lanes(mailboxes: int) -> int:
    """Return how many lists the campaigns of a workspace of some size use at a time."""
    return min(2 + mailboxes // 40, 12)


def bounce_ratio(usual: float, workspace_id: str, lane: int, day: int) -> float:
    """Return the ratio at which a lane's mails of a day bounce; `usual` is the mean of its senders."""
    number = (day + 2 * lane) // LIST_DAYS
    lot = blake2b(f"{workspace_id}:{lane}:{number}".encode(), digest_size=1).digest()[0]
    return min(round(usual * _QUALITY[lot % _QUALITIES], 3), LARGEST_BOUNCE_RATIO)
