"""What a scrape hands out: bodies put together from the samples of every workspace."""

from collections.abc import Iterable, Sequence

from exporter.catalogue import workspace as catalogue
from exporter.catalogue.kinds import Metric
from exporter.fleet.workspace import Fleet, Workspace
from exporter.textformat.body import Body, assemble
from exporter.textformat.lines import Format

_KEPT_BODIES = 1024


class Store:
    """The bodies of the fleet, each made once per change; `families` are those of mailboxes, in order."""

    def __init__(self, fleet: Fleet, families: Iterable[Metric]) -> None:
        self._fleet = fleet
        self._families = (*catalogue.METRICS, *families)
        self._bodies: dict[tuple[Format, frozenset[str] | None], Body] = {}

    def labels(self) -> list[str]:
        """Return the label of every workspace that has something to show."""
        return [workspace.label for workspace in self._fleet if workspace.own]

    def changed(self, *labels: str) -> None:
        """Forget the bodies that show these workspaces: they hold on to samples that are no longer shown."""
        self._bodies = {
            (format_, shown): body
            for (format_, shown), body in self._bodies.items()
            if shown is not None and shown.isdisjoint(labels)
        }

    def series(self) -> int:
        """Return how many samples a scrape of everything gets."""
        return sum(workspace.samples for workspace in self._fleet)

    def body(self, format_: Format, labels: frozenset[str] | None = None) -> Body:
        """Return all samples, or those of the workspaces named, without the end; it is not to be changed.

        Raises `KeyError` with the first label that is unknown.
        """
        body = self._bodies.get((format_, labels))
        if body is None:
            parts = []
            for workspace in self._chosen(labels):
                parts += [workspace.own, *(part.pieces for part in workspace.parts())]
            body = assemble(parts, self._families, format_)
            if len(self._bodies) >= _KEPT_BODIES:
                self._bodies.clear()
            self._bodies[format_, labels] = body
        return body

    def _chosen(self, labels: frozenset[str] | None) -> Sequence[Workspace]:
        if labels is None:
            return list(self._fleet)
        by_label = {workspace.label: workspace for workspace in self._fleet if workspace.own}
        for label in sorted(labels - by_label.keys()):
            raise KeyError(label)
        return [workspace for label, workspace in by_label.items() if label in labels]
