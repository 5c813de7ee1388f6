"""Workspaces and accounts that hang leave the others served, and are asked within bounds."""

import asyncio

import pytest

from tests.exporting import exporting
from tests.scripted_api import Request, ScriptedApi, hang
from tests.waiting import until

pytestmark = pytest.mark.anyio

PLATFORM_KEY = "sk_user_many"


async def test_workspaces_that_hang_do_not_keep_healthy_ones_from_their_first_poll() -> None:
    """Half of 40 hang, with four slots: all others are polled long before one timeout has passed."""
    names = {f"w{number}": f"w{number}" for number in range(40)}
    hanging = {f"w{number}": hang for number in range(0, 40, 2)}
    api = ScriptedApi(workspaces={PLATFORM_KEY: names}, behaviours=dict(hanging))
    account = {"name": "many", "api_key": PLATFORM_KEY}
    async with exporting(api, account, api={"timeout": 60}, poll={"interval": 10}) as running:
        await until(lambda: len(running.exporter.fleet) == 40, what="the workspaces")
        polls = [workspace.all_time for workspace in running.exporter.fleet]
        await until(lambda: sum(poll.up is True for poll in polls) == 20, 30)


async def test_requests_of_all_accounts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sendkit.client.most_connections", lambda: 6)
    monkeypatch.setattr("exporter.sendkit.lane.TRIAL_SECONDS", 60.0)  # none makes room meanwhile
    api = ScriptedApi(default=hang)

    def polls() -> list[Request]:
        return [request for request in api.requests if request.path == "/v1/analytics/mailboxes"]

    accounts = [{"name": f"a{number}", "api_key": f"sk_{number}"} for number in range(20)]
    async with exporting(api, *accounts, api={"timeout": 60}, poll={"interval": 60}) as running:
        await until(lambda: len(polls()) >= 6)
        assert running.exporter.fleet
        await asyncio.sleep(0.5)
        assert len(polls()) == 6
