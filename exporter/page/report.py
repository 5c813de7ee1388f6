"""What the page shows of workspaces, domains and mailboxes, as rows and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from exporter.answers.answer import domain_of
from exporter.catalogue.kinds import ALL_TIME
from exporter.fleet.findings import Count, Finding, Kind, State
from exporter.fleet.incidents import Incident
from exporter.fleet.limits import Level
from exporter.page import wording
from exporter.page.headline import Headline
from exporter.page.mail import Mail, describe
from exporter.page.poll_state import Level as Urgency
from exporter.page.polls import Seen
from exporter.page.runbooks import alert_of

if TYPE_CHECKING:
    from exporter.page.status import View

_STATES: dict[Urgency, State] = {
    "good": State.OK,
    "wait": State.WARNING,
    "warn": State.WARNING,
    "bad": State.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of a workspace: how its mail is, and what it sent and bounced in 24 h."""

    workspace: str
    name: str
    state: State
    mailboxes: int
    day: Count
    kinds: tuple[Kind, ...]
    is_current: bool
    """Whether its figures are of now."""


def domains(workspaces: Sequence[Seen]) -> list[Domain]:
    """Return the domains of workspaces whose data counts, the worst first."""
    found = [domain for seen in workspaces if seen.answers for domain in _domains(seen)]
    return sorted(
        found,
        key=lambda each: (
            -each.state.rank,
            -(each.day.bound or 0),
            -each.day.whole,
            each.workspace,
            each.name,
        ),
    )


def _domains(seen: Seen) -> list[Domain]:
    mailboxes: dict[str, int] = {}
    for email in seen.answers[ALL_TIME].text("email"):
        name = domain_of(email)
        mailboxes[name] = mailboxes.get(name, 0) + 1
    found: dict[str, list[Finding]] = {}
    for finding in seen.judged.findings:
        if finding.level is Level.DOMAIN:
            found.setdefault(finding.name, []).append(finding)
    day = seen.recent.domains.day.total
    return [
        Domain(
            seen.label,
            name,
            State.worst(found.get(name, ())),
            number,
            Count(*day.of(name)),
            tuple(finding.kind for finding in found.get(name, ())),
            seen.is_current,
        )
        for name, number in mailboxes.items()
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """An incident in words, with its times."""

    text: str
    workspace: str
    since: datetime
    until: datetime | None
    alert: str
    """Whose runbook says what to do."""

    @classmethod
    def of(cls, incident: Incident, view: "View") -> "Told":
        """Return an incident as the page tells it."""
        finding = incident.finding
        seen = next((seen for seen in view.workspaces if seen.label == incident.workspace), None)
        name = seen.name_of(finding) if seen else incident.name
        return cls(
            describe(finding, incident.workspace, name),
            incident.workspace,
            datetime.fromtimestamp(incident.since, UTC),
            None if incident.until is None else datetime.fromtimestamp(incident.until, UTC),
            alert_of(finding),
        )


def document(view: "View") -> dict[str, Any]:
    """Return the page's content as JSON: states are `ok`, `warning` or `critical`, ratios 0-1."""
    mail, data = Mail.of(view.workspaces), Headline.of(view.workspaces, view.notices)
    states = {seen.label: _STATES[seen.state.level] for seen in view.workspaces}
    return {
        "mail": {"state": mail.state, "summary": wording.short(mail.summary)},
        "data": {"state": _STATES[data.level], "summary": wording.short(data.text)},
        "workspaces": [_workspace(seen) for seen in view.workspaces],
        "domains": [
            {
                "workspace": wording.short(each.workspace),
                "domain": wording.short(each.name),
                "mail": each.state,
                "data": states[each.workspace],
                "mailboxes": each.mailboxes,
                **_day(each.day),
            }
            for each in domains(view.workspaces)
        ],
        "mailboxes": [mailbox for seen in view.workspaces for mailbox in _mailboxes(seen)],
        "incidents": [
            {
                "workspace": wording.short(incident.workspace),
                "summary": wording.short(Told.of(incident, view).text),
                "since": incident.since,
                "until": incident.until,
            }
            for incident in view.incidents
        ],
    }


def _day(day: Count) -> dict[str, float | None]:
    return {"bounced_24h": day.part, "sent_24h": day.whole, "bounce_ratio_lower_bound": day.bound}


def _workspace(seen: Seen) -> dict[str, Any]:
    answer = seen.answers.get(ALL_TIME)
    return {
        "name": wording.short(seen.label),
        "mail": Mail.of([seen]).state,
        "data": _STATES[seen.state.level],
        "mailboxes": None if answer is None else len(answer),
        **_day(seen.judged.day),
    }


def _mailboxes(seen: Seen) -> list[dict[str, Any]]:
    """Return the mailboxes in trouble: those that bounce too much, or left `active` within a week."""
    if not seen.answers:
        return []
    answer = seen.answers[ALL_TIME]
    statuses, emails = answer.text("status"), answer.text("email")
    rows = {mailbox_id: row for row, mailbox_id in enumerate(answer.ids)}
    reasons: dict[str, list[str]] = {
        finding.name: [describe(finding, seen.label, seen.name_of(finding))]
        for finding in seen.judged.findings
        if finding.level is Level.MAILBOX and finding.name in rows
    }
    parked = seen.parked or ()
    for mailbox_id in seen.recent.left:
        if mailbox_id in rows and mailbox_id not in parked:
            reasons.setdefault(mailbox_id, []).append(f"status is {statuses[rows[mailbox_id]]}")
    for mailbox_id, error in seen.last_errors.items():
        if mailbox_id in rows:
            reasons.setdefault(mailbox_id, []).append(f"last error: {error}")
    return [
        {
            "workspace": wording.short(seen.label),
            "domain": wording.short(domain_of(emails[rows[mailbox_id]])),
            "mailbox_id": wording.short(mailbox_id),
            "email": wording.short(seen.disclosure.email(emails[rows[mailbox_id]] or "")),
            "reasons": [wording.short(reason) for reason in found],
        }
        for mailbox_id, found in reasons.items()
    ]
