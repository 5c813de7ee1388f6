"""How long the event loop is held: the longest of its turns."""

import asyncio
import time
from typing import Self


class Turns:
    """The turns of the event loop while the context lasts, in CPU seconds of its thread."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = 0.0
        self._is_over = False

    def _turn(self) -> None:
        spent = time.thread_time()
        self.longest, self._last = max(self.longest, spent - self._last), spent
        if not self._is_over:
            asyncio.get_running_loop().call_soon(self._turn)

    def __enter__(self) -> Self:
        self._last = time.thread_time()
        asyncio.get_running_loop().call_soon(self._turn)
        return self

    def __exit__(self, *_: object) -> None:
        self._turn()
        self._is_over = True
