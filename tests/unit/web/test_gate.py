"""What clients may not do: be silent, slow, endless or too many, with others left out for it."""

import resource
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.web import gate as web_gate
from exporter.web import limits as web_limits
from tests.serving import served
from tests.unit.web.clients import GET, app, connected, encrypted, is_served
from tests.waiting import until


@pytest.mark.anyio
class TestTime:
    @pytest.mark.parametrize("start", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
    async def test_time_to_send_a_header_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch, start: bytes
    ) -> None:
        monkeypatch.setattr(web_gate, "OPENING_SECONDS", 0.2)
        monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.2)
        async with served(app) as port, connected(port) as client:
            client.send(start)
            assert await client.rest() == b""
            assert await is_served(port)

    async def test_time_is_not_won_by_a_byte_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.5)
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nX: ")

            def is_cut_meanwhile() -> bool:
                client.send(b"a")
                return client.is_closed()

            await until(is_cut_meanwhile)

    async def test_time_of_a_kept_connection_begins_with_the_next_request(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(GET)
            assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
            monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.2)
            client.send(GET[:5])
            assert await client.rest() == b""

    async def test_time_to_take_an_answer_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_limits, "ANSWER_SECONDS", 0.2)
        async with served(app) as port, connected(port) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined] # of every transport
            client.send(GET.replace(b"/", b"/large", 1) * 4)

            def is_cut() -> bool:
                client.send(b"\r\n")
                return client.writer.is_closing()

            await until(is_cut)
            assert await is_served(port)

    @pytest.mark.parametrize("start", [b"", b"\x16\x03\x01"])
    async def test_time_to_shake_hands_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: bytes
    ) -> None:
        monkeypatch.setattr(web_gate, "OPENING_SECONDS", 0.5)
        async with served(app, encrypted(tmp_path)) as port, connected(port) as client:
            client.send(start)
            assert await client.rest() == b""


@pytest.mark.anyio
class TestBytes:
    @pytest.mark.parametrize(
        "endless",
        [
            b"GET /" + b"a" * 2**18,
            b"GET / HTTP/1.1\r\nX: " + b"a" * 2**18,
            b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 2**16,
        ],
        ids=["path", "field", "fields"],
    )
    async def test_bytes_of_a_header_are_bounded(self, endless: bytes) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(endless)
            refused = await client.rest()
            assert refused == b"" or refused.startswith(b"HTTP/1.1 431 ")  # what is unread resets it
            assert await is_served(port)

    async def test_bytes_of_a_header_that_is_just_large_are_taken(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 16_000 + b"\r\n\r\n")
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")

    async def test_bytes_of_a_header_that_is_too_large_are_answered_with_431(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nX: " + b"a" * web_limits.MOST_HEADER_BYTES)
            assert (await client.rest()).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    async def test_bytes_of_a_body_end_the_connection_after_the_answer(self) -> None:
        async with served(app) as port:
            for head in (
                b"Content-Length: 5\r\n\r\nhello",
                b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            ):
                async with connected(port) as client:
                    client.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + head)
                    answered = await client.rest()
                    assert answered.startswith(b"HTTP/1.1 200 ")
                    assert b"connection: close" in answered

    async def test_bytes_that_are_no_request_are_refused(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"\x16\x03\x01\x02\x00 no request\r\n\r\n")
            assert (await client.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        noise=st.lists(
            st.sampled_from([GET, b"\r\n", b":", b" ", b"HTTP/1.1", b"\0"]) | st.binary(), max_size=9
        )
    )
    async def test_bytes_of_any_kind_leave_others_served(self, noise: list[bytes]) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"".join(noise))
            client.writer.write_eof()
            assert await is_served(port)

    async def test_bytes_of_some_requests_at_once_are_answered_in_their_order(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"".join(GET.replace(b"/", b"/%d" % number, 1) for number in range(5)))
            for number in range(5):
                assert b"path: /%d\r\n" % number in await client.answer()

    async def test_bytes_of_many_requests_at_once_cut_the_connection(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(GET * 10_000)
            assert (await client.rest()).count(b"answered") < 10_000
            assert await is_served(port)


@pytest.mark.anyio
class TestConnections:
    async def test_connections_that_are_idle_leave_room_for_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web_gate, "MOST_CONNECTIONS", 20)
        async with served(app) as port, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(100)]
            assert await is_served(port)
            await until(lambda: sum(not client.is_closed() for client in clients) <= 20)

    async def test_connections_of_a_crowd_go_before_those_of_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web_gate, "MOST_CONNECTIONS", 20)
        async with served(app) as port, AsyncExitStack() as stack:
            scraper = await stack.enter_async_context(connected(port))
            scraper.send(GET)
            await scraper.answer()
            crowd = [await stack.enter_async_context(connected(port, "127.0.0.2")) for _ in range(100)]
            await until(lambda: sum(client.is_closed() for client in crowd) >= 80)
            scraper.send(GET)
            assert await scraper.answer()

    async def test_connections_take_no_more_than_half_of_the_descriptors(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (20, 20))
        async with served(app) as port, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(30)]
            await until(lambda: sum(not client.is_closed() for client in clients) <= 10)

    async def test_connections_that_are_kept_are_used_again(self) -> None:
        async with served(app) as port, connected(port) as client:
            for _ in range(3):
                client.send(GET)
                assert b"connection: close" not in await client.answer()
