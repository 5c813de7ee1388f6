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
LONGEST_TURN_SECONDS = 600.0
"""Of this time others may wait for one turn."""

_PART = 4


class NoRoomError(Exception):
    """A page of a list cannot grow: it is to be asked for again in the list's turn."""


class Budget:
    """The memory that bodies take while they are read, and until they are parsed.

    What is kept of the pages of a list counts until the list is parsed.

    Small bodies never wait. A larger one grows as long as four times as much is left of `SHARED_BYTES`, so
    that something is always left for the next one: alone it grows to a fifth. Beyond that it waits for its
    turn: one body at a time may take as much as its own limit allows, beside what is shared. The turn goes to
    the account whose last turn is longest ago. It ends early if the body hardly grows while others wait, or
    when they have waited for `LONGEST_TURN_SECONDS`.
    """

    def __init__(self, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._left_bytes = SHARED_BYTES
        self._turn: Share | None = None
        self._looks = 0
        """So often others waited in this turn as it was looked."""
        self._looked_bytes = 0
        """What had come of the share that has the turn at the last of these looks."""
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
        self._looks = self._looked_bytes = 0

    async def wait(self, share: "Share", more_bytes: int) -> None:
        """Let a body grow as soon as it may."""
        while not self.take(share, more_bytes):
            await self._wait(share)

    async def wait_for_turn(self, share: "Share") -> None:
        """Wait until a share has its turn: then its bodies may grow."""
        while self._turn is not share:
            if self._turn is None:
                self._begin_turn(share)
            else:
                await self._wait(share)

    async def _wait(self, share: "Share") -> None:
        """Wait until there is more room, or another turn."""
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
        """End a turn that is too long for those who wait, or whose body hardly grew since the last look."""
        if self._turn is None or not self._waiting:
            return
        grown_bytes = self._turn.come_bytes - self._looked_bytes
        self._looks, self._looked_bytes = self._looks + 1, self._turn.come_bytes
        is_slow = self._looks > 1 and grown_bytes < LEAST_GROWTH_BYTES
        if is_slow or self._looks * self._look_seconds >= LONGEST_TURN_SECONDS:
            self._turn.end()

    def give(self, share: "Share", less_bytes: int) -> None:
        """Take back some of what a share holds, and a turn that it needs no longer; let others go on."""
        if not less_bytes and share is not self._turn:
            return
        share.held_bytes -= less_bytes
        if share is not self._turn:
            self._left_bytes += less_bytes
        elif share.held_bytes <= max(SMALL_BYTES, self._left_bytes // _PART):
            self._turn = None
            self._left_bytes -= share.held_bytes
        if self._turn is None and self._waiting:
            self._begin_turn(min(self._waiting, key=lambda each: self._last_turns.get(each.lane, 0)))
        for waiting in self._waiting.values():  # there is more room for all of them
            if not waiting.done():
                waiting.set_result(None)


class Share:
    """What one account's request holds of the budget, or the requests for the pages of its list."""

    def __init__(self, budget: Budget, lane: Lane) -> None:
        self._budget = budget
        self._whole_limit: asyncio.Timeout | None = None
        """Of the list whose pages are read."""
        self._limit: asyncio.Timeout | None = None
        """Of the body that is read."""
        self._kept_bytes = 0
        """Of bodies before."""
        self._used_bytes = 0
        """Those and what there is of the body, or what is reserved for the next one."""
        self.lane = lane
        self.held_bytes = 0
        self.come_bytes = 0
        """Of all bodies so far, kept or not."""
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
    def whole(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Read all pages of a list, and end all of it by the limit if it is too slow for others."""
        self._whole_limit = limit
        try:
            yield
        finally:
            self._whole_limit = None

    @contextmanager
    def body(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Read another body, within a limit of time, and hold it if that succeeds, beside what is kept."""
        self._used_bytes = self._kept_bytes
        self.waited_seconds, self.was_slow = 0.0, False
        self._limit = limit
        try:
            yield
        except BaseException:
            self._settle()
            raise
        finally:
            self._limit = None

    async def grow(self, more_bytes: int) -> None:
        """Grow as soon as that may be; the body's limit of time does not run until then.

        Raises `NoRoomError` for a page of a list: lists may wait for minutes, and it has a slot.
        """
        self._used_bytes += more_bytes
        self.come_bytes += more_bytes
        missing_bytes = self._used_bytes - self.held_bytes
        if missing_bytes <= 0 or self._budget.take(self, missing_bytes):
            return
        if self._limit and self._whole_limit:
            raise NoRoomError
        now, limit = asyncio.get_running_loop().time, self._limit
        began = now()
        end = limit.when() if limit else None
        if limit:
            limit.reschedule(None)
        try:
            await self._budget.wait(self, missing_bytes)
        finally:
            seconds = now() - began
            self.waited_seconds += seconds
        if limit and end is not None:
            limit.reschedule(end + seconds)

    async def keep(self, kept_bytes: int, next_bytes: int = 0) -> None:
        """Hold so much of all bodies so far, and as soon as that may be so much for the next one."""
        self._kept_bytes = kept_bytes
        self._settle()
        await self.grow(next_bytes)

    async def wait_for_turn(self) -> None:
        """Wait until bodies may grow."""
        await self._budget.wait_for_turn(self)

    def _settle(self) -> None:
        """Hold what is kept, and nothing else."""
        self._used_bytes = self._kept_bytes
        self._budget.give(self, self.held_bytes - self._kept_bytes)

    def end(self) -> None:
        """End the list, or the request, whose body is read, if one is."""
        limit = self._whole_limit or self._limit
        if limit and not limit.expired():
            self.was_slow = True
            limit.reschedule(asyncio.get_running_loop().time())

    def clear(self) -> None:
        """Hold nothing any longer."""
        self._kept_bytes = 0
        self._settle()
