"""Memory for the bodies of answers: those of all accounts are bounded together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from weakref import WeakKeyDictionary

from exporter.sendkit.lane import Lane

SHARED_BYTES = 64 * 2**20
SMALL_BYTES = 256 * 1024
"""Up to this size a body never waits."""
LOOK_SECONDS = 2.0
"""So often it is looked whether the body that has the turn grows, while others wait."""
LEAST_GROWTH_BYTES = 2**20
"""By so much at least it grows between two looks, or its request ends."""

_PART = 4


class Budget:
    """The memory that bodies take while they are read, and until they are parsed.

    Small bodies never wait. A larger one grows as long as four times as much is left of `SHARED_BYTES`, so
    that something is always left for the next one: alone it grows to a fifth. Beyond that it waits for its
    turn: one body at a time may take as much as its own limit allows, beside what is shared. The turn goes to
    the account whose last turn is longest ago. It ends early if the body hardly grows while others wait.
    """

    def __init__(self, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._left_bytes = SHARED_BYTES
        self._turn: Share | None = None
        self._looked_bytes: int | None = None
        """What the body that has the turn held at the last look, if there was one in this turn."""
        self._waiting: dict[Share, asyncio.Future[None]] = {}
        self._watcher: asyncio.TimerHandle | None = None
        self._turns = count(1)
        self._last_turns: WeakKeyDictionary[Lane, int] = WeakKeyDictionary()

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
        self._turn, self._last_turns[share.lane] = share, next(self._turns)
        self._left_bytes += share.held_bytes
        self._looked_bytes = None

    async def wait(self, share: "Share", more_bytes: int) -> None:
        """Let a body grow as soon as it may."""
        while not self.take(share, more_bytes):
            self._waiting[share] = asyncio.get_running_loop().create_future()
            self._watch()
            try:
                await self._waiting[share]
            finally:
                del self._waiting[share]

    def _watch(self) -> None:
        """Look again and again whether the turn goes on, as long as somebody waits."""
        if self._waiting and self._watcher is None:
            self._watcher = asyncio.get_running_loop().call_later(self._look_seconds, self._look)

    def _look(self) -> None:
        self._watcher = None
        self._watch()
        self.look()

    def look(self) -> None:
        """End the turn of a body that hardly grew since the last look, if others wait."""
        if self._turn is None:
            return
        before, self._looked_bytes = self._looked_bytes, self._turn.held_bytes
        if self._waiting and before is not None and self._looked_bytes - before < LEAST_GROWTH_BYTES:
            self._turn.end()

    def clear(self, share: "Share") -> None:
        """Take back what a body held, and let others go on."""
        if share is self._turn:
            self._turn = None
        else:
            self._left_bytes += share.held_bytes
        share.held_bytes = 0
        if self._turn is None and self._waiting:
            self._begin_turn(min(self._waiting, key=lambda each: self._last_turns.get(each.lane, 0)))
        for waiting in self._waiting.values():  # there is more room for all of them
            if not waiting.done():
                waiting.set_result(None)


class Share:
    """What the body of one account's request holds of the budget."""

    def __init__(self, budget: Budget, lane: Lane) -> None:
        self._budget = budget
        self._limit: asyncio.Timeout | None = None
        """Of the body that is read."""
        self.lane = lane
        self.held_bytes = 0
        self.waited_seconds = 0.0
        """Of the body that was begun last."""
        self.was_slow = False
        """Whether that one was ended because it hardly grew while others waited."""

    @property
    def waited(self) -> str:
        """Return how long the body waited, in words that follow others; "" if it did not."""
        seconds = self.waited_seconds
        return (
            f", after {seconds:.0f} s in which it waited for memory that other answers took"
            if seconds
            else ""
        )

    @contextmanager
    def body(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Read another body, within a limit of time, and hold it if that succeeds; none before it is held."""
        self.clear()
        self.waited_seconds, self.was_slow = 0.0, False
        self._limit = limit
        try:
            yield
        except BaseException:
            self.clear()
            raise
        finally:
            self._limit = None

    async def grow(self, more_bytes: int) -> None:
        """Grow as soon as that may be; the body's limit of time does not run until then."""
        if self._budget.take(self, more_bytes):
            return
        now, limit = asyncio.get_running_loop().time, self._limit
        began = now()
        end = limit.when() if limit else None
        if limit:
            limit.reschedule(None)
        try:
            await self._budget.wait(self, more_bytes)
        finally:
            seconds = now() - began
            self.waited_seconds += seconds
        if limit and end is not None:
            limit.reschedule(end + seconds)

    def end(self) -> None:
        """End the request whose body is read, if one is."""
        if self._limit and not self._limit.expired():
            self.was_slow = True
            self._limit.reschedule(asyncio.get_running_loop().time())

    def clear(self) -> None:
        """Hold nothing any longer."""
        self._budget.clear(self)
