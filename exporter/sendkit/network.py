"""The network below the connections: addresses are tried in turn, and bytes are read in small steps."""

import asyncio
import os
import ssl
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore

from exporter.sendkit.resolver import Resolver

NEXT_ADDRESS_SECONDS = 0.25
"""Before the next address of a host is tried beside the one before (RFC 8305, 5)."""
MOST_HEAD_BYTES = 256 * 1024
"""Of an answer's head, with all interim answers (1xx) before it."""

_HEAD_STEP_BYTES = 4096  # the HTTP library reads all that is in a step at once, and interim answers are dear
_BEHIND_SECONDS = 0.002


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections; a failure names the host, the address and what the operating system says."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._resolver = Resolver()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the request as a whole has a limit
        local_address: str | None = None,  # noqa: ARG002 - as above, of the library
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - as above
    ) -> "Stream":
        """Connect to the first address of a host that accepts."""
        try:
            addresses = [host] if _is_address(host) else await self._resolver.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from None
        attempts: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
        failures: list[str] = []
        waiting = list(addresses)
        try:
            while waiting or attempts:
                if waiting:
                    attempts.add(asyncio.create_task(self._connect(host, waiting.pop(0), port)))
                pause = NEXT_ADDRESS_SECONDS if waiting else None
                done, attempts = await asyncio.wait(
                    attempts, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in done:
                    if attempt.exception() is None:
                        attempts |= done - {attempt}
                        return Stream(attempt.result())
                    failures.append(str(attempt.exception()))
        finally:
            await _abandon(attempts)
        raise httpcore.ConnectError(f"{host}:{port}: " + ", ".join(failures[:3]))

    async def _connect(self, host: str, address: str, port: int) -> httpcore.AsyncNetworkStream:
        try:
            return await self._inner.connect_tcp(address, port)
        except httpcore.ConnectError as error:
            named = "" if address == host else f"{address}: "
            raise httpcore.ConnectError(f"{named}{_reason(error)}") from None

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Stream(httpcore.AsyncNetworkStream):
    """Bytes of one connection, read in steps between which others get their turn."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._head_bytes: int | None = 0  # None: the head is there

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Read what is there, in a step that is short while the answer has not begun."""
        await asyncio.sleep(0)
        if self._head_bytes is None:
            return await self._inner.read(max_bytes, timeout)
        if self._head_bytes > MOST_HEAD_BYTES:
            raise httpcore.RemoteProtocolError(f"the answer does not begin within {MOST_HEAD_BYTES} bytes")
        content = await self._inner.read(min(max_bytes, _HEAD_STEP_BYTES), timeout)
        self._head_bytes += len(content)
        return content

    def begun(self) -> None:
        """Note that the answer's head is there."""
        self._head_bytes = None

    async def has_more(self) -> bool:
        """Whether there are bytes, or the end of them, that nobody asked for."""
        try:
            await self._inner.read(1, _BEHIND_SECONDS)
        except httpcore.ReadTimeout:
            return False
        return True

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write; another answer begins after it."""
        self._head_bytes = 0
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> "Stream":
        """Encrypt the connection."""
        return Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - by the library
        """Return what the library wants to know of the socket."""
        return self._inner.get_extra_info(info)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _reason(error: BaseException) -> str:
    """Return what the operating system says about a connection that failed."""
    inner: BaseException | None = error
    while inner:
        if isinstance(inner, OSError) and inner.errno and inner.errno > 0:
            return os.strerror(inner.errno)
        inner = inner.__cause__ or inner.__context__
    return str(error)


async def _abandon(attempts: set["asyncio.Task[httpcore.AsyncNetworkStream]"]) -> None:
    """End connections that are not needed, also one that was made at the same moment."""
    for attempt in attempts:
        attempt.cancel()
    for attempt in attempts:
        with suppress(asyncio.CancelledError, httpcore.NetworkError, httpcore.TimeoutException):
            await (await attempt).aclose()
