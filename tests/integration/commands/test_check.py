"""`check`, and what it warns of when a poll is made."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.commands import config_file, fast, run_beside
from tests.scripted_api import ScriptedApi, answer

CANARY = "sk_canary-0123456789abcdef"
PLATFORM = "sk_user_canary-0123456789abcdef"

pytestmark = pytest.mark.anyio


async def test_check_and_a_start_warn_of_statuses_that_hide_what_rules_look_at(tmp_path: Path) -> None:
    account = {"name": "acme", "api_key": CANARY}
    warning = "mailboxes.statuses: mailboxes that are inactive or suspended or error are left out: "
    async with ScriptedApi() as api:
        path = config_file(tmp_path, **fast(api.url, account, mailboxes={"statuses": ["active"]}))
        checked = await run_beside("check", "--config.file", path)
        started = await run_beside("once", "--config.file", path)
    assert (checked.code, started.code) == (0, 0)
    assert f"warning: {warning}" in checked.err
    assert f'level=warning msg="configuration: {warning}' in started.err


async def test_a_probe_asks_every_account_once(tmp_path: Path) -> None:
    api = ScriptedApi({PLATFORM: {"w1": "client-one", "w2": "internal"}, CANARY: {"w3": "three"}})
    async with api:
        accounts: list[dict[str, object]] = [
            {"name": "agency", "api_key": PLATFORM, "workspaces": {"include": ["client-.*"]}},
            {"name": "acme", "api_key": CANARY},
        ]
        path = config_file(tmp_path, **fast(api.url, *accounts, collectors={}))
        probed = await run_beside("check", "--probe", "--config.file", path)
    assert (probed.code, probed.err) == (0, "")
    assert "account agency: a platform key, workspaces: 2, polled: 1\n" in probed.out
    assert "account acme: a workspace key\n" in probed.out
    assert "canary" not in probed.out
    asked = Counter((request.path, request.workspace_id or "") for request in api.requests)
    # All-time, the window that there is by default, and two days beside the range of both.
    figures = "/v1/analytics/mailboxes"
    assert asked.pop(("/v1/workspaces", "")) == 2
    collectors = ("/v1/mailboxes", "/v1/warmup/stats", "/v1/analytics/overview")
    of_each = {figures: 5, **dict.fromkeys(collectors, 1)}
    assert asked == {(path, own): times for own in ("", "w1") for path, times in of_each.items()}


async def test_every_probe_that_failed_is_reported_and_exits_with_1(tmp_path: Path) -> None:
    refused = answer(401, json.dumps({"message": f"no such key: {CANARY}"}).encode())
    async with ScriptedApi(listing={CANARY: refused}) as api:
        accounts: list[dict[str, object]] = [
            {"name": "refused", "api_key": CANARY},
            {"name": "missing", "api_key_file": "none.key"},
            {"name": "fine", "api_key": "sk_canary-fine"},
        ]
        path = config_file(tmp_path, **fast(api.url, *accounts))
        probed = await run_beside("check", "--probe", "--config.file", path)
    assert probed.code == 1
    assert "account refused: auth: the API answered 401: no such key: [redacted]" in probed.out
    assert "account missing: no key: key file " in probed.out
    assert "warning: accounts.1.api_key_file: key file" in probed.err
    assert "account fine: a workspace key\n" in probed.out
    assert "canary" not in probed.out + probed.err
