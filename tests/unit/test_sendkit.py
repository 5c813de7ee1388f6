"""The API client against a real server on loopback that can misbehave in every way we know."""

import asyncio
import gc
import gzip
import json
import logging
import math
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config import ApiConfig
from exporter.model import Reason
from exporter.sendkit.client import (
    BACKOFF_CAP_SECONDS,
    Lane,
    RefusedError,
    SendKit,
    SendKitError,
    UnansweredError,
    UnusableError,
    Workspace,
    is_platform_key,
    parse_retry_after,
    parse_workspaces,
)
from tests.scripted_api import Behaviour, hang, raw, reset

pytestmark = pytest.mark.anyio

UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no failure
KEY = "sk_canary-0123456789abcdef"
PLATFORM_KEY = "sk_user_canary-0123456789abcdef"
BODY = b'{"success": true, "data": []}'
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Server:
    """A server that treats each request as the next behaviour says, the last one for all that follow."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = behaviours
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *headers = head.strip().split("\r\n")
                fields = dict(header.split(": ", 1) for header in headers)
                self.requests.append((line, {name.lower(): value for name, value in fields.items()}))
                behaviour = self.behaviours[min(len(self.requests), len(self.behaviours)) - 1]
                await behaviour(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()


def answer(status: int = 200, body: bytes = BODY, /, **headers: str) -> Behaviour:
    """Answer whole and keep the connection."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return behave


def drip(start: bytes, drop: bytes = b"x") -> Behaviour:
    """Send a start, and then one drop after the other without end."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return behave


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
REFUSED_HEAD = b"HTTP/1.1 401 x\r\nContent-Length: 1000000\r\n\r\n"


class Caller:
    """A client whose pauses are recorded and not waited for, and whose jitter is the longest."""

    def __init__(self, api: ApiConfig) -> None:
        self.pauses: list[float] = []
        self.codes: list[str] = []
        self.retries = 0
        self.sleep: Callable[[float], Awaitable[None]] = self._record
        self.sendkit = SendKit(
            api,
            on_request=self.codes.append,
            on_retry=self._retried,
            sleep=lambda seconds: self.sleep(seconds),  # noqa: PLW0108 - tests put another one in its place
            jitter=lambda _low, high: high,
        )
        self.lane = Lane(api.max_concurrent_requests)

    async def _record(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _retried(self) -> None:
        self.retries += 1

    async def mailboxes(
        self,
        key: str = KEY,
        workspace_id: str | None = None,
        window: tuple[date, date] | None = None,
        within: float = 60,
    ) -> bytes:
        deadline = asyncio.get_running_loop().time() + within
        return await self.sendkit.mailboxes(key, workspace_id, window, deadline, self.lane)

    async def failure(self, key: str = KEY, within: float = 60) -> SendKitError:
        """Return the error of a call, after a look for the key in it and in all behind it."""
        with pytest.raises(SendKitError) as caught:
            await self.mailboxes(key, within=within)
        seen: list[BaseException] = []
        behind: BaseException | None = caught.value
        while behind:
            seen.append(behind)
            behind = behind.__cause__ or behind.__context__
        told = "".join(traceback.format_exception(caught.value))
        told += "".join(f"{error!r} {error} {vars(error)}" for error in seen)
        assert "canary" not in told
        return caught.value


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _silent_about_keys(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may end with a key in the log, even at its most talkative."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary" not in "\n".join(record.getMessage() for record in caplog.get_records("call"))


@asynccontextmanager
async def calling(*behaviours: Behaviour, **api: object) -> AsyncIterator[tuple[Server, Caller]]:
    """Run a server with these behaviours, and a client that calls it."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server(*behaviours))
        caller = Caller(ApiConfig.model_validate({"base_url": server.url, **api}))
        await stack.enter_async_context(caller.sendkit)
        yield server, caller


