"""The HTTP protocol within bounds: of the time and of the bytes that a client may take."""

import asyncio
from http import HTTPStatus

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from exporter.web.gate import Connection, Stage

MOST_HEADER_BYTES = 32 * 1024
MOST_PIPELINED = 8
HEADER_SECONDS = 10.0
ANSWER_SECONDS = 60.0
KEEP_ALIVE_SECONDS = 120
"""Above the usual scrape intervals, so that a scraper's connection is used again."""
CLOSE_SECONDS = 5.0

_PIECE_BYTES = 4 * 1024


class LimitedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with a deadline for whatever a client does, and a bound to what it sends.

    A request's header may take `HEADER_SECONDS` from its first byte on, an answer `ANSWER_SECONDS` until it
    is taken.
    """

    def __init__(self, config: uvicorn.Config, server_state: ServerState, connection: Connection) -> None:
        super().__init__(config, server_state, {})
        self._connection = connection
        self._answered: RequestResponseCycle | None = None
        self._is_in_header = False
        self._header_bytes = 0
        self._is_let_in = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin to speak with a client; one that is not let in gets no other answer than that."""
        super().connection_made(transport)
        self._connection.transport = transport
        self._connection.enter(Stage.ASKING, HEADER_SECONDS)
        self._is_let_in = self._connection.gate.lets_in(self._connection, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._connection.end()
        if self._answered:  # uvicorn knows the latest request alone, not the one that it answers
            self._answered.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read requests, a piece at a time."""
        self._unset_keepalive_if_required()
        if not self._is_let_in:
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        for start in range(0, len(data), _PIECE_BYTES):
            if self.transport.is_closing():
                return
            piece = data[start : start + _PIECE_BYTES]
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                return  # answered as any request, and closed
            except httptools.HttpParserError:
                self._refuse(HTTPStatus.BAD_REQUEST)
                return
            self._header_bytes += len(piece)
            if self._is_in_header and self._header_bytes > MOST_HEADER_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> None:
        """Tell a client what is wrong with its request, unless an answer is under way, and close."""
        if self._connection.stage is Stage.ANSWERED:
            self._connection.abort()
            return
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(status.phrase) + 1}\r\nconnection: close\r\n\r\n{status.phrase}\n".encode()
        )
        self.transport.close()
        self._connection.enter(Stage.ASKING, CLOSE_SECONDS)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._is_in_header = True
        self._header_bytes = 0
        if self._connection.stage is Stage.ASKING:
            self._connection.enter(Stage.ASKING, HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """Answer a request, after those before it."""
        self._is_in_header = False
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many requests at once")
        super().on_headers_complete()
        if self.parser.should_upgrade() or any(_announces_body(*header) for header in self.headers):
            self.cycle.keep_alive = False  # nothing here reads a body to its end
        if self._connection.stage is Stage.ASKING:
            self._connection.enter(Stage.ANSWERED, ANSWER_SECONDS)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin an answer."""
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        is_last = not self.pipeline
        super().on_response_complete()
        if self.transport.is_closing():
            return  # what is not sent yet has the rest of the answer's time
        if not is_last:
            self._connection.enter(Stage.ANSWERED, ANSWER_SECONDS)
        elif self._is_in_header:
            self._connection.enter(Stage.ASKING, HEADER_SECONDS)
        else:
            self._connection.enter(Stage.ASKING, KEEP_ALIVE_SECONDS + CLOSE_SECONDS)


def _announces_body(name: bytes, value: bytes) -> bool:
    """Tell whether a header says that a body follows."""
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
