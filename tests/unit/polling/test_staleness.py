"""Answers that no longer count, over a scripted API."""

from typing import Any

import pytest
from structlog.types import EventDict

from tests.exporting import FAST, exporting
from tests.scripted_api import ScriptedApi, answer, answered, mailbox
from tests.waiting import until

pytestmark = pytest.mark.anyio

ACME: dict[str, Any] = {"name": "acme", "api_key": "sk_canary-acme"}
GLOBEX: dict[str, Any] = {"name": "globex", "api_key": "sk_canary-globex"}
PLATFORM = "sk_user_canary-agency"
AGENCY: dict[str, Any] = {"name": "agency", "api_key": PLATFORM}

UNAUTHORIZED = answer(401, b'{"error": "Unauthorized", "message": "no such key", "code": 401}')


def told(logged: list[EventDict], event: str, **fields: object) -> list[EventDict]:
    """Return the events above debug with this text and these fields."""
    wanted = {"event": event, **fields}.items()
    return [found for found in logged if wanted <= found.items() and found["log_level"] != "debug"]


class TestStaleness:
    async def test_drops_the_mailboxes_and_keeps_the_polls(self, logged: list[EventDict]) -> None:
        windows = [{"name": "7d", "days": 7, "interval": FAST}]
        api = ScriptedApi()
        async with exporting(api, ACME, poll={"stale_after": 1.5}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)
            api.default = answer(503)
            await until(
                lambda: not any(name.startswith("sendkit_mailbox") for name in running.samples().by_name)
            )
            assert running.one("sendkit_up", "acme") == 0
            assert running.one("sendkit_last_success_timestamp_seconds", "acme")
            assert running.one("sendkit_poll_failures_total", "acme", reason="server_error")
            assert running.samples().all_of("sendkit_workspace_mailboxes") == {}
            assert running.unready_reason()
            api.default = answered(mailbox("m1"))
            await until(lambda: running.samples().one("sendkit_mailbox_sent_today") == 3)
            assert not running.unready_reason()
        assert len(told(logged, "data is stale: mailbox series dropped", window="all")) == 1

    async def test_is_not_mistaken_when_an_answer_never_changes(self) -> None:
        """The same bytes again and again are fresh each time."""
        api = ScriptedApi()
        async with exporting(api, ACME, poll={"stale_after": 1}) as running:
            await until(lambda: running.is_up("acme"))
            first = running.one("sendkit_last_success_timestamp_seconds", "acme") or 0
            await until(
                lambda: (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) > first + 2
            )
            assert running.samples().one("sendkit_mailbox_sent_today") == 3
