"""The HTTP protocol within bounds: of connections, of time and of bytes that a client may take."""

import asyncio
import resource
import ssl
from collections import Counter
from http import HTTPStatus
from typing import Any, Protocol

import httptools
import structlog
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

MOST_CONNECTIONS = 512
MOST_HEADER_BYTES = 32 * 1024
MOST_PIPELINED = 8
HEADER_SECONDS = 10.0
ANSWER_SECONDS = 60.0
KEEP_ALIVE_SECONDS = 120
"""Above the usual scrape intervals, so that a scraper's connection is used again."""
CLOSE_SECONDS = 5.0

_PIECE_BYTES = 4 * 1024

_log = structlog.get_logger(__name__)


class Security(Protocol):
    """What encrypts connections."""

    def context(self) -> ssl.SSLContext | None:
        """Return the context of a new connection; None for plain HTTP."""

    def lets_in(self, connection: ssl.SSLObject) -> bool:
        """Tell whether the client's certificate is let in."""


class LimitedConfig(uvicorn.Config):
    """A server's configuration, with the connections that it has and what encrypts them."""

    def __init__(self, app: Any, security: Security | None = None, **settings: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(app, http=LimitedProtocol, **settings)
        self.security = security
        self.open_connections = Connections()


class Connections:
    """The open connections, from their very start."""

    def __init__(self) -> None:
        soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = MOST_CONNECTIONS
        if soft_limit != resource.RLIM_INFINITY:  # half is left for the API, files and threads
            self._most = max(1, min(MOST_CONNECTIONS, soft_limit // 2))
        self._open: dict[LimitedProtocol, None] = {}

    def add(self, connection: "LimitedProtocol") -> None:
        """Take in a connection; if there are too many, one ends."""
        self._open[connection] = None
        if len(self._open) > self._most:
            self._superfluous().abort()

    def touch(self, connection: "LimitedProtocol") -> None:
        """Count a connection as the youngest."""
        del self._open[connection]
        self._open[connection] = None

    def discard(self, connection: "LimitedProtocol") -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def _superfluous(self) -> "LimitedProtocol":
        """Return the connection that can best be spared.

        Of those that wait for a request, of the address that has the most of them, the one that has waited
        longest: who opens many connections loses their own.
        """
        waiting = [connection for connection in self._open if not connection.is_answering] or list(self._open)
        crowds = Counter(connection.address for connection in waiting)
        crowded = max(crowds, key=crowds.__getitem__)
        return next(connection for connection in waiting if connection.address == crowded)


class LimitedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with a deadline for whatever a client does, and a bound to what it sends.

    A connection has `HEADER_SECONDS` to be encrypted and to send a request's header, an answer
    `ANSWER_SECONDS` to be taken.
    """

    def __init__(
        self,
        config: LimitedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self.is_answering = False
        self._answered: RequestResponseCycle | None = None
        self._security = config.security
        self._all = config.open_connections
        self._wire: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None
        self._encryption: asyncio.Task[None] | None = None
        self._is_open = False
        self._early = b""
        self._is_in_header = False
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Take in a connection, encrypted first if that is asked for."""
        self._wire = transport
        self.address = (transport.get_extra_info("peername") or ("",))[0]
        self.connections.add(self)
        self._all.add(self)
        self._allow(HEADER_SECONDS)
        context = self._security.context() if self._security else None
        if context:
            transport.pause_reading()  # what comes is for the handshake
            self._encryption = self.loop.create_task(self._encrypt(context))
        else:
            self._open(transport)

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        """Do the handshake; whom the security does not let in is gone after it."""
        try:
            transport = await self.loop.start_tls(
                self._wire,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=HEADER_SECONDS,
                ssl_shutdown_timeout=CLOSE_SECONDS,
            )
        except OSError as error:
            _log.debug("TLS handshake failed", address=self.address, error=str(error))
            transport = None
        if transport is None or transport.is_closing():
            self._end()
        elif self._security and self._security.lets_in(transport.get_extra_info("ssl_object")):
            self._open(transport)
        else:
            _log.debug("client certificate has no allowed name", address=self.address)
            self.abort()

    def _open(self, transport: asyncio.Transport) -> None:
        """Speak HTTP over a connection, beginning with what came before its handshake was told."""
        self._is_open = True
        super().connection_made(transport)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._end()
        if self._is_open:
            if self._answered:  # uvicorn tells the latest request alone, not the one that it answers
                self._answered.disconnected = True
            super().connection_lost(exc)

    def _end(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._all.discard(self)
        self.connections.discard(self)

    def abort(self) -> None:
        """Cut the connection, whatever is under way."""
        self._wire.abort()

    def shutdown(self) -> None:
        """End the connection after the answer that is under way."""
        if self._is_open:
            super().shutdown()
        else:
            self.abort()

    def _allow(self, seconds: float) -> None:
        """Give what the connection does now so much time."""
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        """Read requests, a piece at a time."""
        if not self._is_open:
            self._early += data
            return
        self._unset_keepalive_if_required()
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                return  # answered as any request, and closed
            except httptools.HttpParserError:
                self._refuse(400)
            else:
                self._header_bytes += len(piece)
                if self._is_in_header and self._header_bytes > MOST_HEADER_BYTES:
                    self._refuse(431)
            if self.transport.is_closing():
                return

    def _refuse(self, status: int) -> None:
        """Tell a client what is wrong with its request, unless an answer is under way, and close."""
        if self.is_answering:
            self.abort()
            return
        phrase = HTTPStatus(status).phrase
        self.transport.write(
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(phrase) + 1}\r\nconnection: close\r\n\r\n{phrase}\n".encode()
        )
        self.transport.close()
        self._allow(CLOSE_SECONDS)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._is_in_header = True
        self._header_bytes = 0
        if not self.is_answering:
            self._allow(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """Answer a request, after those before it."""
        self._is_in_header = False
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many requests at once")
        super().on_headers_complete()
        if self.parser.should_upgrade() or any(_announces_body(*header) for header in self.headers):
            self.cycle.keep_alive = False  # nothing here reads a body to its end
        if not self.is_answering:
            self.is_answering = True
            self._all.touch(self)
            self._allow(ANSWER_SECONDS)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin an answer."""
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        self.is_answering = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            return  # what is not sent yet has the rest of the answer's time
        self._all.touch(self)
        if self.is_answering:
            self._allow(ANSWER_SECONDS)
        else:
            self._allow(HEADER_SECONDS if self._is_in_header else KEEP_ALIVE_SECONDS + CLOSE_SECONDS)


def _announces_body(name: bytes, value: bytes) -> bool:
    """Tell whether a header says that a body follows."""
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