class TestRequest:
    async def test_asks_for_the_mailboxes_with_the_key(self) -> None:
        async with calling(answer()) as (server, caller):
            assert await caller.mailboxes() == BODY
        [(line, headers)] = server.requests
        assert line == "GET /v1/analytics/mailboxes HTTP/1.1"
        assert headers["x-api-key"] == KEY
        assert headers["accept-encoding"] == "gzip"
        assert headers["user-agent"].startswith("sendkit-exporter/")
        assert "authorization" not in headers

    async def test_names_the_workspace_with_a_platform_key(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(PLATFORM_KEY, "w1")
        assert server.requests[0][1]["x-workspace-id"] == "w1"

    async def test_names_no_workspace_with_a_workspace_key(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(KEY, "w1")
        assert "x-workspace-id" not in server.requests[0][1]

    async def test_asks_for_a_window_by_its_first_and_last_day(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(window=(date(2024, 2, 28), date(2024, 3, 5)))
        assert server.requests[0][0] == "GET /v1/analytics/mailboxes?from=2024-02-28&to=2024-03-05 HTTP/1.1"

    async def test_reuses_its_connection(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes()
            await caller.mailboxes()
        assert (server.connections, len(server.requests)) == (1, 2)

    async def test_keeps_no_cookie_between_accounts(self) -> None:
        async with calling(answer(set_cookie="session=canary; Path=/")) as (server, caller):
            await caller.mailboxes()
            await caller.mailboxes(PLATFORM_KEY)
        assert "cookie" not in server.requests[1][1]

    async def test_never_passes_loopback_traffic_to_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        async with calling(answer()) as (_, caller):
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("key", ["sk_canary\r\nX-Evil: 1", "sk_canäry", "sk canary", ""])
    async def test_sends_nothing_with_a_key_that_no_header_carries(self, key: str) -> None:
        async with calling(answer()) as (server, caller):
            error = await caller.failure(key)
        assert (error.reason, error.status, server.requests) == (Reason.AUTH, None, [])
        assert "canäry" not in str(error)


class TestBody:
    async def test_is_decompressed(self) -> None:
        async with calling(answer(200, gzip.compress(BODY), content_encoding="gzip")) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_may_be_gzip_of_several_members(self) -> None:
        members = gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])
        async with calling(answer(200, members, content_encoding="GZIP")) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_may_come_in_chunks(self) -> None:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(BODY)) + b"0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with calling(raw(head + chunks)) as (_, caller):
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("encode", [bytes, gzip.compress])
    async def test_may_be_as_large_as_the_limit(self, encode: Callable[[bytes], bytes]) -> None:
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
    async def test_above_the_limit_is_too_large(self, body: bytes, headers: dict[str, str]) -> None:
        async with calling(answer(200, body, **headers), max_response_bytes=1000) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnusableError)
        assert error.reason == Reason.TOO_LARGE
        assert len(server.requests) == 1

    async def test_that_is_a_bomb_is_never_decompressed_whole(self) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)
        async with calling(answer(200, bomb, content_encoding="gzip"), max_response_bytes=1000) as (
            _,
            caller,
        ):
            tracemalloc.start()
            try:
                await caller.failure()
                _, peak_bytes = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak_bytes < 10_000_000

    @pytest.mark.parametrize(
        ("encode", "headers"),
        [(bytes, {}), (gzip.compress, {"content_encoding": "gzip"})],
        ids=["plain", "gzip"],
    )
    async def test_above_the_limit_is_let_go_at_once(
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
                held_bytes, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
                gc.enable()
        assert len(server.requests) == 5
        assert held_bytes < limit_bytes

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
    async def test_of_no_use_is_malformed(self, body: bytes, encoding: str) -> None:
        async with calling(answer(200, body, content_encoding=encoding)) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnusableError)
        assert (error.reason, error.status) == (Reason.MALFORMED, 200)
        assert len(server.requests) == 1

    async def test_nested_by_two_headers_is_malformed(self) -> None:
        head = HEAD + b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n"
        async with calling(raw(head + b"x" * 100)) as (_, caller):
            assert (await caller.failure()).reason == Reason.MALFORMED


