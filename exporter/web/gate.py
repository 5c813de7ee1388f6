"""Where connections come in, encrypted or not: not too many, each with a deadline for what it does."""

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable
from enum import Enum, auto
from itertools import count
from typing import Protocol

import structlog

from exporter.web import handshake

MOST_CONNECTIONS = 512
OPENING_SECONDS = 10.0
CLOSING_SECONDS = 5.0
PAUSE_SECONDS = 0.1
GRACE_SECONDS = 0.2
"""Enough for an honest client's next step, however many others come."""
ACCEPTED_AT_ONCE = 16
LOGGED_EVERY_SECONDS = 60.0
OPENED_AT_ONCE = 2
"""Handshakes begun in one turn of the event loop: each takes a millisecond and more."""

_log = structlog.get_logger(__name__)


class Security(Protocol):
    """What encrypts connections."""

    async def context(self) -> ssl.SSLContext | None:
        """Return the context of a new connection; None for plain HTTP."""

    def lets_in(self, connection: ssl.SSLObject) -> bool:
        """Tell whether the client's certificate, verified already, is let in."""


class Stage(Enum):
    """What a connection does."""

    SILENT = auto()
    ASKING = auto()
    ANSWERED = auto()


class Connection:
    """A connection, from the moment it is there."""

    def __init__(self, gate: "Gate", accepted: socket.socket, address: str) -> None:
        self.gate = gate
        self.socket = accepted
        self.address = address
        self.stage = Stage.SILENT
        self.since = 0.0
        self.transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.call_later(OPENING_SECONDS, self.abort)
        self._opening = self._loop.create_task(gate.open(self))
        self._opening.add_done_callback(self._settle)

    def enter(self, stage: Stage, seconds: float) -> None:
        """Do something else now, with so much time for it."""
        if stage is not self.stage:
            self.gate.move(self, stage)
        self._deadline.cancel()
        self._deadline = self._loop.call_later(seconds, self.abort)

    def abort(self) -> None:
        """Cut the connection, whatever is under way."""
        if self.transport:
            self.transport.abort()
        else:
            self._opening.cancel()

    def end(self) -> None:
        """Forget a connection that is gone."""
        self._deadline.cancel()
        self.gate.discard(self)

    def _settle(self, _: asyncio.Task[None]) -> None:
        """Close a socket that got no transport."""
        if self.transport is None:
            self.socket.close()
            self.end()


class _Refusals:
    """Logs why clients are not let in: each kind once a minute, however many there are."""

    def __init__(self) -> None:
        self._again: dict[str, float] = {}

    def log(self, what: str, address: str) -> None:
        """Log that a client is refused."""
        now = asyncio.get_running_loop().time()
        if now >= self._again.get(what, now):
            self._again[what] = now + LOGGED_EVERY_SECONDS
            _log.warning("client refused", reason=what, address=address)


