"""The polls of a workspace as people see them: their state, their cause of trouble, a row each."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import ALL_TIME
from exporter.catalogue.workspace import Reason
from exporter.exposition.privacy import addresses_shown
from exporter.exposition.rendering import Disclosure
from exporter.fleet.findings import Finding, Judged
from exporter.fleet.limits import Level
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.recent import Recent
from exporter.page import wording
from exporter.page.poll_state import State
from exporter.sendkit.feeds import details

_REASONS = {
    Reason.AUTH: "the key is refused",
    Reason.RATE_LIMITED: "the API limits our requests",
    Reason.TIMEOUT: "no answer in time",
    Reason.NETWORK: "the API cannot be reached",
    Reason.SERVER_ERROR: "the API fails",
    Reason.CLIENT_ERROR: "the API rejects the request",
    Reason.MALFORMED: "the answer cannot be understood",
    Reason.TOO_LARGE: "the answer is too large",
}


@dataclass(frozen=True)
class Seen:
    """A workspace as it was when looked at; its polls are copies, the all-time one among them."""

    label: str
    thresholds: Mapping[str, float]
    polls: Mapping[str, Poll]
    now: Instant
    recent: Recent = field(default_factory=Recent)
    judged: Judged = field(default_factory=Judged)
    disclosure: Disclosure = field(default_factory=lambda: Disclosure(lambda _: ""))

    @property
    def all_time(self) -> Poll:
        """Return the copy of the all-time poll."""
        return self.polls[ALL_TIME]

    @property
    def figures(self) -> Mapping[str, Poll]:
        """Return the polls of figures, by window."""
        return {name: poll for name, poll in self.polls.items() if not poll.feed.is_collector}

    @property
    def state(self) -> State:
        """Return the worst state of its polls; a collector may fail without harm to the rest."""
        return max((State.of(poll, self.now) for poll in self.figures.values()), key=lambda state: state.rank)

    @property
    def is_current(self) -> bool:
        """Whether its figures are of now, or will be soon: nobody has to look after its polls."""
        return State.of(self.all_time, self.now).level != "bad"

    def name_of(self, finding: Finding) -> str:
        """Return what a finding is about as people know it; "" for the workspace."""
        if finding.level is not Level.MAILBOX:
            return finding.name
        return self.disclosure.email(self._emails.get(finding.name) or "") or finding.name

    @cached_property
    def _emails(self) -> Mapping[str, str | None]:
        """Return the address of each mailbox, by its id."""
        answer = self.all_time.answer
        return dict(zip(answer.ids, answer.text("email"), strict=True)) if answer else {}

    @property
    def last_errors(self) -> Mapping[str, str]:
        """Return the last error of each mailbox that has one, by its id, where a collector knows it.

        Addresses in it are shown by the privacy mode.
        """
        if self._details is None:
            return {}
        texts = zip(self._details.ids, self._details.text("last_error"), strict=True)
        shown = self.disclosure.email
        return {mailbox_id: addresses_shown(text, shown) for mailbox_id, text in texts if text}

    @property
    def parked(self) -> AbstractSet[str] | None:
        """Return the mailboxes whose operator switched sending off; `None` where no collector knows."""
        return None if self._details is None else details.parked(self._details)

    @property
    def _details(self) -> Answer | None:
        poll = self.polls.get(details.NAME)
        return None if poll is None or poll.is_stale(self.now) else poll.answer

    @property
    def answers(self) -> Mapping[str, Answer]:
        """Return the answers that still count, by window; none at all without the all-time one."""
        answers = {
            window: poll.answer
            for window, poll in self.figures.items()
            if poll.answer is not None and not poll.is_stale(self.now)
        }
        return answers if ALL_TIME in answers else {}


def cause(poll: Poll) -> str:
    """Return why the last poll failed, in words and as the label `reason`."""
    if poll.failure is None:
        return "no poll ends"
    words = _REASONS[poll.failure] if poll.has_key else "there is no usable key"
    return f"{words} ({poll.failure})"


@dataclass(frozen=True, slots=True)
class Row:
    """A poll as a row of the table: the all-time one of a workspace, or another one whose state differs."""

    label: str
    name: str
    """Which other one: `window 7d`; "" for the all-time one."""
    state: State
    poll: Poll
    mailboxes: int | None
    data_age: float | None
    poll_age: float | None

    @property
    def outcome(self) -> str:
        """Return how the last poll ended."""
        if self.poll.last_poll is None:
            return "not polled yet" if self.poll.answer is None else "not polled since the start"
        return "succeeded" if self.poll.failure is None else cause(self.poll)

    @property
    def is_slow(self) -> bool:
        """Whether the last poll took longer than there is time between two."""
        return self.poll.duration is not None and self.poll.duration > self.poll.feed.interval_seconds

    @property
    def failures(self) -> str:
        """Return the failures by reason: `3 timeout, 2 auth`."""
        return ", ".join(
            f"{wording.number(n)} {reason}" for reason, n in self.poll.failures.most_common() if n
        )


def rows(seen: Seen) -> Iterable[Row]:
    """Return the workspace's row, and one for each window or collector whose state differs."""
    own = seen.all_time
    for name, poll in seen.polls.items():
        state = State.of(poll, seen.now)
        if poll is not own and (state, poll.failure) == (State.of(own, seen.now), own.failure):
            continue
        yield Row(
            label=seen.label,
            name="" if poll is own else f"{'collector' if poll.feed.is_collector else 'window'} {name}",
            state=state,
            poll=poll,
            mailboxes=None if poll.answer is None or poll.is_stale(seen.now) else len(poll.answer),
            data_age=None if poll.fresh_since is None else seen.now.steady - poll.fresh_since,
            poll_age=None if poll.last_poll is None else seen.now.unix - poll.last_poll,
        )
