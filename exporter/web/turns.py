"""Turns: what is dear is done a few at a time, for different addresses by turns.

However much one client asks for, another one waits for little more than its own.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_AT_ONCE = 2


class Turns:
    """So many at once; who waits is served by addresses in turn, those of one address in their order."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # by address, whose turn is next first

    async def take(self, address: str) -> None:
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
                self.give()  # it came as this request ended
            raise

    def give(self) -> None:
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

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn, and pass it on afterwards."""
        await self.take(address)
        try:
            yield
        finally:
            self.give()


class Orderly:
    """An application whose requests take turns until their answers begin; sending takes none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = Turns(MOST_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request when its turn comes."""
        if scope.get("method") == "POST":  # a reload prepares no answer, and may take long
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        client = scope.get("client")
        await self._turns.take(client[0] if client else "")
        is_mine = True

        async def send_without_turn(message: Message) -> None:
            nonlocal is_mine
            if is_mine:
                is_mine = False
                loop.call_soon(self._turns.give)  # not at once: other connections have their say in between
            await send(message)

        try:
            await self._app(scope, receive, send_without_turn)
        finally:
            if is_mine:
                self._turns.give()