class Gate:
    """Takes connections in, and has each speak the protocol that `speak` makes for it."""

    def __init__(self, speak: Callable[[Connection], asyncio.Protocol], security: Security | None) -> None:
        self._speak = speak
        self._security = security
        self._crowds: dict[tuple[str, Stage], dict[Connection, None]] = {}
        self._refusals = _Refusals()
        self._pace = asyncio.Semaphore(OPENED_AT_ONCE)
        self._most = MOST_CONNECTIONS
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors != resource.RLIM_INFINITY:  # half is left for the API, files and threads
            self._most = max(1, min(MOST_CONNECTIONS, descriptors // 2))

    async def accept(self, listener: socket.socket) -> None:
        """Take in connections until cancelled."""
        listener.setblocking(False)
        is_short = False
        for number in count(1):
            try:
                accepted, peer = await _accepted(listener)
            except OSError as error:  # no descriptor is left, or the client is gone already
                if not is_short:
                    _log.warning("connections cannot be accepted", error=error.strerror)
                is_short = True
                self._cut_one()
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            is_short = False
            self._admit(Connection(self, accepted, str(peer[0])))
            await self._make_room()
            if number % ACCEPTED_AT_ONCE == 0:
                await asyncio.sleep(0)  # let accepted connections send

    async def open(self, connection: Connection) -> None:
        """Wait for a client's first byte, shake hands if connections are encrypted, and begin to speak.

        A silent client costs no more than its socket.
        """
        await _readable(connection.socket)
        connection.enter(Stage.ASKING, OPENING_SECONDS)
        await self._pace.acquire()
        asyncio.get_running_loop().call_soon(self._pace.release)  # let other connections have their say
        context = await self._security.context() if self._security else None
        if context and handshake.is_plain(connection.socket):
            handshake.refuse_plain(connection.socket)
            self._refusals.log("plain HTTP on a port that speaks TLS", connection.address)
            return
        try:
            with handshake.opening(connection.socket):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: self._speak(connection),
                    connection.socket,
                    ssl=context,
                    ssl_handshake_timeout=OPENING_SECONDS if context else None,
                    ssl_shutdown_timeout=CLOSING_SECONDS if context else None,
                )
        except (OSError, asyncio.CancelledError) as error:
            if isinstance(error, ssl.SSLError):
                self._refusals.log(f"TLS handshake failed: {error.reason or error}", connection.address)
            _log.debug("connection not opened", address=connection.address, error=str(error) or "cut")
            error.__traceback__ = None  # it holds the buffers of the connection, and itself

    def lets_in(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Tell whether the client of an open connection is let in."""
        encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if encrypted is None or self._security is None or self._security.lets_in(encrypted):
            return True
        self._refusals.log("a client's certificate has no allowed name", connection.address)
        return False

    def close(self) -> None:
        """Cut the connections that speak no HTTP yet."""
        for connection in [connection for crowd in self._crowds.values() for connection in crowd]:
            if connection.transport is None:
                connection.abort()

    def move(self, connection: Connection, stage: Stage) -> None:
        """Count a connection at another stage."""
        is_counted = self.discard(connection)
        connection.stage = stage
        if is_counted:
            self._admit(connection)

    def _admit(self, connection: Connection) -> None:
        """Count a connection, the latest of its crowd."""
        connection.since = asyncio.get_running_loop().time()
        self._crowds.setdefault((connection.address, connection.stage), {})[connection] = None

    def discard(self, connection: Connection) -> bool:
        """Count a connection no more; return whether it was counted."""
        place = connection.address, connection.stage
        crowd = self._crowds.get(place, {})
        is_counted = connection in crowd
        if is_counted:
            del crowd[connection]
            if not crowd:
                del self._crowds[place]
        return is_counted

    async def _make_room(self) -> None:
        """Cut connections while there are too many, but none that has only just begun what it does.

        Until then the next ones wait in the kernel, where they cost nothing.
        """
        while sum(map(len, self._crowds.values())) > self._most:
            began = self._superfluous().since
            grace = began + GRACE_SECONDS - asyncio.get_running_loop().time()
            if grace > 0:
                await asyncio.sleep(grace)
            else:
                self._cut_one()
                await asyncio.sleep(0)  # so that it ends before the next is taken in

    def _superfluous(self) -> Connection:
        """Return the connection that can best be spared.

        Of the largest crowd, those of one address at one stage, it is the one that has been there longest:
        who opens many connections loses their own.
        """
        crowd = max(self._crowds.values(), key=len)
        return next(iter(crowd))

    def _cut_one(self) -> None:
        """Cut a connection, if there is any."""
        if self._crowds:
            spared = self._superfluous()
            self.discard(spared)
            spared.abort()


async def _accepted(listener: socket.socket) -> tuple[socket.socket, tuple[object, ...]]:
    """Wait for a connection, and return it with its client's address; raises `OSError`.

    That of asyncio loses a connection when it is cancelled as one comes.
    """
    while True:
        try:
            accepted, peer = listener.accept()
        except BlockingIOError:
            await _readable(listener)
        else:
            accepted.setblocking(False)
            return accepted, peer


async def _readable(connection: socket.socket) -> None:
    """Wait until there is something to read, or a connection to accept."""
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(connection, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(connection)
