"""Bodies of answers, read within bounds: as they come, decompressed, and never more than is asked for."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

import httpx
import msgspec
from isal import isal_zlib

from exporter.catalogue.workspace import Reason
from exporter.sendkit.errors import SendKitError, UnansweredError, UnusableError, plain

EXPLANATION_BYTES = 64 * 1024  # of a refusal's body, at most
EXPLANATION_SECONDS = 2.0  # a refusal stands without its body: do not wait long for that

_GZIP_WBITS = 31


async def read_body(response: httpx.Response, limit_bytes: int) -> bytes:
    """Return a body, decompressed, that is never larger than `limit_bytes` at any time.

    Raises UnusableError for larger ones, other encodings than one gzip, and broken gzip; UnansweredError for
    gzip that ends early.
    """
    encodings = [e.lower() for e in response.headers.get_list("content-encoding", split_commas=True)]
    if encodings not in ([], ["identity"], ["gzip"], ["x-gzip"]):
        raise UnusableError(
            Reason.MALFORMED, "the body is encoded otherwise than asked for", response.status_code
        )
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS) if encodings not in ([], ["identity"]) else None
    pieces: list[bytes] = []
    room = limit_bytes
    async for raw in response.aiter_raw():
        rest = raw
        while rest:
            if inflater is None:
                piece, rest = rest, b""
            else:
                if inflater.eof:  # gzip may be several members in a row (RFC 1952, 2.2)
                    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
                piece, rest = _inflate(inflater, rest, room + 1), inflater.unused_data
            room -= len(piece)
            if room < 0:
                message = f"the body is larger than api.max_response_bytes ({limit_bytes})"
                raise UnusableError(Reason.TOO_LARGE, message, response.status_code)
            pieces.append(piece)
    if inflater is not None and not inflater.eof:
        raise UnansweredError(Reason.NETWORK, "the body ended early (gzip)", response.status_code)
    return b"".join(pieces)


def _inflate(inflater: isal_zlib.Decompress, raw: bytes, limit_bytes: int) -> bytes:
    """Decompress a chunk to `limit_bytes` at most."""
    try:
        return inflater.decompress(raw, limit_bytes)
    except isal_zlib.IsalError:  # type: ignore[misc] # declared as an instance in the library's stub
        raise UnusableError(Reason.MALFORMED, "the body is broken gzip", HTTPStatus.OK) from None


class _Refusal(msgspec.Struct):
    message: str = ""


async def explanation(response: httpx.Response, key: str) -> str:
    """Return the `message` of a refusal, cut short; nothing when there is none."""
    with suppress(  # undocumented and for people alone: the refusal stands without it
        SendKitError,
        TimeoutError,
        httpx.HTTPError,
        httpx.StreamError,
        OSError,
        msgspec.MsgspecError,
        RecursionError,
    ):
        async with asyncio.timeout(EXPLANATION_SECONDS):
            body = await read_body(response, EXPLANATION_BYTES)
        return plain(msgspec.json.decode(body, type=_Refusal).message, key)
    return ""
