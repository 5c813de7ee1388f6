"""Work that follows changes, in a thread, and never for long at a time."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

LEAST_PAUSE_SECONDS = 0.2
PAUSES = 4
"""The least pause, in the CPU time of the work before it: it takes a fifth of a core at most."""

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class Background:
    """One piece of work, done in a thread again and again for as long as it is wanted.

    `begin` is called on the event loop and returns what the thread does; `end` takes the result on the loop.
    """

    def __init__(self, begin: Callable[[], Callable[[], Result]], end: Callable[[Result], None]) -> None:
        async def work() -> float:
            """Return the CPU seconds that it took."""
            result, seconds = await asyncio.get_running_loop().run_in_executor(
                self._thread, _measured(begin())
            )
            end(result)
            return seconds

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
        while self._is_wanted:
            self._is_wanted, seconds = False, 0.0
            try:
                seconds = await self._work()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                _log.error("work in the background failed, it is tried again", error=repr(error))
                self._is_wanted = True
            await asyncio.sleep(max(LEAST_PAUSE_SECONDS, PAUSES * seconds))


def _measured(work: Callable[[], Result]) -> Callable[[], tuple[Result, float]]:
    """Return work that also returns the CPU seconds that it took."""

    def measured() -> tuple[Result, float]:
        began = time.thread_time()
        result = work()
        return result, time.thread_time() - began

    return measured
