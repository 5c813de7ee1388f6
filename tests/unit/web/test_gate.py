"""What clients may not do: be silent, slow, endless or too many, with others left out for it."""

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from exporter.web import gate as web_gate
from exporter.web import limits as web_limits
from exporter.web.file import WebFile
from exporter.web.turns import MOST_AT_ONCE, Turns
from tests.certificates import authority
from tests.serving import served
from tests.waiting import until

BODY = b"x" * 8 * 2**20
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer shortly, or for /large at length, with the path as a header."""
    body = BODY if scope["path"] == "/large" else b"answered"
    headers = [(b"content-length", b"%d" % len(body)), (b"path", scope["raw_path"])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(port: int, source: str = "127.0.0.1") -> AsyncIterator["Client"]:
    """Open a connection from an address of loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


class Client:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, content: bytes) -> None:
        self.writer.write(content)

    async def answer(self) -> bytes:
        """Return a short answer."""
        return await self.reader.readuntil(b"answered")

    async def rest(self) -> bytes:
        """Return what comes until the server closes."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def is_closed(self) -> bool:
        """Whether the server has closed."""
        return self.reader.at_eof() or self.reader.exception() is not None


async def is_served(port: int) -> bool:
    """Whether a client that behaves is answered."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).text == "answered"


@pytest.mark.anyio
class TestTime:
    @pytest.mark.parametrize("start", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
    async def test_to_send_a_header_is_bounded(self, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
        monkeypatch.setattr(web_gate, "OPENING_SECONDS", 0.2)
        monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.2)
        async with served(app) as port, connected(port) as client:
            client.send(start)
            assert await client.rest() == b""
            assert await is_served(port)

    async def test_is_not_won_by_a_byte_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.5)
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nX: ")

            def is_cut_meanwhile() -> bool:
                client.send(b"a")
                return client.is_closed()

            await until(is_cut_meanwhile)

    async def test_of_a_kept_connection_begins_with_the_next_request(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(GET)
            assert (await client.answer()).startswith(b"HTTP/1.1 200 OK\r\n")
            monkeypatch.setattr(web_limits, "HEADER_SECONDS", 0.2)
            client.send(GET[:5])
            assert await client.rest() == b""

    async def test_to_take_an_answer_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
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
    async def test_to_shake_hands_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: bytes
    ) -> None:
        monkeypatch.setattr(web_gate, "OPENING_SECONDS", 0.5)
        async with served(app, encrypted(tmp_path)) as port, connected(port) as client:
            client.send(start)
            assert await client.rest() == b""


def encrypted(folder: Path, *lines: str) -> WebFile:
    """Return what encrypts by a certificate in a folder."""
    signer = authority(folder / "certificates")
    server = signer.sign("server")
    given_lines = [f"cert_file: {server.file}", f"key_file: {server.key_file}", *lines]
    path = folder / "web.yml"
    path.write_text("tls_server_config:\n" + "".join(f"  {line}\n" for line in given_lines))
    return WebFile(path)


@pytest.mark.anyio
class TestEncryption:
    async def test_is_that_of_the_file_as_it_is_now(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path)
        async with served(app, file) as port:
            for _ in range(2):
                signer = authority(tmp_path / "certificates")
                signer.sign("server")
                async with httpx.AsyncClient(
                    verify=signer.client_context(), timeout=60, trust_env=False
                ) as client:
                    assert (await client.get(f"https://localhost:{port}/")).text == "answered"

    async def test_lets_in_the_allowed_names_alone(self, tmp_path: Path) -> None:
        ca = tmp_path / "certificates" / "authority.pem"
        file = encrypted(
            tmp_path,
            "client_auth_type: RequireAndVerifyClientCert",
            f"client_ca_file: {ca}",
            "client_allowed_sans: [scraper.example]",
        )
        signer = authority(tmp_path / "certificates", "other")  # a folder for more certificates
        signer = type(signer)(signer.folder, ca, ca.with_suffix(".key"))
        async with served(app, file) as port:
            for name, is_let_in in (("scraper.example", True), ("stranger.example", False)):
                context = signer.client_context(signer.sign("client", f"DNS:{name}"))
                async with httpx.AsyncClient(verify=context, timeout=60, trust_env=False) as client:
                    if is_let_in:
                        assert (await client.get(f"https://localhost:{port}/")).text == "answered"
                    else:
                        with pytest.raises(httpx.TransportError):
                            await client.get(f"https://localhost:{port}/")

    async def test_refuses_who_speaks_plainly(self, tmp_path: Path) -> None:
        async with served(app, encrypted(tmp_path)) as port, connected(port) as client:
            client.send(GET)
            assert b"200" not in await client.rest()

    async def test_refuses_an_old_version(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path, "min_version: TLS13")
        context = authority(tmp_path / "unknown").client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with served(app, file) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")


