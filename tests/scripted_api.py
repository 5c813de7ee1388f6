"""A SendKit API over raw sockets whose every answer a test decides, also those that no HTTP server gives."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.listener import Listener

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def mailbox(mailbox_id: str, email: str = "", **fields: object) -> dict[str, Any]:
    """Return a mailbox as the API describes one."""
    return {
        "_id": mailbox_id,
        "email": email or f"{mailbox_id}@example.com",
        "displayName": "A Person",
        "status": "active",
        "totalSent": 100,
        "totalReceived": 50,
        "bounceRate": 0.01,
        "sentToday": 3,
        "dailySendLimit": 40,
        "warmup": {"enabled": True, "status": "in_progress"},
        "performance": {
            "sent": 90,
            "opened": 40,
            "clicked": 4,
            "bounced": 1,
            "replied": 5,
            "positiveReplied": 2,
        },
        "rates": {"open": "44.4", "click": "4.4", "bounce": "1.1", "reply": "5.6", "positiveReply": "2.2"},
        **fields,
    }


def answered(*mailboxes: Mapping[str, object]) -> Behaviour:
    """Answer 200 with these mailboxes."""
    return answer(200, json.dumps({"success": True, "data": mailboxes}).encode())


def answer(status: int, body: bytes = b"{}", **headers: str) -> Behaviour:
    """Answer whole and keep the connection."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        fields = {"content-type": "application/json", "content-length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines += [f"{name}: {value}" for name, value in fields.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return behave


def raw(content: bytes) -> Behaviour:
    """Send these bytes and close."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    return behave


async def drip(writer: asyncio.StreamWriter) -> None:
    """Start an answer and send its body a byte at a time, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def hang(_writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection (RST rather than FIN)."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def once_set(event: asyncio.Event, behaviour: Behaviour) -> Behaviour:
    """Wait for an event before behaving."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await event.wait()
        await behaviour(writer)

    return behave


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the API saw it, and when (seconds of the event loop's clock)."""

    path: str
    query: Mapping[str, str]
    key: str
    workspace_id: str | None
    at: float


@dataclass(slots=True)
class ScriptedApi:
    """The API; an async context manager while it serves at `url`.

    `workspaces` holds what a key sees, names by id; `listing` replaces the answer to that question, by key.
    `behaviours` holds the treatment of requests for mailboxes, by workspace id or, where there is none, by
    key; `default` goes for all others. `windowed` goes before them for requests that name a range of days.
    """

    workspaces: dict[str, dict[str, str]] = field(default_factory=dict)
    listing: dict[str, Behaviour] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    default: Behaviour = field(default_factory=lambda: answered(mailbox("m1")))
    windowed: Behaviour | None = None
    requests: list[Request] = field(default_factory=list)
    port: int = 0  # any that is free
    url: str = ""
    _listener: Listener | None = None

    def asked(self, key_or_workspace_id: str) -> list[Request]:
        """Return the requests for the mailboxes of a workspace, or with a key."""
        return [
            request
            for request in self.requests
            if request.path == "/v1/analytics/mailboxes"
            and key_or_workspace_id in {request.workspace_id, request.key}
        ]

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path == "/v1/workspaces":
            seen = self.workspaces.get(request.key, {})
            items = [{"id": workspace_id, "name": name} for workspace_id, name in seen.items()]
            listed = answer(200, json.dumps({"success": True, "data": items}).encode())
            return self.listing.get(request.key, listed)
        if request.query and self.windowed:
            return self.windowed
        return self.behaviours.get(request.workspace_id or request.key, self.default)

    async def _treat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *lines = head.strip().split("\r\n")
            headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
            target = urlsplit(line.split(" ")[1])
            request = Request(
                target.path,
                dict(parse_qsl(target.query)),
                headers.get("x-api-key", ""),
                headers.get("x-workspace-id"),
                asyncio.get_running_loop().time(),
            )
            self.requests.append(request)
            await self._behaviour(request)(writer)

    async def __aenter__(self) -> Self:
        self._listener = await Listener(self._treat, port=self.port).__aenter__()
        self.url = f"http://{self._listener.address}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener
        await self._listener.__aexit__()
