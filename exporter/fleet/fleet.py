"""What we know now: the last answer of each poll, accumulated counters, staleness.

Pure: no I/O, and the time is passed in. A poll is one (workspace, window); its answer replaces the last one
whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.metrics import ALL_TIME, MAILBOX_COUNTERS
from exporter.model import Answer, Reason

DEPARTED_KEPT_SECONDS = 7 * 24 * 3600.0
"""How long the totals of a mailbox that vanished are kept: it may only be missing from a partial answer."""

Key = tuple[str, str]
"""What stays the same when a workspace is renamed: its account and its id."""

Number = float | None


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, by the wall clock (Unix seconds) and by one that is never set (seconds)."""

    unix: float
    steady: float


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: its account in the configuration, its id ("" when unknown), its name and its label."""

    account: str
    id: str
    name: str
    label: str

    @property
    def key(self) -> Key:
        """Return the workspace's account and id."""
        return self.account, self.id


@dataclass(frozen=True, slots=True)
class Departed:
    """The totals of a mailbox that is no longer in the answers, and since when."""

    seen: tuple[Number, ...]
    risen: tuple[Number, ...]
    since: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters: the rises of all-time totals, from 0 at first sight; a fall adds nothing. Times are steady.

    `seen` and `risen` hold one column a counter, aligned with `ids`: the last total the API gave, and what
    was added up; both `None` until a mailbox's total is first seen.
    """

    ids: Sequence[str] = ()
    seen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    risen: Mapping[str, Sequence[Number]] = field(default_factory=dict)
    departed: Mapping[str, Departed] = field(default_factory=dict)

    def after(self, answer: Answer, now: float) -> "Totals":
        """Return the totals with the answer's rises; columns that did not change are kept as they are."""
        base = self if self.ids == answer.ids else self._realigned(answer.ids, now)
        seen, risen = dict(base.seen), dict(base.risen)
        for name in MAILBOX_COUNTERS:
            new = answer.numbers.get(name)
            if new is not None and new != seen.get(name):
                seen[name], risen[name] = _rises(seen.get(name), new, risen.get(name))
        return Totals(answer.ids, seen, risen, base.departed)

    def _realigned(self, ids: Sequence[str], now: float) -> "Totals":
        """Return the totals in the order of `ids`; those of vanished mailboxes are set aside for a while."""
        known = {
            mailbox_id: totals
            for mailbox_id, totals in self.departed.items()
            if now - totals.since < DEPARTED_KEPT_SECONDS
        }
        for row, mailbox_id in enumerate(self.ids):
            known[mailbox_id] = Departed(_row(self.seen, row), _row(self.risen, row), now)
        unknown = Departed((None,) * len(MAILBOX_COUNTERS), (None,) * len(MAILBOX_COUNTERS), now)
        kept = [known.pop(mailbox_id, unknown) for mailbox_id in ids]
        return Totals(
            ids,
            {name: [totals.seen[i] for totals in kept] for i, name in enumerate(MAILBOX_COUNTERS)},
            {name: [totals.risen[i] for totals in kept] for i, name in enumerate(MAILBOX_COUNTERS)},
            known,
        )


def _row(columns: Mapping[str, Sequence[Number]], row: int) -> tuple[Number, ...]:
    return tuple(columns[name][row] if name in columns else None for name in MAILBOX_COUNTERS)


def _rises(
    last: Sequence[Number] | None, new: Sequence[Number], risen: Sequence[Number] | None
) -> tuple[Sequence[Number], Sequence[Number]]:
    """Return the totals last seen and the rises so far, both with the new totals taken in."""
    if last is None or risen is None:
        last = risen = [None] * len(new)
    if None not in new and None not in last:
        # The usual case, without a call for each number.
        pairs = zip(last, new, risen, strict=True)
        return new, [r + n - o if n > o else r for o, n, r in pairs]  # type: ignore[operator]
    advanced = list(map(_advance, last, new, risen))
    return [seen for seen, _ in advanced], [rise for _, rise in advanced]


def _advance(last: Number, new: Number, risen: Number) -> tuple[Number, Number]:
    if new is None:
        return last, risen
    if last is None or risen is None:
        return new, 0
    return new, risen + new - last if new > last else risen