class TestRefusal:
    @pytest.mark.parametrize(
        ("status", "reason", "attempts"),
        [
            (204, Reason.MALFORMED, 1),
            (301, Reason.CLIENT_ERROR, 1),
            (400, Reason.CLIENT_ERROR, 1),
            (401, Reason.AUTH, 1),
            (403, Reason.AUTH, 1),
            (404, Reason.CLIENT_ERROR, 1),
            (408, Reason.CLIENT_ERROR, 3),
            (422, Reason.CLIENT_ERROR, 1),
            (429, Reason.RATE_LIMITED, 3),
            (500, Reason.SERVER_ERROR, 3),
            (503, Reason.SERVER_ERROR, 3),
        ],
    )
    async def test_has_a_reason_and_is_tried_again_if_it_may_pass(
        self, status: int, reason: Reason, attempts: int
    ) -> None:
        async with calling(answer(status, b"")) as (server, caller):
            error = await caller.failure()
        assert (error.reason, error.status) == (reason, status)
        assert str(status) in error.message
        assert len(server.requests) == attempts
        assert caller.codes == [str(status)] * attempts
        assert caller.retries == attempts - 1

    async def test_of_a_redirect_takes_the_key_nowhere(self) -> None:
        async with (
            Server(answer()) as elsewhere,
            calling(answer(307, b"", location=elsewhere.url)) as (_, caller),
        ):
            error = await caller.failure()
        assert isinstance(error, RefusedError)
        assert "307" in error.message
        assert elsewhere.requests == []

    @pytest.mark.parametrize("location", ["http://x:port/", "http://xn--a-/"])
    async def test_of_a_redirect_to_no_address_is_the_requests_fault(self, location: str) -> None:
        async with calling(answer(302, b"", location=location)) as (_, caller):
            error = await caller.failure()
        assert (error.reason, error.message.partition(",")[0]) == ("client_error", "the API answered 302")

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"message": "No such\x1b[31m\nthing"}, "No such[31mthing"),
            ({"message": f"bad key {KEY} given"}, "bad key [redacted] given"),
            ({"message": f"bad key {KEY[:12]}… given"}, "bad key [redacted] given"),
            ({"message": "x" * 1000}, "x" * 200),
        ],
    )
    async def test_tells_the_message_of_the_api(self, body: dict[str, str], told: str) -> None:
        async with calling(answer(404, json.dumps(body).encode())) as (_, caller):
            error = await caller.failure()
        assert error.message == f"the API answered 404: {told}"

    async def test_tells_no_key_whatever_its_form(self) -> None:
        body = json.dumps({"message": "no such key: canary.key"}).encode()
        async with calling(answer(401, body)) as (_, caller):
            error = await caller.failure("canary.key")
        assert error.message == "the API answered 401: no such key: [redacted]"

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b'{"message": 5}', b"[" * 50_000, b'{"message": "' + b"x" * 99_999]
    )
    async def test_needs_no_message(self, body: bytes) -> None:
        async with calling(answer(404, body)) as (_, caller):
            assert (await caller.failure()).message == "the API answered 404"

    @pytest.mark.parametrize("behaviour", [raw(REFUSED_HEAD), drip(REFUSED_HEAD)], ids=["cut", "drip"])
    async def test_stands_when_its_body_does_not_come(self, behaviour: Behaviour) -> None:
        async with calling(behaviour, timeout=timedelta(seconds=0.5)) as (server, caller):
            error = await caller.failure()
        assert (error.reason, error.status, len(server.requests)) == (Reason.AUTH, 401, 1)


class TestNoAnswer:
    @pytest.mark.parametrize(
        "behaviour",
        [
            reset,
            raw(b""),
            raw(b"garbage\r\n\r\n"),
            raw(HEAD + b"\r\nshort"),
            raw(HEAD.replace(b"100", b"-5") + b"\r\n"),
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()),
            answer(200, gzip.compress(BODY)[:-9], content_encoding="gzip"),
            answer(200, b"", content_encoding="gzip"),
            raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
        ],
        ids=[
            "reset",
            "closed",
            "garbage",
            "short",
            "negative",
            "chunks",
            "echo",
            "gzip",
            "no gzip",
            "endless head",
        ],
    )
    async def test_in_whole_is_a_network_failure_and_tried_again(self, behaviour: Behaviour) -> None:
        async with calling(behaviour) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnansweredError)
        assert error.reason == Reason.NETWORK
        assert len(server.requests) == 3

    async def test_from_a_closed_port_is_a_network_failure(self) -> None:
        async with calling(answer()) as (server, caller):
            await server.__aexit__()
            error = await caller.failure()
        assert (error.reason, error.status, caller.codes) == (Reason.NETWORK, None, ["error"] * 3)

    @pytest.mark.parametrize(
        ("behaviour", "code"),
        [
            (hang, "error"),
            (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "error"),
            (drip(HEAD.replace(b"100", b"100000") + b"\r\n"), "200"),
        ],
        ids=["silence", "head", "body"],
    )
    async def test_in_time_is_a_timeout_however_it_drips(self, behaviour: Behaviour, code: str) -> None:
        async with calling(behaviour, timeout=timedelta(seconds=0.5), max_attempts=2) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnansweredError)
        assert (error.reason, caller.codes) == (Reason.TIMEOUT, [code] * 2)
        assert len(server.requests) == 2


