"""The HTTP server: a socket that listens, and uvicorn behind the gate."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from exporter.vital import vital
from exporter.web.gate import Gate, Security
from exporter.web.limits import KEEP_ALIVE_SECONDS, LimitedProtocol

DRAIN_SECONDS = 1
WAITING_CONNECTIONS = 1024

_ADDRESS = re.compile(r"(\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^\[\]:]*)):(?P<port>[0-9]{1,5})", re.ASCII)


class Server(uvicorn.Server):
    """Uvicorn behind a gate, without signal handlers of its own: the daemon has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield

    def __init__(self, config: uvicorn.Config, security: Security | None) -> None:
        super().__init__(config)
        self._gate = Gate(partial(LimitedProtocol, config, self.server_state), security)
        self._accepting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in connections by the gate rather than by asyncio's server."""
        await super().startup([])
        self._accepting = [
            vital(self._gate.accept(listener), "taking in connections") for listener in sockets or []
        ]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in no more connections, and end those that there are."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self._gate.close()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # its client did not read the end of its answer in time
        await asyncio.sleep(0)


def listen(address: str) -> socket.socket:
    """Return a socket that listens at `HOST:PORT`, `[IPV6]:PORT` or, for all addresses, `:PORT`.

    Raises `ValueError` for anything else, `OSError` if the address can't be had.
    """
    parts = _ADDRESS.fullmatch(address)
    if not parts or int(parts["port"]) > 65535:
        raise ValueError(f"found {address!r}, expected HOST:PORT, [IPV6]:PORT or :PORT")
    host, port = parts["ipv6"] or parts["host"], parts["port"]
    if not host and socket.has_dualstack_ipv6():
        listener = socket.create_server(
            ("", int(port)), family=socket.AF_INET6, backlog=WAITING_CONNECTIONS, dualstack_ipv6=True
        )
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, int(port)), family=family, backlog=WAITING_CONNECTIONS)
    # Accepted connections inherit it; asyncio sets it only where a socket names its protocol, unlike this
    # one. Else the end of an answer waits for an acknowledgement that the client delays by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def shown_address(listener: socket.socket) -> str:
    """Return the socket's address as the host and port of a URL."""
    host, port = listener.getsockname()[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def http_server(app: ASGIApp, security: Security | None = None) -> Server:
    """Return a server for an application, to be served on a socket of the caller's."""
    return Server(
        uvicorn.Config(
            app,
            http=LimitedProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        ),
        security,
    )
