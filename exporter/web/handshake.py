"""TLS handshakes: a client whose handshake fails is sent the alert that says why.

asyncio closes the connection of a failed handshake before it has sent what OpenSSL has to say. A client then
sees an end of file, and its operator learns nothing.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

TLS_HANDSHAKE = 0x16
"""The first byte of every TLS connection: the type of its first record (RFC 8446, 5.1)."""
PLAIN_HTTP = (
    b"HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
    b"Plain HTTP was sent to a port that speaks HTTPS.\n"
)

_connection: ContextVar[socket.socket] = ContextVar("connection")
"""The connection whose handshake is under way; what asyncio calls for it has the same context."""


class _Handshake(ssl.SSLObject):
    """The server's side of a connection, which sends the alert of a handshake that fails."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """Go on with the handshake; raises as OpenSSL does."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            with suppress(OSError, LookupError):
                _connection.get().send(self.outgoing.read())
            raise


class Context(ssl.SSLContext):
    """The context of a server's connections, opened within `opening`."""

    sslobject_class = _Handshake

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as the library's
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return a connection over buffers, as asyncio asks for it."""
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, _Handshake):
            made.outgoing = outgoing
        return made


@contextmanager
def opening(connection: socket.socket) -> Iterator[None]:
    """Have the alert of a handshake begun within this sent over the connection."""
    token = _connection.set(connection)
    try:
        yield
    finally:
        _connection.reset(token)


def is_plain(connection: socket.socket) -> bool:
    """Tell whether a client that has sent something speaks no TLS."""
    with suppress(OSError):
        first = connection.recv(1, socket.MSG_PEEK)
        return first != b"" and first[0] != TLS_HANDSHAKE
    return False


def refuse_plain(connection: socket.socket) -> None:
    """Answer a client that speaks no TLS that it should."""
    with suppress(OSError):
        connection.recv(65536)  # what is left unread would cut the answer short
        connection.send(PLAIN_HTTP)
        connection.shutdown(socket.SHUT_WR)
