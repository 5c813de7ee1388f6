"""What a scrape hands out: the rendered parts of every workspace, and bodies put together from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter import exposition
from exporter.exposition import Body, Format, Piece
from exporter.fleet import Key
from exporter.metrics import MAILBOX_METRICS, WORKSPACE_METRICS
from exporter.rendering import Part

CATALOGUE = (*WORKSPACE_METRICS, *MAILBOX_METRICS)
_KEPT_BODIES = 1024


@dataclass(slots=True)
class _Shelf:
    """One workspace's parts; `version` changes with them."""

    label: str
    own: Mapping[str, Piece] = field(default_factory=dict)
    windows: dict[str, Part] = field(default_factory=dict)
    version: int = 0
    samples: int = 0

    def parts(self) -> Iterable[Mapping[str, Piece]]:
        yield self.own
        for part in self.windows.values():
            yield part.pieces


class Store:
    """The rendered parts by workspace key; bodies are made once per change."""

    def __init__(self) -> None:
        self._shelves: dict[Key, _Shelf] = {}
        self._changes = 0
        self._bodies: dict[tuple[Format, frozenset[str] | None], tuple[int, Body]] = {}

    def labels(self) -> list[str]:
        """Return the label of every workspace that has something to show."""
        return [shelf.label for shelf in self._shelves.values()]

    def part(self, key: Key, window: str) -> Part | None:
        """Return the part rendered last for a window, if there is one."""
        shelf = self._shelves.get(key)
        return shelf.windows.get(window) if shelf else None

    def put(self, key: Key, label: str, own: Mapping[str, Piece], windows: Mapping[str, Part]) -> None:
        """Replace the workspace's own part, and those of the windows named; the others stay."""
        shelf = self._shelves.setdefault(key, _Shelf(label))
        shelf.label, shelf.own = label, own
        shelf.windows.update(windows)
        self._changed(shelf)

    def drop_window(self, key: Key, window: str) -> None:
        """Drop a window's mailbox samples."""
        shelf = self._shelves.get(key)
        if shelf and shelf.windows.pop(window, None):
            self._changed(shelf)

    def drop(self, key: Key) -> None:
        """Drop all that a workspace has."""
        if self._shelves.pop(key, None):
            self._changes += 1

    def _changed(self, shelf: _Shelf) -> None:
        self._changes += 1
        shelf.version = self._changes
        shelf.samples = sum(piece.samples for part in shelf.parts() for piece in part.values())

    def series(self) -> int:
        """Return how many samples a scrape of everything gets."""
        return sum(shelf.samples for shelf in self._shelves.values())

    def body(self, format_: Format, labels: frozenset[str] | None = None) -> Body:
        """Return all samples, or those of the workspaces named, without the end; it is not to be changed.

        Raises `KeyError` with the first label that is unknown.
        """
        shelves = list(self._shelves.values())
        version = self._changes
        if labels is not None:
            for label in sorted(labels - {shelf.label for shelf in shelves}):
                raise KeyError(label)
            shelves = [shelf for shelf in shelves if shelf.label in labels]
            version = max(shelf.version for shelf in shelves)
        known = self._bodies.get((format_, labels))
        if known and known[0] == version:
            return known[1]
        parts = [part for shelf in shelves for part in shelf.parts()]
        body = exposition.assemble(parts, CATALOGUE, format_)
        if len(self._bodies) >= _KEPT_BODIES:
            self._bodies.clear()
        self._bodies[format_, labels] = version, body
        return body
