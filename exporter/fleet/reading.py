"""What the last good answer of a poll became."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.answers.answer import Answer, Texts
from exporter.textformat.body import Piece


@dataclass(frozen=True, slots=True)
class Roster:
    """The mailboxes of a workspace, and the labels that begin all their samples, one row a mailbox."""

    label: str
    ids: Sequence[str]
    emails: Texts
    rows: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """The mailbox samples of one poll by family; `sources` holds the columns they were rendered from."""

    roster: Roster
    sources: Mapping[str, Any]
    pieces: Mapping[str, Piece]

    @property
    def samples(self) -> int:
        """Return how many samples it holds."""
        return sum(piece.samples for piece in self.pieces.values())


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and its samples.

    `part` is `None` while a feed that joins has no roster to join. `digest` is that of the answer's bytes,
    empty where these are no longer known.
    """

    answer: Answer
    part: Part | None
    digest: bytes = b""
