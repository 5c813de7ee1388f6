"""How a poll is doing, in a word, a symbol and a level of urgency."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Literal

from exporter.catalogue.workspace import Reason
from exporter.fleet.poll import Instant, Poll

Level = Literal["good", "wait", "warn", "bad"]
LEVELS: Sequence[Level] = ("good", "wait", "warn", "bad")
SYMBOLS: Mapping[Level, str] = {"good": "✓", "wait": "○", "warn": "▲", "bad": "✕"}
COLOURS: Mapping[Level, str] = {"good": "1a7f37", "wait": "6b7280", "warn": "b45309", "bad": "c62828"}


class State(Enum):
    """How a poll, or a workspace by the worst of its polls, is doing; the worst last."""

    FRESH = ("Fresh", "good")
    NOT_ALLOWED = ("Not for this key", "wait")
    WAITING = ("Waiting", "wait")
    FAILING = ("Failing", "warn")
    STALE = ("Stale", "bad")
    EMPTY = ("No data", "bad")
    KEYLESS = ("No usable key", "bad")
    REFUSED = ("Key refused", "bad")

    def __init__(self, word: str, level: Level) -> None:
        self.word = word
        self.level = level
        self.symbol = SYMBOLS[level]

    @property
    def rank(self) -> int:
        """Return its place among the states, from the best."""
        return list(State).index(self)

    @property
    def is_failing(self) -> bool:
        """Whether somebody has to look."""
        return self.level in ("warn", "bad")

    @classmethod
    def of(cls, poll: Poll, now: Instant) -> "State":
        """Return the state of a poll."""
        if poll.is_refused:
            return cls.NOT_ALLOWED
        if poll.failure is Reason.AUTH:
            return cls.REFUSED if poll.has_key else cls.KEYLESS
        if not poll.is_stale(now) and poll.is_overdue(now):
            return cls.STALE
        if not poll.is_stale(now):
            return cls.FRESH if poll.failure is None else cls.FAILING
        if poll.last_poll is None:
            return cls.WAITING
        return cls.EMPTY if poll.fresh_since is None else cls.STALE
