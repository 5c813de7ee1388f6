"""How the simulated API misbehaves over HTTP: one answer for each fault."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from exporter.simulator.scenarios import Scenario

_MEBIBYTE = 2**20


class HungUp(Response):
    """No answer: the connection is closed without one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as in ASGI
        """Close the connection."""
        # ASGI has no such message. Uvicorn's receive belongs to the object that holds the transport.
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("only uvicorn lets an application close the connection")
        transport.abort()
        await _departure(receive)


def refusal(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an error as the API words it."""
    return JSONResponse(
        {"error": status.phrase, "message": message, "code": status.value}, status.value, headers
    )


async def faulty(request: Request, fault: Scenario | None) -> Response | None:
    """Return the answer that a fault gives in place of the right one, or None when the right one follows.

    For the fault `slow`, the delay has passed when this returns, or the client has left.
    """
    if fault is None:
        return None
    if fault.name == "slow" and fault.text("mode") == "delay":
        with suppress(TimeoutError):
            await asyncio.wait_for(_departure(request.receive), fault.number("delay"))
    if fault.name not in _ANSWERS:
        return None
    return await run_in_threadpool(_ANSWERS[fault.name], fault)  # a bomb takes a while to make


def dripped(body: bytes, pause_seconds: float) -> Response:
    """Return a body that leaves byte by byte, with pauses between."""

    async def drip() -> AsyncIterator[bytes]:
        for place in range(len(body)):
            yield body[place : place + 1]
            await asyncio.sleep(pause_seconds)

    headers = {"Content-Length": str(len(body))}
    return StreamingResponse(drip(), headers=headers, media_type="application/json")


async def _departure(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _down(fault: Scenario) -> Response:
    if fault.text("mode") == "reset":
        return HungUp()
    return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Service temporarily unavailable")


def _rate_limited(fault: Scenario) -> Response:
    seconds = round(fault.number("retry_after"))
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    retry_after = {"seconds": str(seconds), "date": when, "none": None}[fault.text("form")]
    headers = None if retry_after is None else {"Retry-After": retry_after}
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", headers)


def _malformed(_fault: Scenario) -> Response:
    return Response("<!doctype html><title>One moment</title><p>Back soon", media_type="text/html")


def _redirect(fault: Scenario) -> Response:
    return RedirectResponse(fault.text("location"), HTTPStatus.FOUND)


def _bomb(fault: Scenario) -> Response:
    packed = _packed_spaces(int(fault.number("mebibytes")))
    return Response(packed, headers={"Content-Encoding": "gzip"}, media_type="application/json")


@lru_cache(maxsize=1)
def _packed_spaces(mebibytes: int) -> bytes:
    """Return gzip that decodes to an answer of so many MiB: no mailboxes, but a lot of space for them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)  # 31: with the header of gzip
    pieces = [packer.compress(b'{"success": true, "data": [')]
    pieces += [packer.compress(b" " * _MEBIBYTE) for _ in range(mebibytes)]
    return b"".join((*pieces, packer.compress(b"]}"), packer.flush()))


_ANSWERS: Mapping[str, Callable[[Scenario], Response]] = {
    "api_down": _down,
    "rate_limited": _rate_limited,
    "malformed": _malformed,
    "bomb": _bomb,
    "redirect": _redirect,
}
