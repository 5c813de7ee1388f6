"""Watches the mail of workspaces: what became critical, what is well again, and what is saved of it."""

from dataclasses import dataclass, replace

import structlog

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Feed
from exporter.fleet.counters import Totals
from exporter.fleet.findings import OF_DATA, Finding, Judged, Kind
from exporter.fleet.history import History
from exporter.fleet.incidents import Incident
from exporter.fleet.judged import judged, judged_data
from exporter.fleet.key import Key
from exporter.fleet.limits import Level
from exporter.fleet.listed import Checkup
from exporter.fleet.poll import Instant
from exporter.fleet.recent import Recent, left_active, rises
from exporter.fleet.recent_saved import SavedRecent
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import checkups, details, overview

SAVE_SECONDS = 600
"""How often the recent past of a workspace is saved, at most: it weighs as much as a poll."""

_log = structlog.get_logger(__name__)

NONE_KEPT = "mailboxes.include, exclude and statuses leave all mailboxes out"


@dataclass(frozen=True, slots=True)
class Lately:
    """The last day and week of a workspace, and how its mail is by that."""

    recent: Recent
    judged: Judged


class Watch:
    """Keeps the recent past of workspaces, and the incidents of the fleet."""

    def __init__(self, fleet: Fleet, state: StateDirectory | None) -> None:
        self._fleet = fleet
        self._state = state
        self._saved: dict[Key, float] = {}

    def lately(self, workspace: Workspace, answer: Answer, totals: Totals, now: float) -> Lately:
        """Return how a workspace is with an answer, and save its recent past; fit for a thread."""
        last = workspace.all_time.answer
        rose = rises(workspace.totals, totals, answer)
        left = left_active(last, answer, workspace.recent.left, now)
        recent = workspace.recent.after(rose, left, now)
        if self._state and rose and now - self._saved.get(workspace.key, 0.0) >= SAVE_SECONDS:
            self._saved[workspace.key] = now
            self._state.keep(_name(workspace.key), SavedRecent.of(recent))
        before = workspace.judged.critical.keys()
        details_answer, overview_answer = (_latest(workspace, feed.NAME) for feed in (details, overview))
        parked = details.parked(details_answer) if details_answer else frozenset[str]()
        history = History.of(totals)
        found = judged(recent, answer, workspace.thresholds, before, parked, history)
        if overview_answer and overview.has_no_campaign(overview_answer):
            findings = [finding for finding in found.findings if finding.kind is not Kind.STALLED]
            found = replace(found, findings=findings)
        listed = _listed(workspace, now)
        return Lately(recent, replace(found, findings=[*listed, *found.findings]))

    def took(self, workspace: Workspace, lately: Lately) -> None:
        """Note how a workspace is now; what changed is written to the log."""
        workspace.recent, workspace.judged = lately.recent, lately.judged
        self._note(workspace.label, lately.judged, lately.recent.now)

    def answered(self, workspace: Workspace, feed: Feed, answer: Answer, now: float) -> None:
        """Note what an answer says of the configuration, and that of a collector of the mail."""
        _note_unit(workspace, answer)
        if not feed.joins:
            _note_left_out(workspace, answer)
        if feed.name == checkups.NAME:
            listed = _listed(workspace, now)
            others = [each for each in workspace.judged.findings if each.kind is not Kind.LISTED]
            workspace.judged = replace(workspace.judged, findings=[*listed, *others])
            self._note(workspace.label, workspace.judged, now)

    def failed(self, workspace: Workspace, now: Instant) -> None:
        """Note that a poll of the base feed failed, with what that says of the data."""
        findings = [*judged_data(workspace.all_time, now), *workspace.judged.findings]
        self._note(workspace.label, replace(workspace.judged, findings=findings), now.unix)

    def ended(self, workspace: Workspace, now: float) -> None:
        """Note that a workspace is gone, and all that was critical of it."""
        self._saved.pop(workspace.key, None)
        self._note(workspace.label, Judged(), now)

    def ended_elsewhere(self, now: float) -> None:
        """Note that all is over of workspaces that are gone, as those that left while no exporter ran."""
        for label in self._fleet.incidents.workspaces - {workspace.label for workspace in self._fleet}:
            self._note(label, Judged(), now)

    def _note(self, label: str, found: Judged, now: float) -> None:
        begun, over = self._fleet.incidents.take(label, found, now)
        for incident in begun:
            _log.warning("incident began", **_words(incident))
        for incident in over:
            _log.info("incident ended", **_words(incident), seconds=round(now - incident.since))
        self._fleet.changes += bool(begun or over)


def _note_unit(workspace: Workspace, answer: Answer) -> None:
    """Remember what an answer proves of `bounceRate`; a change is written to the log, once."""
    if answer.proven_unit in {"", workspace.unit}:
        return
    workspace.unit = answer.proven_unit
    if answer.proven_unit == answer.unit:
        _log.info("the API's bounceRate has a unit", workspace=workspace.label, unit=answer.unit)
    else:
        _log.warning(
            "api.bounce_rate_unit is wrong: the API's figures contradict it",
            workspace=workspace.label,
            configured=answer.unit,
            found=answer.proven_unit,
        )


def _note_left_out(workspace: Workspace, answer: Answer) -> None:
    """Write to the log, once, that none of the mailboxes is exported."""
    keeps_none = bool(answer.left_out and not len(answer))
    if keeps_none and not workspace.keeps_none:
        _log.warning(NONE_KEPT, workspace=workspace.label, mailboxes=answer.left_out)
    workspace.keeps_none = keeps_none


def restore(fleet: Fleet, state: StateDirectory) -> None:
    """Take in what was saved of the workspaces that there are; the incidents are known."""
    for workspace in fleet:
        lasting = fleet.incidents.open_of(workspace.label)
        workspace.judged = Judged([finding for finding in lasting if finding.kind not in OF_DATA])
        saved = state.kept(_name(workspace.key), SavedRecent)
        try:
            workspace.recent = saved.recent() if saved else Recent()
        except IndexError:
            _log.error("state: the last day of a workspace is damaged", workspace=workspace.label)


def _listed(workspace: Workspace, now: float) -> list[Finding]:
    """Return whether more mailboxes are on blacklists, as far as the collector of tests knows."""
    answer = _latest(workspace, checkups.NAME)
    newest = checkups.newest_blacklist(answer) if answer else None
    if newest is None:
        return []
    workspace.checkups.take(Checkup(*newest), now)
    return list(workspace.checkups.findings(workspace.judged.findings))


def _latest(workspace: Workspace, collector: str) -> Answer | None:
    """Return the last answer of a collector, if it is on and has one."""
    poll = workspace.polls.get(collector)
    return poll.answer if poll else None


def _name(key: Key) -> str:
    return StateDirectory.name_of(key, "recent")


def _words(incident: Incident) -> dict[str, object]:
    where = {} if incident.level is Level.WORKSPACE else {_LABELS[incident.level]: incident.name}
    words: dict[str, object] = {"workspace": incident.workspace, **where, "what": incident.kind.value}
    if incident.kind in OF_DATA:
        return words
    bound = incident.count.bound
    at_least = {} if bound is None else {"at_least": round(bound, 4)}
    return {**words, "found": incident.part, "of": incident.whole, "hours": incident.hours, **at_least}


_LABELS = {Level.DOMAIN: "domain", Level.MAILBOX: "mailbox_id"}
