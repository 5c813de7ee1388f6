"""How the mail is, in one sentence: the worst by name, with its numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.fleet.findings import Finding, Kind, State
from exporter.fleet.limits import Level as Rank
from exporter.nouns import several
from exporter.page import wording
from exporter.page.poll_state import Level
from exporter.page.polls import Seen

LEVELS: dict[State, Level] = {State.OK: "good", State.WARNING: "warn", State.CRITICAL: "bad"}
THIN_SENDS = 20
"""With fewer mails in 24 h little can be said."""


@dataclass(frozen=True, slots=True)
class Mail:
    """The state of the mail of one workspace or of all, in a sentence."""

    state: State
    summary: str
    is_known: bool = True
    """Whether there were mails enough to say so."""
    worst: Finding | None = None
    """What is worst, if something is wrong."""

    @property
    def level(self) -> Level:
        """Return its level of urgency."""
        return LEVELS[self.state] if self.is_known else "wait"

    @classmethod
    def of(cls, workspaces: Sequence[Seen]) -> "Mail":
        """Return how the mail of these workspaces is, as far as their data counts."""
        known = [seen for seen in workspaces if seen.answers]
        found = [(seen, finding) for seen in known for finding in seen.judged.findings]
        worst = State.worst(finding for _, finding in found)
        if worst is not State.OK:
            return _trouble([each for each in found if each[1].state is worst], workspaces)
        current = [seen for seen in workspaces if seen.is_current]
        if workspaces and not current:
            what = "No new data" if known else "No data"
            return cls(State.OK, f"{what}: what bounces now is not known", is_known=False)
        if not known:
            return cls(State.OK, "No mail is known yet", is_known=False)
        return _quiet(current, len(workspaces))


def _trouble(found: Sequence[tuple[Seen, Finding]], workspaces: Sequence[Seen]) -> Mail:
    """Return the worst of findings of one state in words, and how many others there are."""
    seen, worst = min(
        found,
        key=lambda each: (
            each[1].level is Rank.MAILBOX,
            -(each[1].count.bound or 0),
            list(Rank).index(each[1].level),
            each[0].label,
        ),
    )
    text = describe(worst, seen.label, seen.name_of(worst))
    if len(workspaces) > 1 and worst.level is not Rank.WORKSPACE:
        text += f" ({seen.label})"
    if worst.state is State.WARNING:
        count = several(len(found), "warning")
        text = f"{count}: {text}" if len(found) == 1 else f"{count}, the worst: {text}"
        return Mail(worst.state, text, worst=worst)
    others = Counter(
        other.level for each, other in found if each is not seen or not _is_same_incident(other, worst)
    )
    listed = [several(others[level], level.value) for level in Rank if others[level]]
    text = f"{text}; also critical: {', '.join(listed)}" if listed else text
    return Mail(worst.state, text, worst=worst)


def _is_same_incident(other: Finding, worst: Finding) -> bool:
    """Whether a finding of the same workspace is the worst one, or its bounces as a whole or in part."""
    return other is worst or (
        other.kind is worst.kind is Kind.BOUNCES and Rank.WORKSPACE in (other.level, worst.level)
    )


def describe(finding: Finding, workspace: str, name: str) -> str:  # noqa: PLR0911 - one for each kind
    """Return a finding in words, with its numbers; `name` is what it is about."""
    part, whole = wording.number(finding.count.part), wording.number(finding.count.whole)
    match finding.kind:
        case Kind.BOUNCES:
            least = wording.at_least(finding.count.bound)
            return f"{name or workspace} bounces: {part} of {whole} in {finding.hours} h{least}"
        case Kind.LEAVING:
            return f"{workspace} loses mailboxes: {part} of {whole} are no longer active within an hour"
        case Kind.STALLED:
            return f"{workspace} sends nothing: 0 mails in {finding.hours} h, {whole} in those of a week ago"
        case Kind.LISTED:
            return f"More mailboxes of {workspace} are on blacklists: {part} of {whole} in the newest test"
        case Kind.REFUSED:
            return f"{workspace} has no new data: the key is refused"
        case Kind.KEYLESS:
            return f"{workspace} has no new data: it has no usable key"
        case Kind.STALE:
            return f"{workspace} has no new data: polls fail"
        case _:
            which = (
                "is no longer active or bounces"
                if finding.count.part == 1
                else "are no longer active or bounce"
            )
            return f"{name} is unhealthy: {part} of {whole} mailboxes {which} too much"


def _quiet(current: Sequence[Seen], total: int) -> Mail:
    """Return that nothing bounces too much, by how many mails; `current` of all workspaces get new data."""
    days = [seen.judged.day for seen in current if seen.answers]
    bounced, sent = sum(day.part for day in days), sum(day.whole for day in days)
    if sent < THIN_SENDS:
        seen = f"{wording.number(sent)} seen in 24 h"
        return Mail(State.OK, f"Too few mails to judge yet: {seen}", is_known=False)
    is_part = len(current) < total
    where = f" in {len(current)} of {several(total, 'workspace')}" if is_part else ""
    return Mail(State.OK, f"No bounce spike{where}: {wording.part_of(bounced, sent)} bounced in 24 h")
