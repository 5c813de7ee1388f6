"""What the rules read: rises of the counters over windows that end at each step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.clock import DAY
from evaluation.mails import Mails

Counts = NDArray[np.int32]
BUSIEST_OF_DAYS = 7


def rise(totals: Counts, steps: int) -> Counts:
    """Return by how much each total rose within so many steps, at each step."""
    rose = totals.copy()
    rose[:, steps:] -= totals[:, :-steps]
    return rose


@dataclass(frozen=True)
class Rises:
    """The totals of one level: a row for each mailbox or domain, or one for the workspace."""

    sent: Counts
    bounced: Counts

    @property
    def subjects(self) -> int:
        """Return how many rows there are."""
        return len(self.sent)

    def busiest(self) -> Counts:
        """Return what was sent on the busiest of the last whole days, at each day."""
        days = rise(self.sent, DAY)[:, DAY - 1 :: DAY]
        padded = np.pad(days, ((0, 0), (BUSIEST_OF_DAYS, 0)))[:, :-1]
        highest: Counts = np.lib.stride_tricks.sliding_window_view(padded, BUSIEST_OF_DAYS, axis=1).max(
            axis=2
        )
        return highest


@dataclass(frozen=True)
class Levels:
    """One workspace's totals at each level."""

    mailbox: Rises
    domain: Rises
    workspace: Rises
    domain_of_mailbox: NDArray[np.int64]


def levels(mails: Mails) -> Levels:
    """Count mails at each level."""
    domains = mails.fleet.domain_of_mailbox()
    starts = np.flatnonzero(np.diff(domains, prepend=-1))
    totals = [np.cumsum(counts, axis=1, dtype=np.int32) for counts in mails.counts()]
    return Levels(
        Rises(*totals),
        Rises(*(np.add.reduceat(total, starts, axis=0) for total in totals)),
        Rises(*(total.sum(axis=0, keepdims=True, dtype=np.int32) for total in totals)),
        domains,
    )
