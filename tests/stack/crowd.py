"""Clients that mean ill, many at once, in a process of their own.

`python crowd.py PORT AUTHORITY CERTIFICATE KEY KIND:NUMBER...`: it tells `ready` once most of them are at it,
and goes on until it is ended.
"""

import asyncio
import base64
import itertools
import random
import resource
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
PAUSE_SECONDS = 2.0
GOOD = base64.b64encode(b"prometheus:secret").decode()


async def silent(port: int, _: Open, begun: Callable[[], None]) -> None:
    """Connect and say nothing."""
    reader, _writer = await asyncio.open_connection("127.0.0.1", port)
    begun()
    await reader.read()


async def slow(_: int, connect: Open, begun: Callable[[], None]) -> None:
    """Send a header a byte at a time."""
    _reader, writer = await connect()
    begun()
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(PAUSE_SECONDS)


async def flood(_: int, connect: Open, begun: Callable[[], None]) -> None:
    """Ask for metrics and pages without end, as one who may."""
    reader, writer = await connect()
    begun()
    for path in itertools.cycle(["/metrics", "/"]):
        await ask(reader, writer, path, GOOD)


async def guess(_: int, connect: Open, begun: Callable[[], None]) -> None:
    """Try passwords without end."""
    reader, writer = await connect()
    begun()
    while True:
        name = random.choice(["prometheus", "admin"])
        await ask(reader, writer, "/metrics", base64.b64encode(f"{name}:{random.random()}".encode()).decode())


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, user: str) -> None:
    """Make a request and take its answer."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {user}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))


KINDS = {client.__name__: client for client in (silent, slow, flood, guess)}


async def main(port: int, kinds: Sequence[str], context: ssl.SSLContext) -> None:
    """Run these clients; who is cut comes again."""
    missing = len(kinds) // 2

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")

    def begin() -> None:
        nonlocal missing
        missing -= 1
        if missing == 0:
            sys.stdout.write("ready\n")
            sys.stdout.flush()

    async def again(kind: str) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await KINDS[kind](port, connect, begin)
            await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(*map(again, kinds))


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _, server_port, trusted, certificate, key, *words = sys.argv
    trusting = ssl.create_default_context(cafile=trusted)
    trusting.load_cert_chain(certificate, key)
    clients = [kind for kind, times in (word.split(":") for word in words) for _ in range(int(times))]
    asyncio.run(main(int(server_port), clients, trusting))
