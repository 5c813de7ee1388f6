"""Fleets as they are: how many mailboxes a domain has, and how much each of them sends."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class Part(NamedTuple):
    """Domains that are alike. Each mailbox sends a random number of mails a day."""

    domains: int
    mailboxes: int
    """Of each domain."""
    fewest: int
    most: int


class Fleet(NamedTuple):
    """The mailboxes of one workspace."""

    name: str
    parts: tuple[Part, ...]

    @property
    def domains(self) -> int:
        """Return how many domains there are."""
        return sum(part.domains for part in self.parts)

    @property
    def mailboxes(self) -> int:
        """Return how many mailboxes there are."""
        return sum(part.domains * part.mailboxes for part in self.parts)

    def domain_of_mailbox(self) -> Integers:
        """Return the number of each mailbox's domain, in order."""
        sizes = np.concatenate([np.full(part.domains, part.mailboxes) for part in self.parts])
        return np.repeat(np.arange(self.domains), sizes)

    def daily_mails(self) -> tuple[Integers, Integers]:
        """Return the fewest and the most mails a day of each mailbox."""
        counts = [part.domains * part.mailboxes for part in self.parts]
        return (
            np.repeat([part.fewest for part in self.parts], counts),
            np.repeat([part.most for part in self.parts], counts),
        )


GOOGLE = Fleet("google", (Part(200, 3, 9, 15),))
"""The fleet of the goals: 200 domains of 3 mailboxes at 12 mails a day."""
AZURE = Fleet("azure", (Part(12, 50, 1, 2),))
MIXED = Fleet("mixed", (Part(100, 3, 10, 15), Part(6, 50, 1, 2)))
FORTY = Fleet("forty a day", (Part(60, 10, 30, 50),))
FORTY_SMALL = Fleet("forty a day, one domain of 10", (Part(1, 10, 30, 50),))
FLEETS = (GOOGLE, AZURE, MIXED, FORTY)
