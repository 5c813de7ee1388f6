"""The body of everything, put together again where something changed.

A fleet of many small workspaces has many small pieces, and joining all of them at each change takes longer
than rendering one. So workspaces are joined in groups, and groups to families: a change costs its own group,
and the joining of what is compressed already.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import is_

from exporter.catalogue.kinds import Metric
from exporter.textformat.body import Body, Piece, assemble
from exporter.textformat.lines import Format

Part = Mapping[str, Piece]
"""Pieces by the name of their family; one that is shown is never changed, only replaced."""

_GROUP = 16


class Assembly:
    """The families of all workspaces, as of the last time that they were joined."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families
        self._groups: list[_Joined] = []
        self._everything = _Joined()

    def assemble(self, workspaces: Sequence[Sequence[Part]]) -> dict[Format, Body]:
        """Return the bodies of these workspaces, each given by its parts."""
        batches = [workspaces[first : first + _GROUP] for first in range(0, len(workspaces), _GROUP)]
        del self._groups[len(batches) :]
        self._groups += [_Joined() for _ in batches[len(self._groups) :]]
        for group, batch in zip(self._groups, batches, strict=True):
            group.join([*chain.from_iterable(batch)])
        self._everything.join([group.families for group in self._groups])
        return {format_: assemble([self._everything.families], self._families, format_) for format_ in Format}


class _Joined:
    """Several parts joined to one, `families`; a family whose pieces are the same as before is kept."""

    def __init__(self) -> None:
        self.families: Part = {}
        self._parts: Sequence[Part] = []
        self._pieces: Mapping[str, Sequence[Piece]] = {}

    def join(self, parts: Sequence[Part]) -> None:
        """Join these parts."""
        if len(parts) == len(self._parts) and all(map(is_, parts, self._parts)):
            return
        pieces: dict[str, list[Piece]] = defaultdict(list)
        for part in parts:
            for name, piece in part.items():
                pieces[name].append(piece)
        self.families = {
            name: self.families[name] if self._pieces.get(name) == own else Piece.joined(own)
            for name, own in pieces.items()
        }
        self._parts, self._pieces = parts, pieces
