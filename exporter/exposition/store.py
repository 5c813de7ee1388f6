"""What a scrape returns: bodies put together from the samples of every workspace."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from exporter.background import Background
from exporter.catalogue import workspace as catalogue
from exporter.catalogue.kinds import Metric
from exporter.exposition.assembly import Assembly, Part
from exporter.exposition.kept import Kept
from exporter.fleet.workspace import Fleet, Workspace
from exporter.textformat.body import Body, assemble
from exporter.textformat.lines import Format

_KEPT_BYTES = 16 << 20
_FEW = 8
_FIRST_BODY_SECONDS = 5.0

Bodies = Mapping[Format, Body]


class Store:
    """The bodies of the fleet; `families` are those of mailboxes, in order.

    The body of everything is assembled in the background after changes, and a scrape gets the last one.
    """

    def __init__(self, fleet: Fleet, families: Iterable[Metric]) -> None:
        self._fleet = fleet
        self._families = (*catalogue.METRICS, *families)
        self._kept = Kept(_KEPT_BYTES)
        self._changed: set[str] = set()
        self._parts: dict[Workspace, Sequence[Part]] = {}
        self._assembly = Assembly(self._families)
        self._latest: Bodies = {}
        self._has_latest = asyncio.Event()
        self._background = Background(self._begin, self._publish)

    def labels(self) -> list[str]:
        """Return the label of every workspace that has something to show."""
        return [workspace.label for workspace in self._fleet if workspace.own]

    def changed(self, *labels: str) -> None:
        """Show these workspaces anew."""
        self._kept.forget(labels)
        self._changed.update(labels)
        self._background.want()

    def series(self) -> int:
        """Return how many samples a scrape of everything gets."""
        return sum(workspace.samples for workspace in self._fleet)

    async def latest(self, format_: Format) -> Body:
        """Return all samples as last assembled, without the end; only the first body is waited for."""
        lacks_first = len(self._fleet) > 0 and not self._latest
        if self._changed or lacks_first:
            self._background.want()
        if lacks_first:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_latest.wait(), _FIRST_BODY_SECONDS)
        return self._latest.get(format_) or Body()

    async def chosen(self, format_: Format, labels: frozenset[str]) -> Body:
        """Return the samples of the workspaces named as they are now; many are put together in a thread.

        Raises `KeyError` with the first label that is unknown.
        """
        if len(labels) <= _FEW:
            return self.body(format_, labels)
        parts = _parts_of(self._named(labels))
        return await asyncio.to_thread(assemble, parts, self._families, format_)

    def body(self, format_: Format, labels: frozenset[str] | None = None) -> Body:
        """Return all samples, or those of the workspaces named, as they are now; it is not to be changed.

        Raises `KeyError` with the first label that is unknown.
        """
        body = self._kept.get((format_, labels))
        if body is None:
            workspaces = self._fleet if labels is None else self._named(labels)
            body = assemble(_parts_of(workspaces), self._families, format_)
            self._kept.put((format_, labels), body)
        return body

    def _named(self, labels: frozenset[str]) -> Sequence[Workspace]:
        named = [workspace for workspace in self._fleet if workspace.label in labels and workspace.own]
        for label in sorted(labels - {workspace.label for workspace in named}):
            raise KeyError(label)
        return named

    def _begin(self) -> Callable[[], Bodies]:
        """Note what every workspace shows at this moment, and return what assembles it."""
        changed, self._changed = self._changed, set()
        before, self._parts = self._parts, {}
        for workspace in self._fleet:
            if workspace.label in changed or workspace not in before:
                self._parts[workspace] = _parts_of([workspace])
            else:
                self._parts[workspace] = before[workspace]
        workspaces = [*self._parts.values()]
        return lambda: self._assembly.assemble(workspaces)

    def _publish(self, bodies: Bodies) -> None:
        self._latest = bodies
        self._has_latest.set()


def _parts_of(workspaces: Iterable[Workspace]) -> list[Part]:
    """Return the parts of workspaces, one after the other."""
    parts: list[Part] = []
    for workspace in workspaces:
        parts += [workspace.own, *(part.pieces for part in workspace.parts())]
    return parts
