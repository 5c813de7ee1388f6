"""Answers are prepared a few at a time, those to different addresses by turns.

However many requests one client sends, another one's waits for little more than its own.
"""

import asyncio
from collections import deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_AT_ONCE = 2


class Turns:
    """An application whose requests take turns until their answers begin; sending takes none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._free = MOST_AT_ONCE
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # by address, whose turn is next first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request when its turn comes."""
        if scope.get("method") == "POST":  # a reload prepares no answer, and may take long
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        client = scope.get("client")
        await self._take(client[0] if client else "")
        is_mine = True

        async def send_without_turn(message: Message) -> None:
            nonlocal is_mine
            if is_mine:
                is_mine = False
                loop.call_soon(self._give)  # not at once: other connections have their say in between
            await send(message)

        try:
            await self._app(scope, receive, send_without_turn)
        finally:
            if is_mine:
                self._give()

    async def _take(self, address: str) -> None:
        """Wait for a turn."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give()  # it came as this request ended
            raise

    def _give(self) -> None:
        """Pass a turn on to the next address."""
        while self._waiting:
            address, turns = next(iter(self._waiting.items()))
            del self._waiting[address]
            turn = turns.popleft()
            if turns:
                self._waiting[address] = turns  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
