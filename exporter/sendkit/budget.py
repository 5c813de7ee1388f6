"""Memory for the bodies of answers: those of all accounts are bounded together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from exporter.sendkit.lane import Lane

SHARED_BYTES = 64 * 2**20
SMALL_BYTES = 256 * 1024
"""Up to this size a body never waits."""

_PART = 4


class Budget:
    """The memory that bodies take while they are read, and until they are parsed.

    Small bodies never wait. A larger one grows up to a quarter of what the others have left of
    `SHARED_BYTES`, so that something is always left for the next one. Beyond that it waits for its turn: one
    body at a time may take as much as its own limit allows, beside what is shared. The turn goes to the
    account whose last turn is longest ago.
    """

    def __init__(self) -> None:
        self._left_bytes = SHARED_BYTES
        self._turn: Share | None = None
        self._waiting: dict[Share, asyncio.Future[None]] = {}
        self._turns = count(1)

    @contextmanager
    def share(self, lane: Lane) -> Iterator["Share"]:
        """Hold memory for a body of an account, until the context ends."""
        share = Share(self, lane)
        try:
            yield share
        finally:
            share.clear()

    def take(self, share: "Share", more_bytes: int) -> bool:
        """Let a body grow, and return whether it may without waiting."""
        grown_bytes = share.held_bytes + more_bytes
        if share is not self._turn:
            if grown_bytes <= max(SMALL_BYTES, self._left_bytes // _PART):
                self._left_bytes -= more_bytes
            elif self._turn is None:
                self._begin_turn(share)
            else:
                return False
        share.held_bytes = grown_bytes
        return True

    def _begin_turn(self, share: "Share") -> None:
        self._turn, share.lane.last_turn = share, next(self._turns)
        self._left_bytes += share.held_bytes

    async def wait(self, share: "Share", more_bytes: int) -> None:
        """Let a body grow as soon as it may."""
        while not self.take(share, more_bytes):
            self._waiting[share] = asyncio.get_running_loop().create_future()
            try:
                await self._waiting[share]
            finally:
                del self._waiting[share]

    def clear(self, share: "Share") -> None:
        """Take back what a body held, and let others go on."""
        if share is self._turn:
            self._turn = None
        else:
            self._left_bytes += share.held_bytes
        share.held_bytes = 0
        if self._turn is None and self._waiting:
            self._begin_turn(min(self._waiting, key=lambda each: each.lane.last_turn))
        for waiting in self._waiting.values():  # there is more room for all of them
            if not waiting.done():
                waiting.set_result(None)


class Share:
    """What the body of one account's request holds of the budget."""

    def __init__(self, budget: Budget, lane: Lane) -> None:
        self._budget = budget
        self.lane = lane
        self.held_bytes = 0
        self.waited_seconds = 0.0
        """Of the body that was begun last."""

    @property
    def waited(self) -> str:
        """Return how long the body waited, in words that follow others; "" if it did not."""
        seconds = self.waited_seconds
        return (
            f", after {seconds:.0f} s in which it waited for memory that other answers took"
            if seconds
            else ""
        )

    def begin(self) -> None:
        """Begin another body; the one before is held no longer."""
        self.clear()
        self.waited_seconds = 0.0

    def take(self, more_bytes: int) -> bool:
        """Grow, and return whether that may be without waiting."""
        return self._budget.take(self, more_bytes)

    async def wait(self, more_bytes: int) -> float:
        """Grow as soon as that may be, and return the seconds until then."""
        now = asyncio.get_running_loop().time
        began = now()
        try:
            await self._budget.wait(self, more_bytes)
        finally:
            seconds = now() - began
            self.waited_seconds += seconds
        return seconds

    def clear(self) -> None:
        """Hold nothing any longer."""
        self._budget.clear(self)
