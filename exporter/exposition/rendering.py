"""From what the fleet knows to the pieces of every metric family, by the catalogue.

Pieces whose column did not change since the last answer are taken over as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from exporter import metrics
from exporter.exposition.body import Piece, encode_column, encode_samples, escaped, label_text
from exporter.fleet.fleet import Poll, Totals, Tracked
from exporter.metrics import ALL_TIME, MAILBOX_COUNTERS, MAILBOX_NUMBERS, WINDOW_NUMBERS, Metric
from exporter.model import Answer, Column, Reason, domain_of


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the info metric shows of a mailbox: its address through `email`, its display name if wanted."""

    email: Callable[[str], str]
    display_name: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The mailbox samples of one (workspace, window), with what they were rendered from."""

    label: str
    answer: Answer
    rows: Sequence[bytes]
    sources: Mapping[str, Any]
    pieces: Mapping[str, Piece]


def render_mailboxes(
    label: str, window: str, answer: Answer, totals: Totals, disclosure: Disclosure, previous: Part | None
) -> Part:
    """Render the answer of one (workspace, window); `totals` go with the all-time window alone.

    `previous` is the part rendered from the last answer with the same disclosure, if there is one.
    """
    pieces = _Pieces(label, answer, previous)
    for name, metric in WINDOW_NUMBERS.items():
        pieces.add_column(metric, answer.numbers.get(name), {"window": window})
    if window == ALL_TIME:
        for name, metric in MAILBOX_NUMBERS.items():
            pieces.add_column(metric, answer.numbers.get(name), {})
        for name, metric in MAILBOX_COUNTERS.items():
            pieces.add_column(metric, totals.risen.get(name), {})
        pieces.add_info(disclosure)
        pieces.add_states(metrics.MAILBOX_STATUS, answer.statuses, metrics.STATUSES)
        pieces.add_states(metrics.WARMUP_STATUS, answer.warmup_statuses, metrics.WARMUP_STATUSES)
    return Part(label, answer, pieces.rows, pieces.sources, pieces.by_name)


class _Pieces:
    """The pieces of one part while they are rendered or taken over."""

    def __init__(self, label: str, answer: Answer, previous: Part | None) -> None:
        self._label = label
        self._answer = answer
        self._previous = previous if previous and _same_rows(previous, label, answer) else None
        self.rows = self._previous.rows if self._previous else _rows(answer)
        self.sources: dict[str, Any] = {}
        self.by_name: dict[str, Piece] = {}

    def _add(self, metric: Metric, source: object, encode: Callable[[], Iterator[bytes]]) -> None:
        name, previous = metric.name, self._previous
        self.sources[name] = source
        if previous and previous.sources.get(name) == source:
            self.by_name[name] = previous.pieces[name]
        else:
            self.by_name[name] = Piece.of(encode())

    def add_column(self, metric: Metric, column: Column | None, labels: Mapping[str, str]) -> None:
        """Add a family of one sample a mailbox; none at all without a column."""
        if column is not None:
            fixed = label_text({"workspace": self._label, **labels})
            self._add(metric, column, lambda: encode_column(metric.name, fixed, self.rows, column))

    def add_info(self, disclosure: Disclosure) -> None:
        """Add the family of addresses and display names."""
        answer, metric = self._answer, metrics.MAILBOX_INFO
        source = (answer.emails, answer.display_names)
        fixed = label_text({"workspace": self._label})
        ones = [1] * len(answer)
        self._add(
            metric,
            source,
            lambda: encode_column(metric.name, fixed, _info_rows(self.rows, answer, disclosure), ones),
        )

    def add_states(self, metric: Metric, states: Sequence[str | None], documented: Sequence[str]) -> None:
        """Add a family of 0 or 1 for each documented state, and 1 for another one, as it comes."""
        self._add(metric, states, lambda: self._encode_states(metric.name, states, documented))

    def _encode_states(
        self, name: str, states: Sequence[str | None], documented: Sequence[str]
    ) -> Iterator[bytes]:
        def encode(state: str, rows: Sequence[bytes], column: Column) -> Iterator[bytes]:
            return encode_column(name, label_text({"workspace": self._label, "status": state}), rows, column)

        for state in documented:
            yield from encode(state, self.rows, [None if own is None else own == state for own in states])
        others: dict[str, list[bytes]] = {}
        if not {*states} <= {*documented, None}:
            for row, own in zip(self.rows, states, strict=True):
                if own is not None and own not in documented:
                    others.setdefault(own, []).append(row)
        for state, rows in others.items():
            yield from encode(state, rows, [1] * len(rows))


def _same_rows(previous: Part, label: str, answer: Answer) -> bool:
    before = previous.answer
    return previous.label == label and before.ids == answer.ids and before.emails == answer.emails


def _rows(answer: Answer) -> list[bytes]:
    domains = map(domain_of, answer.emails)
    return [
        b'domain="%s",mailbox_id="%s"} ' % pair
        for pair in zip(map(escaped, domains), map(escaped, answer.ids), strict=True)
    ]


def _info_rows(rows: Iterable[bytes], answer: Answer, disclosure: Disclosure) -> list[bytes]:
    emails = map(escaped, map(disclosure.email, answer.emails))
    if not disclosure.display_name:
        return [b'email="%s",%s' % pair for pair in zip(emails, rows, strict=True)]
    names = map(escaped, answer.display_names)
    return [b'email="%s",display_name="%s",%s' % triple for triple in zip(emails, names, rows, strict=True)]


def render_workspace(tracked: Tracked, *, stale: bool) -> dict[str, Piece]:
    """Render the samples of the workspace itself and of its polls."""
    labels = {"workspace": tracked.workspace.label}
    samples: dict[Metric, list[tuple[dict[str, str], float]]] = {
        metrics.WORKSPACE_INFO: [
            ({**labels, "account": tracked.workspace.account, "workspace_id": tracked.workspace.id}, 1)
        ],
        metrics.SUSPECT_VALUES: [
            ({**labels, "field": name}, count) for name, count in sorted(tracked.suspects.items())
        ],
        metrics.ALERT_THRESHOLD: [
            ({**labels, "threshold": name}, bound) for name, bound in tracked.thresholds.items()
        ],
    }
    answer = tracked.all_time.answer
    if answer is not None and not stale:
        by_status = Counter(status for status in answer.statuses if status is not None)
        samples[metrics.WORKSPACE_MAILBOXES] = [
            ({**labels, "status": status}, by_status[status])
            for status in dict.fromkeys(chain(metrics.STATUSES, sorted(by_status)))
        ]
        samples[metrics.DUPLICATE_MAILBOXES] = [(labels, answer.duplicates)]
    for poll in tracked.polls.values():
        for metric, own, number in _poll_samples(poll):
            if number is not None:
                samples.setdefault(metric, []).append(({**labels, "window": poll.window, **own}, number))
    return {
        metric.name: Piece.of([encode_samples(metric.name, family)]) for metric, family in samples.items()
    }


def _poll_samples(poll: Poll) -> Iterator[tuple[Metric, dict[str, str], float | None]]:
    yield metrics.UP, {}, poll.up
    yield metrics.LAST_SUCCESS, {}, poll.last_success
    yield metrics.LAST_POLL, {}, poll.last_poll
    yield metrics.POLL_INTERVAL, {}, poll.interval
    yield metrics.POLL_DURATION, {}, poll.duration
    yield metrics.POLLS, {}, poll.polls
    yield metrics.POLLS_SKIPPED, {}, poll.skipped
    for reason in Reason:
        yield metrics.POLL_FAILURES, {"reason": reason}, poll.failures[reason]
