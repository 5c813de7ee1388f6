"""An ASGI application behind the exporter's own server, in the test's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from exporter.web.gate import Security
from exporter.web.server import http_server, listen


@asynccontextmanager
async def served(app: ASGIApp, security: Security | None = None) -> AsyncIterator[int]:
    """Serve an application on a free port of loopback while the context lasts."""
    listener = listen("127.0.0.1:0")
    server = http_server(app, security)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    port: int = listener.getsockname()[1]
    try:
        yield port
    finally:
        server.should_exit = True
        await task