@pytest.mark.anyio
class TestBytes:
    @pytest.mark.parametrize(
        "endless",
        [
            b"GET /" + b"a" * 2**18,
            b"GET / HTTP/1.1\r\nX: " + b"a" * 2**18,
            b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 2**16,
        ],
    )
    async def test_of_a_header_are_bounded(self, endless: bytes) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(endless)
            refused = await client.rest()
            assert refused == b"" or refused.startswith(b"HTTP/1.1 431 ")  # what is unread resets it
            assert await is_served(port)

    async def test_of_a_header_that_is_just_large_are_taken(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 16_000 + b"\r\n\r\n")
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")

    async def test_of_a_header_that_is_too_large_are_told(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\nX: " + b"a" * web_limits.MOST_HEADER_BYTES)
            assert (await client.rest()).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    async def test_of_a_body_end_the_connection_after_the_answer(self) -> None:
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

    async def test_that_are_no_request_are_refused(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"\x16\x03\x01\x02\x00 no request\r\n\r\n")
            assert (await client.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        noise=st.lists(
            st.sampled_from([GET, b"\r\n", b":", b" ", b"HTTP/1.1", b"\0"]) | st.binary(), max_size=9
        )
    )
    async def test_of_any_kind_leave_others_served(self, noise: list[bytes]) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"".join(noise))
            client.writer.write_eof()
            assert await is_served(port)

    async def test_of_some_requests_at_once_are_answered_in_their_order(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(b"".join(GET.replace(b"/", b"/%d" % number, 1) for number in range(5)))
            for number in range(5):
                assert b"path: /%d\r\n" % number in await client.answer()

    async def test_of_many_requests_at_once_cut_the_connection(self) -> None:
        async with served(app) as port, connected(port) as client:
            client.send(GET * 10_000)
            assert (await client.rest()).count(b"answered") < 10_000
            assert await is_served(port)


@pytest.mark.anyio
class TestConnections:
    async def test_that_are_idle_leave_room_for_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_gate, "MOST_CONNECTIONS", 20)
        async with served(app) as port, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(100)]
            assert await is_served(port)
            await until(lambda: sum(not client.is_closed() for client in clients) <= 20)

    async def test_of_a_crowd_go_before_those_of_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_gate, "MOST_CONNECTIONS", 20)
        async with served(app) as port, AsyncExitStack() as stack:
            scraper = await stack.enter_async_context(connected(port))
            scraper.send(GET)
            await scraper.answer()
            crowd = [await stack.enter_async_context(connected(port, "127.0.0.2")) for _ in range(100)]
            await until(lambda: sum(client.is_closed() for client in crowd) >= 80)
            scraper.send(GET)
            assert await scraper.answer()

    async def test_take_no_more_than_half_of_the_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (20, 20))
        async with served(app) as port, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(port)) for _ in range(30)]
            await until(lambda: sum(not client.is_closed() for client in clients) <= 10)

    async def test_that_are_kept_are_used_again(self) -> None:
        async with served(app) as port, connected(port) as client:
            for _ in range(3):
                client.send(GET)
                assert b"connection: close" not in await client.answer()


class Slow:
    """An application whose answers begin when they are let; it notes who is being answered."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_begin = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.begun.append(scope["client"][0])
        await self.may_begin.acquire()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()  # a client that takes its answer slowly


def asked(turns: Turns, address: str, method: str = "GET") -> asyncio.Task[None]:
    """Ask from an address."""

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    scope = {"type": "http", "method": method, "client": (address, 1)}
    return asyncio.create_task(turns(scope, receive, send))


@pytest.mark.anyio
class TestTurns:
    async def test_are_some_at_a_time_and_go_round_the_addresses(self) -> None:
        slow = Slow()
        turns = Turns(slow)
        tasks = [asked(turns, "crowd") for _ in range(10)]
        await until(lambda: len(slow.begun) == MOST_AT_ONCE)
        tasks += [asked(turns, "scraper"), asked(turns, "other")]
        for number in range(MOST_AT_ONCE + 1, 13):
            slow.may_begin.release()
            await until(lambda number=number: len(slow.begun) == number)  # type: ignore[misc] # of a default
        assert slow.begun == ["crowd"] * MOST_AT_ONCE + ["crowd", "scraper", "other"] + ["crowd"] * 7
        for task in tasks:
            task.cancel()

    async def test_of_those_that_are_gone_go_to_others(self) -> None:
        slow = Slow()
        turns = Turns(slow)
        tasks = [asked(turns, "crowd") for _ in range(MOST_AT_ONCE + 5)]
        await until(lambda: len(slow.begun) == MOST_AT_ONCE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        late = asked(turns, "late")
        await until(lambda: slow.begun[-1] == "late")
        late.cancel()

    async def test_are_not_taken_by_a_reload(self) -> None:
        slow = Slow()
        turns = Turns(slow)
        tasks = [asked(turns, "operator", "POST") for _ in range(MOST_AT_ONCE)]
        tasks.append(asked(turns, "scraper"))
        await until(lambda: slow.begun[-1:] == ["scraper"])
        for task in tasks:
            task.cancel()
