"""Bodies of answers, read within bounds: as they come, decompressed, and never more than is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import msgspec
from isal import isal_zlib

from exporter.catalogue.workspace import Reason
from exporter.sendkit.errors import SendKitError, UnansweredError, UnusableError, plain, server_of

EXPLANATION_BYTES = 64 * 1024  # of a refusal's body, at most
EXPLANATION_SECONDS = 2.0  # a refusal is valid without its body: do not wait long for that

_GZIP_WBITS = 31
_STEP_BYTES = 1 << 18  # decompressed without a turn for others
_TURN_PIECES = 16
_MOST_PIECES = 10_000
_LEAST_PIECE_BYTES = 512
_PLAIN_ENCODINGS = {"", "identity", "none", "utf-8", "utf8"}  # the last three are no encodings, and harmless
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


Grow = Callable[[int], Awaitable[None]]
"""Waits until there is memory for so many bytes more."""


async def read_body(response: httpx.Response, limit_bytes: int, grow: Grow) -> bytearray:
    """Return a body, decompressed, that is never larger than `limit_bytes` at any time, and held once.

    Raises UnusableError for larger ones, other encodings than one gzip, broken gzip, and one in far too many
    pieces; UnansweredError for gzip that ends early.
    """
    named = response.headers.get_list("content-encoding", split_commas=True)
    encodings = [encoding.lower() for encoding in named if encoding.lower() not in _PLAIN_ENCODINGS]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        raise UnusableError(
            Reason.MALFORMED, "the body is encoded otherwise than asked for", response.status_code
        )
    body = _Body(limit_bytes, response.status_code, grow)
    async for raw in response.aiter_raw():
        if encodings:
            await _decompress(body, raw)
        else:
            await body.add(raw)
            await body.count(len(raw))
    if encodings and not (body.inflater and body.inflater.eof):
        why = f"{server_of(response.request)}: the body ended early (gzip)"
        raise UnansweredError(Reason.NETWORK, why, response.status_code)
    if body.content.startswith(_BYTE_ORDER_MARK):
        del body.content[: len(_BYTE_ORDER_MARK)]
    return body.content


class _Body:
    """A body while it grows, and how many pieces of it there were."""

    def __init__(self, limit_bytes: int, status: int, grow: Grow) -> None:
        self._limit_bytes = limit_bytes
        self._grow = grow
        self._status = status
        self._pieces = 0
        self._wire_bytes = 0
        self.content = bytearray()
        self.inflater: Any = None

    @property
    def room(self) -> int:
        """Return how many bytes it may grow by."""
        return self._limit_bytes - len(self.content)

    async def add(self, piece: bytes) -> None:
        """Add some bytes as soon as there is memory for them."""
        if len(piece) > self.room:
            message = f"the body is larger than api.max_response_bytes ({self._limit_bytes})"
            raise UnusableError(Reason.TOO_LARGE, message, self._status)
        await self._grow(len(piece))
        self.content += piece

    async def count(self, wire_bytes: int) -> None:
        """Note a piece, and give others their turn now and then."""
        self._pieces += 1
        self._wire_bytes += wire_bytes
        if self._pieces > _MOST_PIECES + self._wire_bytes // _LEAST_PIECE_BYTES:
            message = f"the body comes in {self._pieces} pieces of {self._wire_bytes} bytes"
            raise UnusableError(Reason.MALFORMED, message, self._status)
        if self._pieces % _TURN_PIECES == 0:
            await asyncio.sleep(0)


async def _decompress(body: _Body, raw: bytes) -> None:
    """Add a piece of gzip: several members in a row (RFC 1952, 2.2), perhaps with zeros behind them."""
    rest = raw
    while True:
        if body.inflater is None or (body.inflater.eof and rest.strip(b"\0")):
            rest = rest.lstrip(b"\0") if body.inflater else rest
            body.inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
        elif body.inflater.eof:
            await body.count(len(rest))
            return
        try:
            piece = body.inflater.decompress(rest, min(_STEP_BYTES, body.room + 1))
        except isal_zlib.IsalError:  # type: ignore[misc] # declared as an instance in the library's stub
            raise UnusableError(Reason.MALFORMED, "the body is broken gzip", HTTPStatus.OK) from None
        await body.add(piece)
        before, rest = len(rest), body.inflater.unused_data or body.inflater.unconsumed_tail
        await body.count(before - len(rest))
        if len(piece) == _STEP_BYTES:
            await asyncio.sleep(0)
        elif not rest:
            return


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a refusal's body says: its `message`, cut short, and whether it is a page for people."""

    message: str = ""
    is_page: bool = False


class _Refusal(msgspec.Struct):
    message: str = ""


async def explanation(response: httpx.Response, key: str) -> Explanation:
    """Return what a refusal says; nothing when there is nothing to be read."""
    body = bytearray()
    with suppress(  # undocumented and for people alone: the refusal is valid without it
        SendKitError, TimeoutError, httpx.HTTPError, httpx.StreamError, OSError
    ):
        async with asyncio.timeout(EXPLANATION_SECONDS):
            body = await read_body(response, EXPLANATION_BYTES, _small)
    try:
        return Explanation(plain(msgspec.json.decode(body, type=_Refusal).message, key))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Explanation(is_page=_is_page(bytes(body), response))


async def _small(_more_bytes: int) -> None:
    """Let a body grow that is too small to be counted."""


def _is_page(body: bytes, response: httpx.Response) -> bool:
    """Whether a body is neither JSON nor empty, nor just the words of the status."""
    text = body.strip().decode("utf-8", "replace")
    return bool(text) and text[0] not in "{[" and text != HTTPStatus(response.status_code).phrase
