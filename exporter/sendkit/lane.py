"""How many requests may be under way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

TRIAL_SECONDS = 1.0
"""For so long a request that was never answered before keeps its slot while others wait."""
LONGEST_WAY_SECONDS = 60.0
"""For so long a request lets others go first."""

LOOK_SECONDS = 0.1
"""So often it is looked whether there is room to make."""


class Lane:
    """The requests that one account may have under way, so that its trouble stays its own.

    Polls whose last outcome was a failure (`suspect`) share half of the slots, so that slow and broken
    workspaces leave room for the healthy ones. A request on trial, one that was never answered before, loses
    its slot when others wait.
    """

    def __init__(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._suspect_slots = asyncio.Semaphore(max(1, slots // 2))
        self._yielding_slots = asyncio.Semaphore(max(1, slots // 2))
        self._waiting = 0
        self._watcher: asyncio.TimerHandle | None = None
        self._trials: dict[asyncio.Timeout, float] = {}
        """The limits of requests on trial, and when each began."""

    @asynccontextmanager
    async def slot(self, *, suspect: bool) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        async with self._suspect_slots if suspect else nullcontext():
            self._waiting += 1
            try:
                self._watch()
                await self._slots.acquire()
            finally:
                self._waiting -= 1
            try:
                yield
            finally:
                self._slots.release()

    @asynccontextmanager
    async def giving_way(self) -> AsyncIterator[None]:
        """Wait until a slot is free that nobody else wants, for a while at most.

        Half of the slots are for requests that do not wait for this.
        """
        async with self._yielding_slots:
            now = asyncio.get_running_loop().time
            end = now() + LONGEST_WAY_SECONDS
            while self._slots.locked() and now() < end:  # noqa: ASYNC110 - see `_watch`
                await asyncio.sleep(LOOK_SECONDS)
            yield

    def _watch(self) -> None:
        """Look again and again whether there is room to make, as long as somebody waits."""
        if self._waiting and self._watcher is None:
            self._watcher = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._make_room)

    def _make_room(self) -> None:
        """End as many requests on trial as others wait, the oldest first, if they had their time.

        One that ends already makes room, too, and takes a while to close.
        """
        self._watcher = None
        self._watch()
        now = asyncio.get_running_loop().time()
        over = [limit for limit, began in self._trials.items() if now - began >= TRIAL_SECONDS]
        for limit in over[: self._waiting]:
            if not limit.expired():
                limit.reschedule(now)

    async def until_nobody_waits(self, seconds: float) -> None:
        """Wait until every request that waited has a slot, for so long at most."""
        end = asyncio.get_running_loop().time() + seconds
        while self._waiting and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - see `_watch`
            await asyncio.sleep(LOOK_SECONDS)

    @contextmanager
    def trial(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Hold a slot on trial; `limit` ends the request when the slot is wanted."""
        self._trials[limit] = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self._trials.pop(limit, None)
