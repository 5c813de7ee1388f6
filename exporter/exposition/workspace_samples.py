"""The samples of a workspace itself, and of its polls."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from exporter.catalogue import mailbox
from exporter.catalogue import workspace as catalogue
from exporter.catalogue.kinds import Metric, Rows
from exporter.catalogue.workspace import Reason
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Workspace
from exporter.textformat.body import Piece
from exporter.textformat.lines import encode_samples

Sample = tuple[Metric, Mapping[str, str], float | None]
"""A family, the labels beside the workspace's, and the value; `None` where there is none."""


def render_workspace(workspace: Workspace, *, stale: bool) -> dict[str, Piece]:
    """Render the samples by family; `stale` leaves out what the last answer says."""
    families: dict[Metric, list[tuple[Mapping[str, str], float]]] = {}
    for metric, labels, value in _samples(workspace, stale=stale):
        if value is not None:
            families.setdefault(metric, []).append(({"workspace": workspace.label, **labels}, value))
    return {
        metric.name: Piece.of([encode_samples(metric.name, samples)]) for metric, samples in families.items()
    }


def _samples(workspace: Workspace, *, stale: bool) -> Iterator[Sample]:
    yield catalogue.INFO, {"account": workspace.account, "workspace_id": workspace.key.id}, 1
    for name, bound in workspace.thresholds.items():
        yield catalogue.ALERT_THRESHOLD, {"threshold": name}, bound
    suspects = workspace.suspects
    names = dict.fromkeys(chain.from_iterable(poll.feed.suspects() for poll in workspace.polls.values()))
    for name in sorted(names | suspects):
        yield catalogue.SUSPECT_VALUES, {"field": name}, suspects[name]
    answer = workspace.all_time.answer
    if answer is not None and not stale:
        by_status = Counter(status for status in answer.text("status") if status is not None)
        for status in dict.fromkeys(chain(mailbox.STATUSES, sorted(by_status))):
            yield catalogue.MAILBOXES, {"status": status}, by_status[status]
        yield catalogue.DUPLICATE_MAILBOXES, {}, answer.duplicates
    for poll in workspace.polls.values():
        # What was removed on purpose is neither a refused key nor stale.
        hides_outcome = not workspace.is_listed and poll.failure is not None
        samples = (
            _of_collector(poll) if poll.feed.window is None else _of_poll(poll, hides_outcome=hides_outcome)
        )
        for metric, labels, value in samples:
            yield metric, {**poll.feed.label, **labels}, value
        yield from _facts(poll)


def _facts(poll: Poll) -> Iterator[Sample]:
    """Yield what a poll's answer says of the workspace itself."""
    if poll.feed.rows is not Rows.MAILBOXES and poll.answer:
        for field in poll.feed.fields:
            values = poll.answer.numbers.get(field.column)
            if field.metric and values:
                yield field.metric, {}, values[0]


def _of_poll(poll: Poll, *, hides_outcome: bool) -> Iterator[Sample]:
    if not hides_outcome:
        yield catalogue.UP, {}, poll.up
        yield catalogue.LAST_SUCCESS, {}, poll.last_success
        yield (
            catalogue.POLL_INTERVAL,
            {},
            poll.feed.interval_seconds,
        )  # the rules expect polls of those that have it
    yield catalogue.LAST_POLL, {}, poll.last_poll
    yield catalogue.POLL_DURATION, {}, poll.duration
    yield catalogue.POLLS, {}, poll.polls
    yield catalogue.POLLS_SKIPPED, {}, poll.skipped
    for reason in Reason:
        yield catalogue.POLL_FAILURES, {"reason": reason}, poll.failures[reason]


def _of_collector(poll: Poll) -> Iterator[Sample]:
    yield catalogue.COLLECTOR_UP, {}, poll.up
    yield catalogue.COLLECTOR_LAST_SUCCESS, {}, poll.last_success
    yield catalogue.COLLECTOR_INTERVAL, {}, poll.feed.interval_seconds
    for reason in Reason:
        yield catalogue.COLLECTOR_FAILURES, {"reason": reason}, poll.failures[reason]
