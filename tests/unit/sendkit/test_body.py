"""Bodies within bounds: decompressed, and never larger than the limit."""

import gc
import gzip
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from exporter.catalogue.workspace import Reason
from exporter.sendkit.errors import (
    SendKitError,
    UnusableError,
)
from tests.calling import BODY, HEAD, answer, calling
from tests.memory import memory_traced
from tests.scripted_api import raw
from tests.waiting import until

pytestmark = pytest.mark.anyio


class TestBody:
    async def test_a_body_of_gzip_is_decompressed(self) -> None:
        async with calling(answer(200, gzip.compress(BODY), content_encoding="gzip")) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_a_body_may_be_gzip_of_several_members(self) -> None:
        members = gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])
        async with calling(answer(200, members, content_encoding="GZIP")) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_a_body_may_come_in_chunks(self) -> None:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(BODY)) + b"0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with calling(raw(head + chunks)) as (_, caller):
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("encode", [bytes, gzip.compress])
    async def test_a_body_may_be_as_large_as_the_limit(self, encode: Callable[[bytes], bytes]) -> None:
        encoding = {"content_encoding": "gzip"} if encode is gzip.compress else {}
        async with calling(answer(200, encode(b"x" * 1000), **encoding), max_response_bytes=1000) as (
            _,
            caller,
        ):
            assert len(await caller.mailboxes()) == 1000

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"x" * 1001, {}),
            (gzip.compress(b"x" * 1001), {"content_encoding": "gzip"}),
            (gzip.compress(b"\0" * 100_000_000), {"content_encoding": "gzip"}),
            (gzip.compress(b"x" * 1000) + gzip.compress(b"x"), {"content_encoding": "gzip"}),
        ],
        ids=["plain", "gzip", "bomb", "members"],
    )
    async def test_a_body_above_the_limit_is_too_large(self, body: bytes, headers: dict[str, str]) -> None:
        async with calling(answer(200, body, **headers), max_response_bytes=1000) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnusableError)
        assert error.reason == Reason.TOO_LARGE
        assert len(server.requests) == 1

    async def test_a_body_that_is_a_bomb_is_never_decompressed_whole(self) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)
        async with calling(answer(200, bomb, content_encoding="gzip"), max_response_bytes=1000) as (
            _,
            caller,
        ):
            with memory_traced() as memory:
                await caller.failure()
        assert memory.peak_bytes < 10_000_000

    @pytest.mark.parametrize(
        ("encode", "headers"),
        [(bytes, {}), (gzip.compress, {"content_encoding": "gzip"})],
        ids=["plain", "gzip"],
    )
    async def test_a_body_above_the_limit_is_let_go_at_once(
        self, encode: Callable[[bytes], bytes], headers: dict[str, str]
    ) -> None:
        """What was read of it does not wait for the garbage collector, which looks seldom."""
        limit_bytes = 2**20
        body = encode(b"\0" * 2 * limit_bytes)
        async with calling(answer(200, body, **headers), max_response_bytes=limit_bytes) as (server, caller):
            gc.disable()
            tracemalloc.start()
            try:
                for _ in range(5):
                    with suppress(SendKitError):
                        await caller.mailboxes()
                # The server of this test lets go, too, when it sees that the client has left.
                await until(lambda: tracemalloc.get_traced_memory()[0] < limit_bytes)
            finally:
                tracemalloc.stop()
                gc.enable()
        assert len(server.requests) == 5

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [
            (gzip.compress(gzip.compress(BODY)), "gzip, gzip"),
            (BODY, "br"),
            (BODY, "gzip"),
            (gzip.compress(BODY)[:-8] + b"\0" * 8, "gzip"),
            (gzip.compress(BODY) + b"and what is no gzip", "gzip"),
        ],
        ids=["nested", "brotli", "not gzip", "checksum", "rest"],
    )
    async def test_a_body_of_no_use_is_malformed(self, body: bytes, encoding: str) -> None:
        async with calling(answer(200, body, content_encoding=encoding)) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnusableError)
        assert (error.reason, error.status) == (Reason.MALFORMED, 200)
        assert len(server.requests) == 1

    async def test_a_body_nested_by_two_headers_is_malformed(self) -> None:
        head = HEAD + b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n"
        async with calling(raw(head + b"x" * 100)) as (_, caller):
            assert (await caller.failure()).reason == Reason.MALFORMED
