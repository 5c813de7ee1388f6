"""Bodies that were asked for, kept until what they show changes; bounded in bytes."""

from collections.abc import Iterable

from exporter.textformat.body import Body
from exporter.textformat.lines import Format

Key = tuple[Format, frozenset[str] | None]
"""A format, and the workspaces shown; `None` for all."""

_LABEL_COST = 200
"""About how many bytes it takes to know that a body shows a workspace."""


class Kept:
    """Bodies by what they show; the one asked for longest ago is the first to go."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bodies: dict[Key, Body] = {}
        self._showing: dict[str | None, set[Key]] = {}
        self.weight = 0
        """How many bytes are kept, about."""

    def get(self, key: Key) -> Body | None:
        """Return a body."""
        body = self._bodies.pop(key, None)
        if body is not None:
            self._bodies[key] = body
        return body

    def put(self, key: Key, body: Body) -> None:
        """Keep a body, and let others go for it; one that is too large is not kept."""
        self._drop(key)
        if _weight(key, body) > self._most_bytes:
            return
        self._bodies[key] = body
        for label in _labels(key):
            self._showing.setdefault(label, set()).add(key)
        self.weight += _weight(key, body)
        while self.weight > self._most_bytes:
            self._drop(next(iter(self._bodies)))

    def forget(self, labels: Iterable[str]) -> None:
        """Let go the bodies that show these workspaces: they hold on to samples that are no longer shown."""
        for label in (None, *labels):
            for key in [*self._showing.get(label, ())]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        body = self._bodies.pop(key, None)
        if body is None:
            return
        self.weight -= _weight(key, body)
        for label in _labels(key):
            self._showing[label].discard(key)
            if not self._showing[label]:
                del self._showing[label]


def _labels(key: Key) -> Iterable[str | None]:
    labels = key[1]
    return (None,) if labels is None else labels


def _weight(key: Key, body: Body) -> int:
    return body.weight + _LABEL_COST * (len(key[1] or ()) + 1)
