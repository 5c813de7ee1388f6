"""What a request says, and over which connection it goes."""

from datetime import date

import pytest

from exporter.catalogue.workspace import Reason
from exporter.sendkit.client import is_platform_key
from tests.calling import BODY, KEY, PLATFORM_KEY, answer, calling

pytestmark = pytest.mark.anyio


class TestRequest:
    async def test_a_request_asks_for_the_mailboxes_with_the_key(self) -> None:
        async with calling(answer()) as (server, caller):
            assert await caller.mailboxes() == BODY
        [(line, headers)] = server.requests
        assert line == "GET /v1/analytics/mailboxes HTTP/1.1"
        assert headers["x-api-key"] == KEY
        assert headers["accept-encoding"] == "gzip"
        assert headers["user-agent"].startswith("sendkit-exporter/")
        assert "authorization" not in headers

    async def test_a_request_names_the_workspace_with_a_platform_key(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(PLATFORM_KEY, "w1")
        assert server.requests[0][1]["x-workspace-id"] == "w1"

    async def test_a_request_names_no_workspace_with_a_workspace_key(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(KEY, "w1")
        assert "x-workspace-id" not in server.requests[0][1]

    async def test_a_request_asks_for_a_window_by_its_first_and_last_day(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes(window=(date(2024, 2, 28), date(2024, 3, 5)))
        assert server.requests[0][0] == (
            "GET /v1/analytics/mailboxes?"
            "from=2024-02-28T00%3A00%3A00.000Z&to=2024-03-05T23%3A59%3A59.999Z HTTP/1.1"
        )

    async def test_a_request_uses_the_connection_of_the_last_one(self) -> None:
        async with calling(answer()) as (server, caller):
            await caller.mailboxes()
            await caller.mailboxes()
        assert (server.connections, len(server.requests)) == (1, 2)

    async def test_a_request_keeps_no_cookie_between_accounts(self) -> None:
        async with calling(answer(set_cookie="session=canary; Path=/")) as (server, caller):
            await caller.mailboxes()
            await caller.mailboxes(PLATFORM_KEY)
        assert "cookie" not in server.requests[1][1]

    async def test_a_request_never_passes_loopback_traffic_to_a_proxy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        async with calling(answer()) as (_, caller):
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("key", ["sk_canary\r\nX-Evil: 1", "sk_canäry", "sk canary", ""])
    async def test_a_request_sends_nothing_with_a_key_that_no_header_carries(self, key: str) -> None:
        async with calling(answer()) as (server, caller):
            error = await caller.failure(key)
        assert (error.reason, error.status, server.requests) == (Reason.AUTH, None, [])
        assert "canäry" not in str(error)


@pytest.mark.parametrize(
    ("key", "platform"), [("sk_user_1", True), ("sk_users", False), ("sk_1", False), ("SK_USER_1", False)]
)
def test_a_platform_key_is_recognized_by_its_start_alone(key: str, *, platform: bool) -> None:
    assert is_platform_key(key) is platform
