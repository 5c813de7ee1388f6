"""The API client, and a real server on loopback that can misbehave in every way we know."""

import asyncio
import ssl
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from types import MappingProxyType

import pytest

from exporter.config import ApiConfig
from exporter.sendkit.client import SendKit
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.feeds import analytics
from exporter.sendkit.holds import Holds
from exporter.sendkit.lane import Lane
from tests.listener import Listener
from tests.scripted_api import Behaviour

KEY = "sk_canary-0123456789abcdef"
PLATFORM_KEY = "sk_user_canary-0123456789abcdef"
BODY = b'{"success": true, "data": []}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
REFUSED_HEAD = b"HTTP/1.1 401 x\r\nContent-Length: 1000000\r\n\r\n"


class Server(Listener):
    """A server that treats each request as the next behaviour says, the last one for all that follow."""

    def __init__(self, *behaviours: Behaviour, context: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, context=context)
        self.behaviours = behaviours
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *headers = head.strip().split("\r\n")
            fields = dict(header.split(": ", 1) for header in headers)
            self.requests.append((line, {name.lower(): value for name, value in fields.items()}))
            behaviour = self.behaviours[min(len(self.requests), len(self.behaviours)) - 1]
            await behaviour(writer)


def answer(status: int = 200, body: bytes = BODY, /, **headers: str) -> Behaviour:
    """Answer whole and keep the connection."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return behave


def drip(start: bytes, drop: bytes = b"x") -> Behaviour:
    """Send a start, and then one drop after the other without end."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return behave


class Caller:
    """A client whose pauses are recorded and not waited for, and whose jitter is the longest."""

    def __init__(self, api: ApiConfig) -> None:
        self.pauses: list[float] = []
        self.codes: list[str] = []
        self.retries = 0
        self.sleep: Callable[[float], Awaitable[None]] = self._record
        self.holds = Holds(lambda: time.monotonic() + sum(self.pauses))
        self.sendkit = SendKit(
            api,
            holds=self.holds,
            on_request=self.codes.append,
            on_retry=self._retried,
            sleep=lambda seconds: self.sleep(seconds),  # noqa: PLW0108 - tests put another one in its place
            jitter=lambda _low, high: high,
        )
        self.lane = Lane(api.max_concurrent_requests)

    async def _record(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _retried(self) -> None:
        self.retries += 1

    async def mailboxes(
        self,
        key: str = KEY,
        workspace_id: str = "",
        window: tuple[date, date] | None = None,
        within: float = 60,
        *,
        unproven: bool = False,
    ) -> bytes:
        """Ask for the mailboxes of a workspace, all-time or of a window's first to its last day."""
        query = analytics.days_query(*window) if window else {}
        return await self.get(
            analytics.PATH, query, key, workspace_id=workspace_id, within=within, unproven=unproven
        )

    async def get(
        self,
        path: str,
        query: Mapping[str, str] = MappingProxyType({}),
        key: str = KEY,
        *,
        workspace_id: str = "",
        within: float = 60,
        unproven: bool = False,
    ) -> bytes:
        """Return the body of a path."""
        with self.sendkit.share(self.lane) as share:
            body = await self.sendkit.get(
                path,
                query,
                key=key,
                workspace_id=workspace_id,
                deadline=asyncio.get_running_loop().time() + within,
                lane=self.lane,
                share=share,
                unproven=unproven,
            )
            return bytes(body)

    async def failure(self, key: str = KEY, within: float = 60) -> SendKitError:
        """Return the error of a call, after a look for the key in it and in all behind it."""
        with pytest.raises(SendKitError) as caught:
            await self.mailboxes(key, within=within)
        seen: list[BaseException] = []
        behind: BaseException | None = caught.value
        while behind:
            seen.append(behind)
            behind = behind.__cause__ or behind.__context__
        told = "".join(traceback.format_exception(caught.value))
        told += "".join(f"{error!r} {error} {vars(error)}" for error in seen)
        assert "canary" not in told
        return caught.value


@asynccontextmanager
async def calling(*behaviours: Behaviour, **api: object) -> AsyncIterator[tuple[Server, Caller]]:
    """Run a server with these behaviours, and a client that calls it."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server(*behaviours))
        caller = Caller(ApiConfig.model_validate({"base_url": f"http://{server.address}", **api}))
        await stack.enter_async_context(caller.sendkit)
        yield server, caller
