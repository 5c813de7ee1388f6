"""Why a call failed: the API refused it, or gave no whole answer."""

import asyncio
import gzip
import json
from datetime import timedelta

import pytest

from exporter.catalogue.workspace import Reason
from exporter.config import ApiConfig
from exporter.sendkit.errors import (
    RefusedError,
    SendKitError,
    UnansweredError,
)
from tests.calling import BODY, HEAD, KEY, PLATFORM_KEY, REFUSED_HEAD, Caller, Server, answer, calling, drip
from tests.listener import Listener
from tests.scripted_api import Behaviour, hang, raw, reset

pytestmark = pytest.mark.anyio


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
    async def test_a_refusal_has_a_reason_and_is_tried_again_if_it_may_pass(
        self, status: int, reason: Reason, attempts: int
    ) -> None:
        async with calling(answer(status, b"")) as (server, caller):
            error = await caller.failure()
        assert (error.reason, error.status) == (reason, status)
        assert str(status) in error.message
        assert len(server.requests) == attempts
        assert caller.codes == [str(status)] * attempts
        assert caller.retries == attempts - 1

    async def test_a_refusal_of_a_redirect_takes_the_key_nowhere(self) -> None:
        async with (
            Server(answer()) as elsewhere,
            calling(answer(307, b"", location=f"http://{elsewhere.address}")) as (_, caller),
        ):
            error = await caller.failure()
        assert isinstance(error, RefusedError)
        assert "307" in error.message
        assert elsewhere.requests == []

    @pytest.mark.parametrize("location", ["http://x:port/", "http://xn--a-/"])
    async def test_a_refusal_of_a_redirect_to_no_address_is_the_requests_fault(self, location: str) -> None:
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
    async def test_a_refusal_tells_the_message_of_the_api(self, body: dict[str, str], told: str) -> None:
        async with calling(answer(404, json.dumps(body).encode())) as (_, caller):
            error = await caller.failure()
        assert error.message == f"the API answered 404: {told}; is api.base_url right?"

    async def test_a_refusal_names_the_address_where_a_404_can_mean_nothing_else(self) -> None:
        """A workspace that is named may be gone, and an endpoint may be closed to a key."""
        async with calling(answer(404, b"")) as (_, caller):
            unnamed = await caller.failure()
            with pytest.raises(SendKitError) as named:
                await caller.mailboxes(PLATFORM_KEY, workspace_id="w1")
            with pytest.raises(SendKitError) as other:
                await caller.get("/v1/warmup/stats")
        assert unnamed.message == "the API answered 404; is api.base_url right?"
        assert (named.value.message, other.value.message) == ("the API answered 404",) * 2

    async def test_a_refusal_tells_no_key_whatever_its_form(self) -> None:
        body = json.dumps({"message": "no such key: canary.key"}).encode()
        async with calling(answer(401, body)) as (_, caller):
            error = await caller.failure("canary.key")
        assert error.message == "the API answered 401: no such key: [redacted]"

    @pytest.mark.parametrize(
        "body", [b"", b"Not Found", b"[]", b'{"message": 5}', b"[" * 50_000, b'{"message": "' + b"x" * 99_999]
    )
    async def test_a_refusal_needs_no_message_of_the_api(self, body: bytes) -> None:
        async with calling(answer(404, body)) as (_, caller):
            assert (await caller.failure()).message == "the API answered 404; is api.base_url right?"

    @pytest.mark.parametrize("behaviour", [raw(REFUSED_HEAD), drip(REFUSED_HEAD)], ids=["cut", "drip"])
    async def test_a_refusal_stands_when_its_body_does_not_come(self, behaviour: Behaviour) -> None:
        async with calling(behaviour, timeout=timedelta(seconds=0.5)) as (server, caller):
            error = await caller.failure()
        assert (error.reason, error.status, len(server.requests)) == (Reason.AUTH, 401, 1)


async def _refuse_at_once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


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
    async def test_no_answer_in_whole_is_a_network_failure_and_tried_again(
        self, behaviour: Behaviour
    ) -> None:
        async with calling(behaviour) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnansweredError)
        assert error.reason == Reason.NETWORK
        assert server.address in error.message
        assert len(server.requests) == 3

    async def test_no_answer_from_a_closed_port_is_a_network_failure(self) -> None:
        async with calling(answer()) as (server, caller):
            await server.__aexit__()
            error = await caller.failure()
        assert (error.reason, error.status, caller.codes) == (Reason.NETWORK, None, ["error"] * 3)
        assert error.message == f"ConnectError: {server.address}: Connection refused"

    async def test_no_answer_of_a_server_without_tls_is_a_network_failure(self) -> None:
        async with Listener(_refuse_at_once) as server:
            caller = Caller(ApiConfig.model_validate({"base_url": f"https://{server.address}"}))
            async with caller.sendkit:
                error = await caller.failure()
        assert error.reason == Reason.NETWORK
        assert error.message.startswith(f"ConnectError: {server.address}: [SSL")

    @pytest.mark.parametrize(
        ("behaviour", "code"),
        [
            (hang, "error"),
            (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "error"),
            (drip(HEAD.replace(b"100", b"100000") + b"\r\n"), "200"),
        ],
        ids=["silence", "head", "body"],
    )
    async def test_no_answer_in_time_is_a_timeout_however_it_drips(
        self, behaviour: Behaviour, code: str
    ) -> None:
        async with calling(behaviour, timeout=timedelta(seconds=0.5), max_attempts=2) as (server, caller):
            error = await caller.failure()
        assert isinstance(error, UnansweredError)
        assert (error.reason, caller.codes) == (Reason.TIMEOUT, [code] * 2)
        assert error.message == f"no whole answer from {server.address} within 0.5 s"
        assert len(server.requests) == 2
