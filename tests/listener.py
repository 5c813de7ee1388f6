"""A server over streams for the time of a test, that leaves no connection open behind it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Treatment = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ROUNDS = 10
"""Of the event loop, in which connections that were just taken in get to their treatment."""


class Listener:
    """Treats each connection, and closes it then; an async context manager while it listens at `address`."""

    def __init__(self, treat: Treatment, *, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._treat = treat
        self._context = context
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        """Return the host and port of a URL."""
        return f"127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """Return how many connections are open."""
        return len(self._open)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._treat(reader, writer)
            writer.close()
            await writer.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a task of our own: one of asyncio's may be cancelled before it can close the connection."""
        task = asyncio.create_task(self._converse(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        writer = self._open.pop(task)  # held until its transport is closed: Python 3.13 warns otherwise
        writer.transport.abort()  # else what a client has not read would keep it open
        if not task.cancelled() and (error := task.exception()):
            raise error

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for listening in self._server.sockets:  # asyncio loses what it takes in as the server closes
            asyncio.get_running_loop().remove_reader(listening)
        for _round in range(ROUNDS):
            tasks = list(self._open)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)
        self._server.close()
        await self._server.wait_closed()
