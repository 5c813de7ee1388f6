"""Connections to the API: a pool for each key, so that no answer is ever read as another account's."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import h11
import httpcore
import httpx

from exporter.sendkit.network import Network

KEPT_SECONDS = 90.0  # longer than the default poll interval, so that the next poll finds it open
KEPT_OF_A_KEY = 8


@dataclass(slots=True, eq=False)
class _Pool:
    connections: httpcore.AsyncConnectionPool
    under_way: int = 0
    """Requests that were sent and whose answer is not closed."""
    idle_since: float = 0.0


class Pools(httpx.AsyncBaseTransport):
    """The transport of all requests: each goes over the pool of its own key.

    A connection on which anything came behind an answer's end is closed, never used again. At most `kept`
    pools keep connections while they have no request under way, each for `KEPT_SECONDS`. `options` are those
    of `httpcore.AsyncConnectionPool`; `clock` returns seconds.
    """

    def __init__(self, kept: int, clock: Callable[[], float], **options: Any) -> None:  # noqa: ANN401
        self._kept = kept
        self._clock = clock
        self._options = {
            "max_connections": None,  # lanes bound them
            "max_keepalive_connections": KEPT_OF_A_KEY,
            "keepalive_expiry": KEPT_SECONDS,
            "network_backend": Network(),
            **options,
        }
        self._busy: dict[str, _Pool] = {}
        self._idle: OrderedDict[str, _Pool] = OrderedDict()
        """The one that was used last is the last one."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises the exceptions of httpx."""
        key = request.headers["X-Api-Key"]
        pool = self._taken(key)
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            answer = await pool.connections.handle_async_request(
                httpcore.Request(request.method, target, headers=request.headers.raw)
            )
        except BaseException as error:  # noqa: BLE001 - raised again
            await self._given_back(key, pool)
            raise _translated(error) from None
        network: Any = answer.extensions["network_stream"]
        network.begun()

        async def closed(inner: Any) -> None:  # noqa: ANN401 - httpcore's own stream
            try:
                if not _is_clean(inner) or await network.has_more():
                    await network.aclose()
            finally:
                await inner.aclose()
                await self._given_back(key, pool)

        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream, closed))

    def _taken(self, key: str) -> _Pool:
        """Return the pool of a key, with one more request under way."""
        pool = self._busy.get(key) or self._idle.pop(key, None)
        if pool is None:
            pool = _Pool(httpcore.AsyncConnectionPool(**self._options))
        self._busy[key] = pool
        pool.under_way += 1
        return pool

    async def _given_back(self, key: str, pool: _Pool) -> None:
        """Note that a request has ended, and close the pools that are not to be kept."""
        now = self._clock()
        pool.under_way -= 1
        if not pool.under_way:
            pool.idle_since = now
            self._idle[key] = self._busy.pop(key)
        while self._idle:
            oldest = next(iter(self._idle.values()))
            if len(self._idle) <= self._kept and now - oldest.idle_since < KEPT_SECONDS:
                break
            _, gone = self._idle.popitem(last=False)
            await gone.connections.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in (*self._busy.values(), *self._idle.values()):
            await pool.connections.aclose()
        self._idle.clear()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; its connection is looked at before it is given back."""

    def __init__(self, inner: Any, close: Callable[[Any], Any]) -> None:  # noqa: ANN401 - httpcore's own stream
        self._inner = inner
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                yield piece
        except Exception as error:  # noqa: BLE001 - as above
            raise _translated(error) from None

    async def aclose(self) -> None:
        """Give the connection back, or close it."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await self._close(inner)


def _is_clean(stream: Any) -> bool:  # noqa: ANN401 - httpcore's own stream
    """Whether an answer came whole, and nothing was read behind its end.

    The HTTP library would take what is there for the next answer, and has no public way to ask for it. Where
    its inside is another one than is known here, no connection is clean.
    """
    try:
        state = stream._stream._connection._h11_state  # noqa: SLF001
        return state.their_state is h11.DONE and not state.trailing_data[0]
    except AttributeError:
        return False


_EXCEPTIONS: Mapping[str, type[Exception]] = {
    name: getattr(httpx, name)
    for name in dir(httpcore)
    if isinstance(kind := getattr(httpcore, name), type)
    and issubclass(kind, Exception)
    and issubclass(getattr(httpx, name, int), httpx.TransportError)
}
"""The exceptions of httpx by name: those of httpcore, on which it is built, have the same names."""


def _translated(error: BaseException) -> BaseException:
    """Return httpx's exception for one of httpcore, and any other one as it is."""
    kind = _EXCEPTIONS.get(type(error).__name__) if type(error).__module__.startswith("httpcore") else None
    return kind(str(error)) if kind else error
