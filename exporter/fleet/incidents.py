"""The last incidents: what became critical, and when it was well again."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from exporter.fleet.findings import Count, Finding, Judged, Kind, State, Subject
from exporter.fleet.limits import Level

MOST = 200
"""So many are kept, or more while more of them last."""
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
    """The last incidents of a fleet, the newest last.

    `MOST` are kept, and all that last, up to `MOST_LASTING`: beyond that none begins.
    """

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._take_in(known)

    def _take_in(self, known: Iterable[Incident]) -> None:
        """Know these incidents alone; of two that last and are about the same, the first one goes on."""
        self._all, self._lasting = list[Incident](), dict[str, dict[Subject, Incident]]()
        for incident in known:
            if incident.until is None:
                # By workspace, since each poll asks for those of one.
                lasting = self._lasting.setdefault(incident.workspace, {})
                if lasting.setdefault(incident.subject, incident) is not incident:
                    continue
            self._all.append(incident)
        self._number_lasting = sum(map(len, self._lasting.values()))

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._without_oldest())

    @property
    def workspaces(self) -> AbstractSet[str]:
        """Return the workspaces of which something is critical."""
        return self._lasting.keys()

    def open_of(self, workspace: str) -> list[Finding]:
        """Return what is critical of a workspace by its label."""
        return [incident.finding for incident in self._lasting.get(workspace, {}).values()]

    def renamed(self, labels: Mapping[str, str]) -> None:
        """Know the incidents of workspaces by other labels, all at once.

        After a restart one may be known by both, as it began anew: the older one goes on.
        """
        for incident in self._all:
            incident.workspace = labels.get(incident.workspace, incident.workspace)
        self._take_in(self._all)

    def take(self, workspace: str, judged: Judged, now: float) -> tuple[list[Incident], list[Incident]]:
        """Take in how a workspace is; return the incidents that began and those that ended."""
        critical, lasting = judged.critical, self._lasting.pop(workspace, {})
        ended = []
        for subject, incident in list(lasting.items()):
            if finding := critical.get(subject):
                _follow(incident, finding)
            else:
                incident.until = now
                ended.append(lasting.pop(subject))
        self._number_lasting -= len(ended)
        new = [
            Incident(
                workspace,
                *subject,
                since=now,
                part=finding.count.part,
                whole=finding.count.whole,
                hours=finding.hours,
            )
            for subject, finding in critical.items()
            if subject not in lasting
        ]
        begun = new[: MOST_LASTING - self._number_lasting]
        lasting.update((incident.subject, incident) for incident in begun)
        self._number_lasting += len(begun)
        if lasting:
            self._lasting[workspace] = lasting
        self._all += begun
        if len(self._all) > 2 * MOST + self._number_lasting:  # seldom, as it looks at all of them
            self._all = self._without_oldest()
        return begun, ended

    def _without_oldest(self) -> list[Incident]:
        """Return what is kept: the oldest that are over go first, as one that lasts would begin again."""
        too_many = len(self._all) - MOST
        kept = []
        for incident in self._all:
            if too_many > 0 and incident.until is not None:
                too_many -= 1
            else:
                kept.append(incident)
        return kept


def _follow(incident: Incident, finding: Finding) -> None:
    """Keep the figures of an incident those at its worst."""
    if (finding.count.bound or 0) >= (incident.count.bound or 0):
        incident.part, incident.whole = finding.count.part, finding.count.whole
        incident.hours = finding.hours
