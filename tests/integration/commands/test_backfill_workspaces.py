"""`backfill` over an API that does not list a workspace key's workspace."""

import asyncio
from pathlib import Path

import pytest

from tests.commands import Outcome, config_file, run
from tests.scripted_api import ScriptedApi, answer, answered, mailbox

KEY = "sk_canary-0123456789abcdef"

pytestmark = pytest.mark.anyio


async def filled_back(api: ScriptedApi, folder: Path) -> Outcome:
    async with api:
        config = config_file(
            folder,
            api={"base_url": api.url, "timeout": 5, "max_attempts": 1},
            accounts=[{"name": "acme", "api_key": KEY}],
        )
        options = ("--output", folder / "past.om", "--from", "2026-01-01", "--to", "2026-01-02")
        pace = ("--step", "12h", "--requests-per-minute", "60000")
        return await asyncio.to_thread(run, "backfill", "--config.file", config, *options, *pace)


@pytest.mark.parametrize("status", [403, 404])
async def test_a_key_that_may_not_list_its_workspace_fills_back_under_its_account(
    tmp_path: Path, status: int
) -> None:
    sent = answered(mailbox("m1", "a@acme.example", totalSent=4))
    outcome = await filled_back(ScriptedApi(listing={KEY: answer(status)}, default=sent), tmp_path)
    assert outcome.code == 0, outcome.err
    assert 'workspace="acme"' in (tmp_path / "past.om").read_text()


async def test_a_refused_key_ends_the_run(tmp_path: Path) -> None:
    outcome = await filled_back(ScriptedApi(listing={KEY: answer(401)}), tmp_path)
    assert outcome.code == 1
    assert "the API answered 401" in outcome.err
    assert not (tmp_path / "past.om").exists()
