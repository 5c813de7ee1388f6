"""`Retry-After` holds for the polls of one account, and over a reload."""

import pytest

from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answer
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_retry_after_of_one_account_is_seen_in_its_failures_and_delays_no_other_one() -> None:
    api = ScriptedApi(behaviours={"sk_limited": answer(429, retry_after="600")})
    accounts = [{"name": name, "api_key": f"sk_{name}"} for name in ("limited", "free")]
    async with exporting(api, *accounts) as running:
        await until(lambda: running.is_polled("limited", 5) and running.is_polled("free", 5))
        asked = len(api.asked("sk_limited"))
        workspace = next(it for it in running.exporter.fleet if it.label == "limited")
        assert "as the API asked (Retry-After)" in workspace.all_time.error
        failures = running.one("sendkit_poll_failures_total", "limited", reason="rate_limited")
    assert asked == 1
    assert failures
    assert failures >= 5


async def test_retry_after_holds_over_a_reload() -> None:
    api = ScriptedApi(default=answer(429, retry_after="600"))
    async with exporting(api, {"name": "limited", "api_key": "sk_limited"}) as running:
        await until(lambda: running.is_polled("limited", 2))
        asked = len(api.requests)
        running.settings["poll"]["stale_after"] = 90

        await running.exporter.reload()

        polls = int(running.one("sendkit_polls_total", "limited") or 0)
        await until(lambda: running.is_polled("limited", polls + 3))
    assert [request.path for request in api.requests[asked:]] == []
