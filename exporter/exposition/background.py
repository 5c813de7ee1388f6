"""Work that follows changes, in a thread, and never for long at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

LEAST_PAUSE_SECONDS = 0.2
PAUSES = 4
"""The least pause, in durations of the work before it: it takes a fifth of the time at most."""

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class Background:
    """One piece of work, done in a thread again and again for as long as it is wanted.

    `begin` is called on the event loop and returns what the thread does; `end` takes the result on the loop.
    """

    def __init__(self, begin: Callable[[], Callable[[], Result]], end: Callable[[Result], None]) -> None:
        async def work() -> None:
            end(await asyncio.get_running_loop().run_in_executor(self._thread, begin()))

        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="background")
        self._is_wanted = False
        self._task: asyncio.Task[None] | None = None

    def want(self) -> None:
        """Have the work done soon, however often it is wanted until then; where no event loop runs, later."""
        self._is_wanted = True
        if self._task is None or self._task.done():
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._is_wanted:
            self._is_wanted, began = False, clock()
            try:
                await self._work()
            except Exception:  # noqa: BLE001 - whatever it is, what changed must be shown
                _log.exception("what changed is not shown yet")
                self._is_wanted = True
            await asyncio.sleep(max(LEAST_PAUSE_SECONDS, PAUSES * (clock() - began)))
