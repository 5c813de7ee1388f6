"""An answer's way from bytes to samples: the one long piece of work, fit for a thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

from exporter.answers.answer import Answer
from exporter.answers.envelope import Body
from exporter.answers.parse import parse
from exporter.answers.unit import AUTO
from exporter.catalogue.kinds import Feed, Rows
from exporter.exposition.rendering import Disclosure, render_base, render_join, roster_of
from exporter.fleet.counters import REGAIN_SECONDS, Totals
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading, Roster
from exporter.fleet.workspace import Workspace

_LEAPING = "performance.sent"
"""The field whose rise cannot be."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How answers are read: which mailboxes count, by address and status, and what is shown of them."""

    disclosure: Disclosure
    keeps: Callable[[str, str], bool] | None = None
    """Without it every mailbox counts."""
    regain_seconds: float = REGAIN_SECONDS
    """How long a total that fell may take to return, and count nothing."""
    unit: str = AUTO
    """What `bounceRate` is in, by the configuration."""

    def read(self, workspace: Workspace, poll: Poll, body: Body) -> tuple[Reading, Totals]:
        """Read an answer to a workspace's poll; return it with the workspace's totals after it.

        An answer whose bytes are the same as the last one's is not read again. Raises
        `envelope.MalformedAnswerError`. Nothing of the workspace is changed.
        """
        feed, last, digest = poll.feed, poll.reading, blake2b(body, digest_size=16).digest()
        is_settled = feed.joins or not workspace.totals.doubts
        if last and last.digest == digest and is_settled and _is_current(last, workspace, feed):
            return last, workspace.totals
        answer = parse(body, feed, self.unit, workspace.unit)
        if feed.rows is not Rows.MAILBOXES:
            return Reading(answer, None, digest), workspace.totals
        if feed.joins:
            return replace(
                self._joined(feed, answer, workspace.roster, last), digest=digest
            ), workspace.totals
        answer = self.kept(answer)
        totals = workspace.totals.after(answer, time.monotonic(), self.regain_seconds)
        if totals.leaps:
            leaps = answer.suspects.get(_LEAPING, 0) + totals.leaps
            answer = replace(answer, suspects={**answer.suspects, _LEAPING: leaps})
        return replace(self._base(feed, answer, totals, workspace.label, last), digest=digest), totals

    def kept(self, answer: Answer) -> Answer:
        """Return the answer with the mailboxes that count."""
        if self.keeps is None:
            return answer
        mailboxes = zip(answer.text("email"), answer.text("status"), strict=True)
        keep = [self.keeps(email or "", status or "") for email, status in mailboxes]
        return answer if all(keep) else answer.where(keep)

    def rejoined(self, workspace: Workspace, roster: Roster | None) -> dict[str, Reading]:
        """Return the readings of the feeds that join which are not of this roster, rendered anew."""
        readings = {}
        for name, poll in workspace.polls.items():
            last = poll.reading
            is_joined = poll.feed.joins and poll.feed.rows is Rows.MAILBOXES
            if is_joined and last and (last.part.roster if last.part else None) is not roster:
                readings[name] = replace(
                    self._joined(poll.feed, last.answer, roster, last), digest=last.digest
                )
        return readings

    def rendered(self, workspace: Workspace, label: str) -> dict[str, Reading]:
        """Return all readings of a workspace, rendered anew under a label."""
        base = workspace.all_time
        if base.reading is None:
            return self.rejoined(workspace, None)
        reading = self._base(base.feed, base.reading.answer, workspace.totals, label, None)
        roster = reading.part.roster if reading.part else None
        return {base.feed.name: reading, **self.rejoined(workspace, roster)}

    def _base(self, feed: Feed, answer: Answer, totals: Totals, label: str, last: Reading | None) -> Reading:
        before = last.part if last else None
        roster = roster_of(label, answer, before.roster if before else None)
        return Reading(answer, render_base(feed, answer, totals, roster, self.disclosure, before))

    def _joined(self, feed: Feed, answer: Answer, roster: Roster | None, last: Reading | None) -> Reading:
        if roster is None:
            return Reading(answer, None)
        return Reading(
            answer, render_join(feed, answer, roster, self.disclosure, last.part if last else None)
        )


def _is_current(last: Reading, workspace: Workspace, feed: Feed) -> bool:
    """Whether the samples of a reading are under the workspace's label and of its roster."""
    if feed.rows is not Rows.MAILBOXES:
        return True
    roster = last.part.roster if last.part else None
    if feed.joins:
        return roster is workspace.roster
    return roster is not None and roster.label == workspace.label