class TestRetries:
    async def test_end_with_the_first_good_answer(self) -> None:
        async with calling(answer(500), reset, answer()) as (_, caller):
            assert await caller.mailboxes() == BODY
        assert (caller.codes, caller.retries) == (["500", "error", "200"], 2)

    async def test_wait_twice_as_long_each_time_up_to_a_cap(self) -> None:
        async with calling(answer(500), max_attempts=8) as (_, caller):
            await caller.failure(within=1000)
        assert caller.pauses == [0.5, 1, 2, 4, 8, BACKOFF_CAP_SECONDS, BACKOFF_CAP_SECONDS]

    async def test_wait_as_long_as_asked_in_seconds(self) -> None:
        async with calling(answer(429, retry_after="7"), answer()) as (_, caller):
            await caller.mailboxes()
        assert caller.pauses == [7]

    async def test_wait_as_long_as_asked_by_a_date(self) -> None:
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        async with calling(answer(503, retry_after=moment), answer()) as (_, caller):
            await caller.mailboxes()
        [pause] = caller.pauses
        assert 30 < pause <= 40

    @pytest.mark.parametrize("wish", ["soon", "-5", "nan", "", "0"])
    async def test_go_by_their_own_pace_when_asked_nonsense(self, wish: str) -> None:
        async with calling(answer(429, retry_after=wish), answer()) as (_, caller):
            await caller.mailboxes()
        assert caller.pauses == [0.5]

    async def test_are_given_up_at_once_when_their_time_is_past_the_deadline(self) -> None:
        async with calling(answer(429, retry_after="3600")) as (server, caller):
            error = await caller.failure(within=60)
        assert (error.reason, caller.pauses, len(server.requests)) == (Reason.RATE_LIMITED, [], 1)

    async def test_never_start_past_the_deadline(self) -> None:
        async with calling(answer(500)) as (server, caller):
            caller.sleep = lambda seconds: asyncio.sleep(seconds + 0.2)
            await caller.failure(within=0.6)
        assert (len(server.requests), caller.retries) == (1, 0)

    async def test_hold_no_slot_while_they_wait(self) -> None:
        async with calling(answer(500), answer(), max_concurrent_requests=1) as (_, caller):

            async def sleep(_seconds: float) -> None:
                async with asyncio.timeout(5), caller.lane.slot(suspect=False):
                    pass

            caller.sleep = sleep
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("suspect", [False, True])
    async def test_are_suspect_and_given_up_when_no_slot_comes_free_in_time(self, *, suspect: bool) -> None:
        async with AsyncExitStack() as held, calling(answer(500)) as (server, caller):
            caller.lane = Lane(2 if suspect else 1)
            caller.sleep = lambda _seconds: held.enter_async_context(caller.lane.slot(suspect=suspect))
            error = await caller.failure(within=1)
        assert (error.reason, len(server.requests)) == (Reason.SERVER_ERROR, 1)

    async def test_cut_short_by_the_deadline_do_not_hide_why_it_came_to_them(self) -> None:
        async with calling(answer(500), hang) as (server, caller):
            error = await caller.failure(within=1)
        assert (error.reason, len(server.requests)) == (Reason.SERVER_ERROR, 2)

    async def test_are_not_made_with_one_attempt(self) -> None:
        async with calling(answer(500), max_attempts=1) as (server, caller):
            await caller.failure()
        assert len(server.requests) == 1

    async def test_of_the_first_attempt_has_its_whole_time_past_the_deadline(self) -> None:
        async with calling(answer()) as (_, caller):
            assert await caller.mailboxes(within=-1) == BODY


class TestLane:
    @pytest.mark.parametrize(("slots", "suspects"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)])
    async def test_gives_half_of_its_slots_to_suspects(self, slots: int, suspects: int) -> None:
        lane = Lane(slots)
        assert await slots_taken(lane, suspect=True) == suspects

    async def test_leaves_the_other_half_to_healthy_polls(self) -> None:
        lane = Lane(4)
        async with lane.slot(suspect=True), lane.slot(suspect=True):
            assert await slots_taken(lane, suspect=False) == 2

    async def test_gives_all_its_slots_to_healthy_polls(self) -> None:
        assert await slots_taken(Lane(4), suspect=False) == 4

    async def test_takes_a_slot_back_after_a_failure(self) -> None:
        lane = Lane(1)
        with pytest.raises(KeyError):
            async with lane.slot(suspect=True):
                raise KeyError
        assert await slots_taken(lane, suspect=True) == 1

    async def test_that_is_full_delays_no_other_account(self) -> None:
        async with calling(hang, hang, answer(), max_concurrent_requests=2) as (server, caller):
            stuck = [asyncio.create_task(caller.mailboxes()) for _ in range(5)]
            while len(server.requests) < 2:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
            caller.lane = Lane(2)
            assert await caller.mailboxes() == BODY
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
        assert len(server.requests) == 3


