"""Accounts that a reload renames, reorders or removes: a workspace keeps its counters while one has it."""

from pathlib import Path
from typing import Any

import pytest

from tests.exporting import FAST, Exporting, account_of, exporting, polled_by_another_key_alone
from tests.scripted_api import ScriptedApi, answer, answered, hang, mailbox
from tests.states import polled
from tests.waiting import until

pytestmark = pytest.mark.anyio

FIRST, SECOND = "sk_user_canary-first", "sk_user_canary-second"
DOWN = answer(503)


def account(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "api_key": key, "workspaces": {"refresh": FAST}}


def sent(number: int, email: str = "") -> dict[str, Any]:
    return mailbox("m1", email, performance={"sent": number})


def total(running: Exporting, workspace: str) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", workspace=workspace)


async def rises_by_10(running: Exporting, api: ScriptedApi, *workspaces: str) -> None:
    """Have the total of a mailbox rise from 100 to 110, and wait until it is shown."""
    api.default = answered(sent(100))
    await until(lambda: all(total(running, name) == 0 for name in workspaces))
    api.default = answered(sent(110))
    await until(lambda: all(total(running, name) == 10 for name in workspaces))


async def test_a_workspace_whose_account_is_renamed_keeps_its_counters() -> None:
    api = ScriptedApi({FIRST: {"w1": "one"}}, default=answered(sent(100)))
    async with exporting(api, account("old", FIRST)) as running:
        await rises_by_10(running, api, "one")
        polls = running.one("sendkit_polls_total", "one") or 0
        running.settings["accounts"] = [account("new", FIRST)]

        await running.exporter.reload()

        assert total(running, "one") == 10
        assert (running.one("sendkit_polls_total", "one") or 0) >= polls
        await until(lambda: account_of(running, "one") == {"new"})
        api.default = answered(sent(115))
        await until(lambda: total(running, "one") == 15)
        assert running.samples().one("sendkit_alert_threshold", threshold="minimum_bounces") == 3


async def test_a_renamed_account_whose_first_list_is_odd_loses_no_counter() -> None:
    """Its workspaces are gone, as if it were another account, until a list has them again."""
    api = ScriptedApi({FIRST: {"w1": "one"}}, default=answered(sent(100)))
    async with exporting(api, account("old", FIRST)) as running:
        await rises_by_10(running, api, "one")
        seen, api.workspaces[FIRST] = api.workspaces[FIRST], {}
        running.settings["accounts"] = [account("new", FIRST)]
        await running.exporter.reload()
        await until(lambda: not running.labels())
        api.workspaces[FIRST], api.default = seen, answered(sent(115))
        await until(lambda: total(running, "one") == 15)


async def test_a_workspace_stays_until_every_account_has_listed_its_own_without_it(tmp_path: Path) -> None:
    """No longer, and what was saved of it goes with it."""
    api = ScriptedApi({FIRST: {"w1": "one"}, SECOND: {"w2": "two"}}, default=answered(sent(100)))
    accounts = [
        account("gone", FIRST),
        account("slow", SECOND),
        {"name": "acme", "api_key": "sk_canary-acme"},
    ]
    async with exporting(api, *accounts, state={"directory": str(tmp_path)}) as running:
        await rises_by_10(running, api, "one", "two", "acme")
        api.listing[SECOND] = DOWN
        running.settings["accounts"] = accounts[1:]

        await running.exporter.reload()

        polls = running.one("sendkit_polls_total", "acme") or 0
        await until(lambda: running.is_polled("acme", int(polls) + 3))
        asked = len(api.asked("w1"))
        await until(lambda: running.is_polled("acme", int(polls) + 6))
        assert len(api.asked("w1")) == asked, "no account's key polls it"
        assert total(running, "one") == 10
        assert account_of(running, "one") == {"gone"}

        del api.listing[SECOND]
        await until(lambda: running.labels() == {"two", "acme"})
        assert total(running, "two") == 10
        await until(lambda: len(polled(tmp_path)) == 2)


