"""Clients that send what they like, and the application that they ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.types import Receive, Scope, Send

from exporter.web.file import WebFile
from tests.certificates import authority

BODY = b"x" * 8 * 2**20


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer shortly, or for /large at length, with the path as a header."""
    body = BODY if scope["path"] == "/large" else b"answered"
    headers = [(b"content-length", b"%d" % len(body)), (b"path", scope["raw_path"])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(port: int, source: str = "127.0.0.1") -> AsyncIterator["Client"]:
    """Open a connection from an address of loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()  # what the server has not read would keep it open
        await asyncio.sleep(0)


class Client:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, content: bytes) -> None:
        self.writer.write(content)

    async def answer(self) -> bytes:
        """Return a short answer."""
        return await self.reader.readuntil(b"answered")

    async def rest(self) -> bytes:
        """Return what comes until the server closes."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def is_closed(self) -> bool:
        """Whether the server has closed."""
        return self.reader.at_eof() or self.reader.exception() is not None


async def is_served(port: int) -> bool:
    """Whether a client that behaves is answered."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).text == "answered"


def encrypted(folder: Path, *lines: str) -> WebFile:
    """Return what encrypts by a certificate in a folder."""
    signer = authority(folder / "certificates")
    server = signer.sign("server")
    given_lines = [f"cert_file: {server.file}", f"key_file: {server.key_file}", *lines]
    path = folder / "web.yml"
    path.write_text("tls_server_config:\n" + "".join(f"  {line}\n" for line in given_lines))
    return WebFile(path)