async def slots_taken(lane: Lane, *, suspect: bool) -> int:
    """Return how many of many polls get a slot before any gives one back."""
    taken = 0
    done = asyncio.Event()

    async def poll() -> None:
        nonlocal taken
        async with lane.slot(suspect=suspect):
            taken += 1
            await done.wait()

    polls = [asyncio.create_task(poll()) for _ in range(20)]
    for _ in range(100):
        await asyncio.sleep(0)
    at_once = taken
    done.set()
    await asyncio.gather(*polls)
    return at_once


class TestWorkspaces:
    async def test_are_asked_for_with_any_key(self) -> None:
        body = json.dumps({"success": True, "data": [{"id": "w1", "name": "Acme", "ownerId": "o"}]}).encode()
        async with calling(answer(200, body)) as (server, caller):
            deadline = asyncio.get_running_loop().time() + 60
            workspaces = await caller.sendkit.workspaces(PLATFORM_KEY, deadline, caller.lane)
        assert workspaces == [Workspace("w1", "Acme")]
        [(line, headers)] = server.requests
        assert line == "GET /v1/workspaces HTTP/1.1"
        assert headers["x-api-key"] == PLATFORM_KEY
        assert "x-workspace-id" not in headers

    def test_go_by_their_id_without_a_name_and_stand_once(self) -> None:
        items = [
            {"id": "a", "name": None},
            {"id": "b"},
            {"id": "c", "name": ""},
            {"id": "a", "name": "again"},
        ]
        body = json.dumps({"success": True, "data": items}).encode()
        assert parse_workspaces(body) == [Workspace("a", "a"), Workspace("b", "b"), Workspace("c", "c")]

    @pytest.mark.parametrize("name", [rb"half \ud83d", b"byte \xff"])
    def test_with_a_name_that_is_no_text_cost_the_others_nothing(self, name: bytes) -> None:
        body = b'{"success": true, "data": [{"id": "a", "name": "%s"}, {"id": "b", "name": "B"}]}' % name
        [broken, other] = parse_workspaces(body)
        assert broken.name.endswith(" \ufffd")
        assert other == Workspace("b", "B")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"\xff",
            b"[]",
            b"[" * 100_000,
            b'{"success": true}',
            b'{"success": false, "data": []}',
            b'{"success": "true", "data": []}',
            b'{"success": true, "data": {}}',
            b'{"success": true, "data": [{"name": "x"}]}',
            b'{"success": true, "data": [{"id": 5}]}',
            b'{"success": true, "data": [{"id": ""}]}',
            b'{"success": true, "data": [{"id": "a\\r\\nX-Evil: 1"}]}',
        ],
    )
    def test_that_are_not_as_documented_are_malformed(self, body: bytes) -> None:
        with pytest.raises(UnusableError) as caught:
            parse_workspaces(body)
        assert caught.value.reason == Reason.MALFORMED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("1.5", 1.5),
        ("-1", 0),
        ("1e9", 0),
        ("inf", 0),
        ("NaN", 0),
        ("٣", 0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30),
        ("Wed, 01 May 2024 12:00:30 -0000", 30),
        ("Wednesday, 01-May-24 12:00:30 GMT", 30),
        ("Wed, 01 May 2024 11:00:00 GMT", 0),
        ("Wed, 99 May 2024 12:00:30 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@UNTIMED
@given(st.text() | st.from_regex(r"(\w+, )?\d{1,3}[ -]\w{1,5}[ -]\d{1,6} [\d:]{0,9} [-+\w]{0,6}"))
def test_retry_after_of_any_text_is_a_wait(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds >= 0
    assert math.isfinite(seconds)


@pytest.mark.parametrize(
    ("key", "platform"), [("sk_user_1", True), ("sk_users", False), ("sk_1", False), ("SK_USER_1", False)]
)
def test_a_platform_key_is_told_by_its_start_alone(key: str, *, platform: bool) -> None:
    assert is_platform_key(key) is platform
