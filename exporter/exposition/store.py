"""What a scrape hands out: the rendered parts of every workspace, and bodies put together from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.exposition import body as exposition
from exporter.exposition.body import Body, Format, Piece
from exporter.exposition.rendering import Part
from exporter.fleet.fleet import Key
from exporter.metrics import MAILBOX_METRICS, WORKSPACE_METRICS

CATALOGUE = (*WORKSPACE_METRICS, *MAILBOX_METRICS)
_KEPT_BODIES = 1024


@dataclass(slots=True)
class _Shelf:
    """One workspace's parts, and how many samples they hold."""

    label: str
    own: Mapping[str, Piece] = field(default_factory=dict)
    windows: dict[str, Part] = field(default_factory=dict)
    samples: int = 0

    def parts(self) -> Iterable[Mapping[str, Piece]]:
        yield self.own
        for part in self.windows.values():
            yield part.pieces

    def count(self) -> None:
        """Count the samples again."""
        self.samples = sum(piece.samples for part in self.parts() for piece in part.values())


class Store:
    """The rendered parts by workspace key; bodies are made once per change."""

    def __init__(self) -> None:
        self._shelves: dict[Key, _Shelf] = {}
        self._bodies: dict[tuple[Format, frozenset[str] | None], Body] = {}

    def labels(self) -> list[str]:
        """Return the label of every workspace that has something to show."""
        return [shelf.label for shelf in self._shelves.values()]

    def put(self, key: Key, label: str, own: Mapping[str, Piece], windows: Mapping[str, Part]) -> None:
        """Replace the workspace's own part, and those of the windows named; the others stay."""
        shelf = self._shelves.setdefault(key, _Shelf(label))
        self._forget_bodies(shelf.label, label)
        shelf.label, shelf.own = label, own
        shelf.windows.update(windows)
        shelf.count()

    def drop_window(self, key: Key, window: str) -> None:
        """Drop a window's mailbox samples."""
        shelf = self._shelves.get(key)
        if shelf and shelf.windows.pop(window, None):
            self._forget_bodies(shelf.label)
            shelf.count()

    def drop(self, key: Key) -> None:
        """Drop all that a workspace has."""
        shelf = self._shelves.pop(key, None)
        if shelf:
            self._forget_bodies(shelf.label)

    def _forget_bodies(self, *labels: str) -> None:
        """Forget the bodies that show these workspaces: they hold on to pieces that are no longer shown."""
        self._bodies = {
            (format_, shown): body
            for (format_, shown), body in self._bodies.items()
            if shown is not None and shown.isdisjoint(labels)
        }

    def series(self) -> int:
        """Return how many samples a scrape of everything gets."""
        return sum(shelf.samples for shelf in self._shelves.values())

    def body(self, format_: Format, labels: frozenset[str] | None = None) -> Body:
        """Return all samples, or those of the workspaces named, without the end; it is not to be changed.

        Raises `KeyError` with the first label that is unknown.
        """
        body = self._bodies.get((format_, labels))
        if body is None:
            parts = [part for shelf in self._chosen(labels) for part in shelf.parts()]
            body = exposition.assemble(parts, CATALOGUE, format_)
            if len(self._bodies) >= _KEPT_BODIES:
                self._bodies.clear()
            self._bodies[format_, labels] = body
        return body

    def _chosen(self, labels: frozenset[str] | None) -> list[_Shelf]:
        shelves = list(self._shelves.values())
        if labels is None:
            return shelves
        for label in sorted(labels - {shelf.label for shelf in shelves}):
            raise KeyError(label)
        return [shelf for shelf in shelves if shelf.label in labels]