@dataclass(slots=True)
class Poll:
    """One (workspace, window): how its polls went, and the last good answer.

    Times are Unix seconds; `fresh_since` is the last success by the steady clock, so that a clock that is set
    makes nothing stale.
    """

    window: str
    interval: float
    stale_after: float
    answer: Answer | None = None
    last_success: float | None = None
    fresh_since: float | None = None
    last_poll: float | None = None
    duration: float | None = None
    failure: Reason | None = None
    error: str = ""
    polls: int = 0
    skipped: int = 0
    failures: Counter[Reason] = field(default_factory=Counter)
    suspects: Counter[str] = field(default_factory=Counter)

    @property
    def up(self) -> bool | None:
        """Whether the last poll succeeded; `None` before the first one."""
        return None if self.last_poll is None else self.failure is None

    def succeeded(self, answer: Answer, now: Instant, duration: float) -> None:
        """Take a good answer in."""
        self.answer, self.failure, self.error = answer, None, ""
        self.last_success, self.fresh_since = now.unix, now.steady
        for name, count in answer.suspects.items():
            # What no window applies to is the all-time poll's to count.
            if self.window == ALL_TIME or name.startswith(("performance", "rates")):
                self.suspects[name] += count
        self._ended(now, duration)

    def failed(self, reason: Reason, error: str, now: Instant, duration: float) -> None:
        """Note a failure; the last answer stays until it is stale."""
        self.failure, self.error = reason, error
        self.failures[reason] += 1
        self._ended(now, duration)

    def _ended(self, now: Instant, duration: float) -> None:
        self.last_poll, self.duration = now.unix, duration
        self.polls += 1

    def is_stale(self, now: Instant) -> bool:
        """Whether there was no success for so long that the last answer no longer counts."""
        return self.fresh_since is None or now.steady - self.fresh_since >= self.stale_after

    def is_fresh(self, now: Instant) -> bool:
        """Whether there is an answer that counts, and the key behind it was not refused since."""
        return self.answer is not None and not self.is_stale(now) and self.failure is not Reason.AUTH


@dataclass(slots=True)
class Tracked:
    """A workspace that is polled: its polls by window, its counters, and its account's thresholds."""

    workspace: Workspace
    thresholds: Mapping[str, float]
    polls: dict[str, Poll] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)

    @property
    def all_time(self) -> Poll:
        """Return the poll of the all-time window, which every workspace has."""
        return self.polls[ALL_TIME]

    @property
    def suspects(self) -> Counter[str]:
        """Return the suspect values seen so far, by API field."""
        return sum((poll.suspects for poll in self.polls.values()), Counter())


class Fleet:
    """Every workspace that is polled, by its key, in the order in which they were first tracked."""

    def __init__(self) -> None:
        self._tracked: dict[Key, Tracked] = {}

    def __iter__(self) -> Iterator[Tracked]:
        return iter(self._tracked.values())

    def __len__(self) -> int:
        return len(self._tracked)

    def get(self, key: Key) -> Tracked | None:
        """Return the workspace of that key, if it is tracked."""
        return self._tracked.get(key)

    def track(self, workspace: Workspace, thresholds: Mapping[str, float], polls: Iterable[Poll]) -> Tracked:
        """Track a workspace with exactly these polls; what is known of it and of them stays."""
        tracked = self._tracked.setdefault(workspace.key, Tracked(workspace, thresholds))
        tracked.workspace, tracked.thresholds = workspace, thresholds
        known, tracked.polls = tracked.polls, {}
        for poll in polls:
            kept = tracked.polls[poll.window] = known.get(poll.window, poll)
            kept.interval, kept.stale_after = poll.interval, poll.stale_after
        return tracked

    def restore(self, workspace: Workspace, poll: Poll, totals: Totals | None) -> None:
        """Take in what is known of a workspace's poll from before, and its counters if given."""
        tracked = self._tracked.setdefault(workspace.key, Tracked(workspace, {}))
        tracked.polls[poll.window] = poll
        if totals is not None:
            tracked.totals = totals

    def forget(self, key: Key) -> None:
        """Drop a workspace and all that is known of it."""
        self._tracked.pop(key, None)

    def is_fresh(self, now: Instant) -> bool:
        """Whether at least one workspace has fresh all-time data."""
        return any(tracked.all_time.is_fresh(now) for tracked in self)


def labels_for(names: Mapping[Key, str]) -> dict[Key, str]:
    """Return a label of its own for each workspace key (account, id), from its name; ids must differ.

    A name that several share is told apart by the id behind it, `NAME (ID)`; one without a name is its id.
    """
    labels = {key: name or key[1] for key, name in names.items()}
    while True:
        shared = Counter(labels.values())
        clashing = [key for key, label in labels.items() if shared[label] > 1 and key[1]]
        if not clashing:
            return labels
        for key in clashing:
            labels[key] += f" ({key[1]})"