async def test_a_workspace_that_no_account_has_claimed_yet_is_shown_as_configured_now() -> None:
    """An API that is down keeps nothing on show that was taken back."""
    api = ScriptedApi({FIRST: {"w1": "one"}}, default=answered(sent(100, "anna@acme.example")))
    async with exporting(api, account("old", FIRST), poll={"stale_after": 2}) as running:
        await rises_by_10(running, api, "one")
        api.listing[SECOND] = api.default = DOWN
        running.settings |= {"accounts": [account("new", SECOND)], "privacy": {"email": "off"}}

        await running.exporter.reload()

        assert running.samples().values_of("email", "sendkit_mailbox_info") == {""}
        assert not running.unready_reason()
        await until(lambda: total(running, "one") is None, what="its answer is stale")
        assert running.unready_reason()
        assert running.labels() >= {"one"}


async def test_a_workspace_that_no_account_has_claimed_yet_makes_way_for_one_of_its_label() -> None:
    """Two workspaces of one label would be duplicate series."""
    api = ScriptedApi({FIRST: {"w1": "acme"}}, {SECOND: DOWN})
    async with exporting(api, account("old", FIRST)) as running:
        await until(lambda: running.is_up("acme"))
        running.settings["accounts"] = [
            {"name": "acme", "api_key": "sk_canary-acme"},
            account("slow", SECOND),
        ]

        await running.exporter.reload()

        await until(lambda: account_of(running, "acme") == {"acme"})
        await until(lambda: running.is_polled("acme", 3))
        assert account_of(running, "acme") == {"acme"}


async def test_accounts_in_another_order_keep_the_counters_and_the_first_one_polls() -> None:
    api = ScriptedApi({FIRST: {"w1": "one"}, SECOND: {"w1": "one", "w2": "two"}})
    accounts = [account("a", FIRST), account("b", SECOND)]
    async with exporting(api, *accounts) as running:
        await rises_by_10(running, api, "one", "two")
        await until(lambda: account_of(running, "one") == {"a"})
        running.settings["accounts"] = accounts[::-1]

        await running.exporter.reload()

        assert (total(running, "one"), total(running, "two")) == (10, 10)
        await until(lambda: account_of(running, "one") == {"b"})
        api.default = answered(sent(115))
        await until(lambda: (total(running, "one"), total(running, "two")) == (15, 15))
        await polled_by_another_key_alone(running, api, "one", "w1", FIRST)


async def test_a_workspace_that_one_account_loses_goes_on_as_one_of_the_next() -> None:
    api = ScriptedApi({FIRST: {"w1": "one", "w2": "two"}, SECOND: {"w1": "one"}})
    async with exporting(api, account("a", FIRST), account("b", SECOND), poll={"stale_after": 1}) as running:
        await rises_by_10(running, api, "one", "two")
        await until(lambda: account_of(running, "one") == {"a"})

        api.workspaces[FIRST] = {"w2": "two"}

        await until(lambda: account_of(running, "one") == {"b"})
        assert total(running, "one") == 10
        api.default = answered(sent(115))
        await until(lambda: total(running, "one") == 15)
        await polled_by_another_key_alone(running, api, "one", "w1", FIRST)


async def test_a_reload_during_an_outage_keeps_the_workspaces_of_a_renamed_account() -> None:
    """Also over a second reload."""
    api = ScriptedApi({FIRST: {"w1": "one"}}, default=answered(sent(100)))
    async with exporting(api, account("old", FIRST)) as running:
        await rises_by_10(running, api, "one")
        api.listing[FIRST], api.default = hang, DOWN
        for name in ("new", "newest"):
            running.settings["accounts"] = [account(name, FIRST)]
            await running.exporter.reload()
            assert total(running, "one") == 10
        del api.listing[FIRST]
        api.default = answered(sent(112))
        running.settings["accounts"] = [account("last", FIRST)]
        await running.exporter.reload()
        await until(lambda: account_of(running, "one") == {"last"})
        await until(lambda: total(running, "one") == 12)
