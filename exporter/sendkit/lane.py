"""How many requests of one account may be under way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext


class Lane:
    """The requests that one account may have under way, so that its trouble stays its own.

    Polls whose last outcome was a failure (`suspect`) share half of the slots, so that slow and broken
    workspaces leave room for the healthy ones.
    """

    def __init__(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._suspect_slots = asyncio.Semaphore(max(1, slots // 2))

    @asynccontextmanager
    async def slot(self, *, suspect: bool) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        async with self._suspect_slots if suspect else nullcontext(), self._slots:
            yield
