"""The last incidents: what became critical, and when it was well again."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from exporter.fleet.findings import Count, Finding, Judged, Kind, State, Subject
from exporter.fleet.limits import Level

MOST = 200
"""So many are kept; those that last are, even if they are more."""
MOST_LASTING = 10_000


class Incident(msgspec.Struct):
    """Something critical of a workspace; times are Unix seconds, `until` is `None` while it lasts.

    `part`, `whole` and `hours` are those of the worst finding of it.
    """

    workspace: str
    kind: Kind
    level: Level
    name: str
    since: float
    part: int
    whole: int
    hours: int
    until: float | None = None

    @property
    def subject(self) -> Subject:
        """Return what it is about."""
        return self.kind, self.level, self.name

    @property
    def count(self) -> Count:
        """Return the figures."""
        return Count(self.part, self.whole)

    @property
    def finding(self) -> Finding:
        """Return it as what was found of the workspace."""
        return Finding(State.CRITICAL, *self.subject, self.count, self.hours)


class Incidents:
    """The last incidents of a fleet, the newest last."""

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._all = [*known]

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._all)

    def open_of(self, workspace: str) -> list[Finding]:
        """Return what is critical of a workspace by its label."""
        return [incident.finding for incident in self._all if self._is_open(incident, workspace)]

    def renamed(self, labels: Mapping[str, str]) -> None:
        """Know the incidents of workspaces by other labels, all at once."""
        for incident in self._all:
            incident.workspace = labels.get(incident.workspace, incident.workspace)

    def take(self, workspace: str, judged: Judged, now: float) -> tuple[list[Incident], list[Incident]]:
        """Take in how a workspace is; return the incidents that began and those that ended."""
        critical = judged.critical
        ended = []
        known = set()
        for incident in self._all:
            if not self._is_open(incident, workspace):
                continue
            known.add(incident.subject)
            if finding := critical.get(incident.subject):
                _follow(incident, finding)
            else:
                incident.until = now
                ended.append(incident)
        begun = [
            Incident(
                workspace,
                *subject,
                since=now,
                part=finding.count.part,
                whole=finding.count.whole,
                hours=finding.hours,
            )
            for subject, finding in critical.items()
            if subject not in known
        ]
        self._all += begun
        self._forget_oldest()
        return begun, ended

    def _forget_oldest(self) -> None:
        """Forget the oldest that are over: one that lasts would begin again at the next poll."""
        too_many = len(self._all) - MOST
        kept = []
        for incident in self._all:
            if too_many > 0 and incident.until is not None:
                too_many -= 1
            else:
                kept.append(incident)
        self._all = kept[-MOST_LASTING:]

    def _is_open(self, incident: Incident, workspace: str) -> bool:
        return incident.until is None and incident.workspace == workspace


def _follow(incident: Incident, finding: Finding) -> None:
    """Keep the figures of an incident those at its worst."""
    if (finding.count.bound or 0) >= (incident.count.bound or 0):
        incident.part, incident.whole = finding.count.part, finding.count.whole
        incident.hours = finding.hours
