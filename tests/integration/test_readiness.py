"""When the exporter is ready, and why it is not."""

import pytest

from exporter.exporter import MOST_REASONS
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answer, answered, hang
from tests.waiting import until

pytestmark = pytest.mark.anyio

ACME = {"name": "acme", "api_key": "sk_canary-acme"}
GLOBEX = {"name": "globex", "api_key": "sk_canary-globex"}


class TestReadiness:
    async def test_readiness_needs_one_workspace_with_fresh_data(self) -> None:
        api = ScriptedApi(behaviours={"sk_canary-acme": answer(401)}, default=hang)
        async with exporting(api, ACME, GLOBEX) as running:
            assert running.unready_reason().startswith("No workspace has fresh data.")
            await until(lambda: "acme: auth" in running.unready_reason())
            api.default = answered()
            await until(lambda: not running.unready_reason())

    async def test_many_accounts_that_fail_are_named_in_a_list_of_bounded_length(self) -> None:
        accounts = [{"name": f"a{number}", "api_key": f"sk_canary-{number}"} for number in range(40)]
        async with exporting(ScriptedApi(default=answer(401)), *accounts) as running:
            fleet = running.exporter.fleet
            await until(lambda: [workspace.all_time.up for workspace in fleet] == [False] * 40)
            assert len(running.unready_reason().splitlines()) == 1 + MOST_REASONS
