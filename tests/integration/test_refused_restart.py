"""A workspace key that is refused when an exporter starts or reloads takes nobody away."""

from pathlib import Path
from typing import Any

import pytest

from tests.accounts import ACME
from tests.exporting import Exporting, exporting
from tests.scripted_api import Behaviour, ScriptedApi, answer, answered, mailbox
from tests.waiting import until

KEY = ACME["api_key"]


@pytest.fixture
def api() -> ScriptedApi:
    return ScriptedApi({KEY: {"wa": "Acme"}}, default=answered(sent(100)))


def sent(number: int) -> dict[str, Any]:
    return mailbox("m1", performance={"sent": number})


def total(running: Exporting) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", workspace="acme")


async def counted(running: Exporting, api: ScriptedApi) -> None:
    """Wait until the total has risen by 10."""
    await until(lambda: running.is_up("acme") and running.one("sendkit_workspace_info", "acme") == 1)
    await until(lambda: running.samples().one("sendkit_workspace_info", workspace_id="wa") == 1)
    api.default = answered(sent(110))
    await until(lambda: total(running) == 10)


def refuse(api: ScriptedApi, status: int, figures: Behaviour | None = None) -> None:
    api.listing[KEY] = answer(status)
    api.default = figures or answer(status)


@pytest.mark.anyio
@pytest.mark.parametrize("status", [401, 403])
class TestARefusedKey:
    async def test_a_refused_key_at_a_restart_leaves_the_workspace_with_its_figures_and_counters(
        self, api: ScriptedApi, tmp_path: Path, status: int
    ) -> None:
        state = {"directory": str(tmp_path / "state")}
        async with exporting(api, ACME, state=state) as running:
            await counted(running, api)
        refuse(api, status)
        async with exporting(api, ACME, state=state) as running:
            await until(lambda: running.failures(reason="auth") >= 2)
            assert running.samples().one("sendkit_workspace_info", workspace_id="wa") == 1
            assert total(running) == 10
            api.listing.clear()
            api.default = answered(sent(112))
            await until(lambda: running.is_up("acme") and total(running) == 12)

    async def test_a_refused_key_at_a_reload_leaves_the_workspace_with_its_figures_and_counters(
        self, api: ScriptedApi, status: int
    ) -> None:
        async with exporting(api, ACME) as running:
            await counted(running, api)
            refuse(api, status)
            running.settings["thresholds"] = {"daily_limit_usage": 0.8}
            await running.exporter.reload()
            await until(lambda: running.failures(reason="auth") >= 2)
            assert running.samples().one("sendkit_workspace_info", workspace_id="wa") == 1
            assert total(running) == 10

    async def test_a_refused_key_that_may_still_see_the_figures_goes_on_with_them(
        self, api: ScriptedApi, tmp_path: Path, status: int
    ) -> None:
        state = {"directory": str(tmp_path / "state")}
        async with exporting(api, ACME, state=state) as running:
            await counted(running, api)
        refuse(api, status, answered(sent(115)))
        async with exporting(api, ACME, state=state) as running:
            await until(lambda: running.is_up("acme") and total(running) == 15)
            assert running.samples().one("sendkit_workspace_info", workspace_id="wa") == 1


@pytest.mark.anyio
async def test_an_incident_of_an_account_that_left_while_no_exporter_ran_is_over_at_the_next_start(
    tmp_path: Path,
) -> None:
    state = {"directory": str(tmp_path / "state")}
    old = {"name": "old", "api_key": "sk_old"}
    api = ScriptedApi({KEY: {"wa": "Acme"}}, behaviours={"sk_old": answer(401)})
    async with exporting(api, old, ACME, state=state) as running:
        await until(lambda: running.exporter.fleet.incidents.workspaces == {"old"} and running.is_up("acme"))
    async with exporting(api, ACME, state=state) as running:
        await until(lambda: running.is_up("acme"))
        await until(lambda: not running.exporter.fleet.incidents.workspaces)
        [incident] = running.exporter.fleet.incidents
        assert (incident.workspace, incident.until is not None) == ("old", True)
