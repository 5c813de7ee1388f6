"""Workspaces over a scripted API: those that the accounts have are polled, each once."""

import asyncio
import json
from pathlib import Path

import pytest
from structlog.types import EventDict

from tests.accounts import ACME, AGENCY, GLOBEX, PLATFORM
from tests.exporting import FAST, account_of, exporting, polled_by_another_key_alone
from tests.integration.polling.logged import UNAUTHORIZED, reported
from tests.scripted_api import ScriptedApi, answer, answered, mailbox, once_set
from tests.waiting import until

pytestmark = pytest.mark.anyio


LEAVES_SOON = {"stale_after": 0.5}


class TestDiscovery:
    async def test_discovery_finds_what_a_platform_key_sees(self, logged: list[EventDict]) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            info = running.samples().one(
                "sendkit_workspace_info", workspace="one", account="agency", workspace_id="w1"
            )
            assert info == 1
            assert running.labels() == {"one", "two"}
        assert {request.workspace_id for request in api.asked(PLATFORM)} == {"w1", "w2"}
        assert len(reported(logged, "workspace found")) == 2

    async def test_discovery_polls_a_workspace_that_appears_and_drops_one_that_disappears(self) -> None:
        """It goes when two lists, `stale_after` apart, are without it."""
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll=LEAVES_SOON) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            api.workspaces[PLATFORM] = {"w2": "two", "w3": "three"}
            await until(lambda: running.is_up("three"))
            assert running.labels() == {"one", "two", "three"}
            await until(lambda: running.labels() == {"two", "three"})
            for name, labels, _ in running.samples():
                assert ("workspace", "one") not in labels, name
            polled = int(running.one("sendkit_polls_total", "two") or 0)
            asked = len(api.asked("w1"))
            await until(lambda: running.is_polled("two", polled + 10))
            assert len(api.asked("w1")) <= asked + 1, "by a poll that was under way"

    async def test_discovery_keeps_the_counters_of_a_workspace_that_comes_back(self) -> None:
        def sent(total: int) -> None:
            api.default = answered(mailbox("m1", performance={"sent": total}))

        def risen() -> float | None:
            return running.samples().one("sendkit_mailbox_emails_sent_total", workspace="one")

        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll=LEAVES_SOON) as running:
            sent(100)
            await until(lambda: risen() == 0)
            sent(110)
            await until(lambda: risen() == 10)
            api.workspaces[PLATFORM] = {"w2": "two"}
            await until(lambda: running.labels() == {"two"})
            sent(115)
            api.workspaces[PLATFORM] = {"w1": "one", "w2": "two"}
            await until(lambda: risen() == 15)

    @pytest.mark.parametrize("listed", [{}, {"w3": "three"}], ids=["empty", "others alone"])
    async def test_discovery_takes_nobody_away_for_one_odd_list(
        self, listed: dict[str, str], logged: list[EventDict]
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll=LEAVES_SOON) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            polls = int(running.one("sendkit_polls_total", "one") or 0)
            api.workspaces[PLATFORM] = listed
            await until(lambda: running.is_polled("one", polls + 10))
            assert running.labels() >= {"one", "two"}
            assert running.is_up("one")
            assert any("is odd" in notice for notice in running.exporter.notices())
        assert len(reported(logged, "odd list of workspaces", account="agency")) == 1

    @pytest.mark.parametrize("listed", [{}, {"w3": "three"}], ids=["empty", "others alone"])
    async def test_discovery_takes_nobody_away_for_an_odd_list_that_is_the_first_after_a_reload(
        self, listed: dict[str, str]
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll=LEAVES_SOON) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            api.workspaces[PLATFORM] = listed
            running.settings["timezone"] = "Europe/Paris"
            await running.exporter.reload()
            await until(lambda: any("is odd" in notice for notice in running.exporter.notices()))
            polls = int(running.one("sendkit_polls_total", "one") or 0)
            await until(lambda: running.is_polled("one", polls + 10))
            assert running.labels() >= {"one", "two"}

    async def test_discovery_shows_no_refused_key_for_a_workspace_that_was_removed(self) -> None:
        """Of one that the list is without and whose figures are refused, only its last figures stay."""
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two", "w3": "three"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: all(map(running.is_up, ("one", "two", "three"))))
            api.behaviours["w1"] = answer(403)
            api.workspaces[PLATFORM] = {"w2": "two", "w3": "three"}
            await until(lambda: running.one("sendkit_up", "one") is None)
            assert running.one("sendkit_last_success_timestamp_seconds", "one") is None
            assert running.one("sendkit_poll_interval_seconds", "one") is None, "else the stale page comes"
            assert running.samples().one("sendkit_mailbox_sent_today", workspace="one") == 3

    async def test_discovery_shows_failures_of_workspaces_that_one_odd_list_is_without(self) -> None:
        """An API in trouble may answer an empty list: its failures page as ever."""
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one"))
            api.workspaces[PLATFORM], api.default = {}, answer(503)
            await until(lambda: any("odd" in notice for notice in running.exporter.notices()))
            await until(lambda: running.one("sendkit_up", "one") == 0)
            assert running.one("sendkit_poll_interval_seconds", "one") is not None

    async def test_discovery_counts_a_workspace_once_that_its_own_key_and_a_platform_key_see(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}, "sk_canary-acme": {"w1": "one"}})
        async with exporting(api, ACME, AGENCY) as running:
            await until(lambda: running.is_up("acme") and running.is_up("two"))
            assert running.labels() == {"acme", "two"}
            assert running.samples().one("sendkit_workspace_info", workspace="acme", workspace_id="w1") == 1
            assert len({*running.samples().all_of("sendkit_mailbox_info")}) == 2

    async def test_discovery_shows_an_account_as_its_workspace_until_the_id_is_known(self) -> None:
        """Its counters go on."""

        def sent(total: int) -> None:
            api.default = answered(mailbox("m1", performance={"sent": total}))

        api = ScriptedApi(listing={"sk_canary-acme": answer(503)})
        async with exporting(api, ACME) as running:
            sent(100)
            await until(lambda: running.is_up("acme"))
            assert running.samples().one("sendkit_workspace_info", workspace_id="") == 1
            sent(110)
            await until(lambda: running.samples().one("sendkit_mailbox_emails_sent_total") == 10)
            api.workspaces["sk_canary-acme"] = {"w1": "one"}
            del api.listing["sk_canary-acme"]
            await until(lambda: running.samples().one("sendkit_workspace_info", workspace_id="w1"))
            sent(120)
            await until(lambda: running.samples().one("sendkit_mailbox_emails_sent_total") == 20)
            assert running.labels() == {"acme"}

    @pytest.mark.parametrize("swapped", ["sk_canary-other", "hello", "sk_use"])
    async def test_discovery_takes_a_key_that_cannot_be_what_it_was_as_refused(
        self, swapped: str, tmp_path: Path
    ) -> None:
        """Neither a workspace's key in a platform key's place, nor a part of one, takes anybody away."""
        file = tmp_path / "agency.key"
        file.write_text(PLATFORM)
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}, "sk_canary-other": {"w9": "other"}})
        agency = {"name": "agency", "api_key_file": str(file)}
        async with exporting(api, agency, poll=LEAVES_SOON | {"stale_after": 60}) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            file.write_text(swapped)
            await until(lambda: not running.is_up("one") and not running.is_up("two"))
            assert running.labels() == {"one", "two"}
            assert "expected a platform key" in running.unready_reason()
            file.write_text(PLATFORM)
            await until(lambda: running.is_up("one") and running.is_up("two"))
        assert {request.key for request in api.requests} == {PLATFORM}

    async def test_discovery_shows_no_other_workspaces_mailboxes_for_a_key_that_was_swapped(
        self, tmp_path: Path
    ) -> None:
        file = tmp_path / "acme.key"
        file.write_text("sk_canary-one")
        api = ScriptedApi({"sk_canary-one": {"w1": "one"}, "sk_canary-two": {"w2": "two"}})
        api.behaviours["sk_canary-two"] = answered(mailbox("foreign"))
        async with exporting(api, {"name": "acme", "api_key_file": str(file)}) as running:
            await until(lambda: running.samples().one("sendkit_workspace_info", workspace_id="w1"))
            await until(lambda: running.is_up("acme"))
            file.write_text("sk_canary-two")
            await until(lambda: not running.is_up("acme"))
            assert "is of workspace w2, expected w1" in running.unready_reason()
            assert running.samples().all_of("sendkit_mailbox_info", mailbox_id="foreign") == {}

    async def test_discovery_drops_the_answer_of_a_poll_that_ends_after_its_workspace(self) -> None:
        release = asyncio.Event()
        late = once_set(release, answered(mailbox("late")))
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, {}, {"w1": late})
        async with exporting(api, AGENCY, api={"timeout": 60}, poll=LEAVES_SOON) as running:
            await until(lambda: api.asked("w1") and running.is_up("two"))
            api.workspaces[PLATFORM] = {"w2": "two"}
            await until(lambda: running.labels() == {"two"})
            release.set()
            await until(lambda: running.is_polled("two", 4))
            assert running.labels() == {"two"}
            assert running.samples().all_of("sendkit_mailbox_info", mailbox_id="late") == {}

    async def test_discovery_polls_a_workspace_that_two_accounts_see_once_for_the_first_of_them(self) -> None:
        """Whichever of them found it first."""
        second = "sk_user_canary-second"
        other = {"name": "other", "api_key": second}
        held = asyncio.Event()
        seen = json.dumps({"success": True, "data": [{"id": "w1", "name": "one"}]}).encode()
        listing = {PLATFORM: once_set(held, answer(200, seen))}
        api = ScriptedApi({second: {"w1": "one", "w2": "two"}}, listing)
        async with exporting(api, AGENCY, other, api={"timeout": 60}) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            assert account_of(running, "one") == {"other"}
            held.set()
            await until(lambda: account_of(running, "one") == {"agency"})
            assert running.labels() == {"one", "two"}
            await polled_by_another_key_alone(running, api, "one", "w1", second)
            await until(lambda: running.is_up("one") and running.is_polled("two", 3))
            assert account_of(running, "two") == {"other"}

    async def test_discovery_keeps_to_include_and_exclude(self) -> None:
        names = {"w1": "client-a", "w2": "client-b-sandbox", "w3": "internal", "w4": "client"}
        chosen = {"include": ["client-.*"], "exclude": [".*-sandbox"], "refresh": FAST}
        account = AGENCY | {"workspaces": chosen}
        api = ScriptedApi({PLATFORM: names})
        async with exporting(api, account) as running:
            await until(lambda: running.is_polled("client-a", 3))
            assert running.labels() == {"client-a"}
            assert {request.workspace_id for request in api.asked(PLATFORM)} == {"w1"}

    async def test_discovery_that_fails_from_the_start_is_reported_under_the_accounts_name(
        self, logged: list[EventDict]
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, {PLATFORM: UNAUTHORIZED})
        account = AGENCY | {"workspaces": {"refresh": "1d"}}
        async with exporting(api, account) as running:
            await until(lambda: running.failures("agency") >= 2)
            assert running.one("sendkit_up", "agency") == 0
            assert "agency: auth" in running.unready_reason()
            del api.listing[PLATFORM]
            await until(lambda: running.is_up("one"))
            assert running.labels() == {"one"}
            assert not running.unready_reason()
        assert len(reported(logged, "poll failed", workspace="agency")) == 1

    async def test_discovery_that_fails_later_keeps_what_was_found(self, logged: list[EventDict]) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one"))
            api.listing[PLATFORM] = answer(503)
            await until(lambda: running.own_samples().one("sendkit_discovery_up") == 0)
            polls = running.one("sendkit_polls_total", "one") or 0
            await until(lambda: running.is_polled("one", int(polls) + 4))
            assert running.is_up("one")
            assert running.labels() == {"one"}
            del api.listing[PLATFORM]
            await until(lambda: running.own_samples().one("sendkit_discovery_up") == 1)
        assert len(reported(logged, "workspaces cannot be listed", account="agency")) == 1

    async def test_discovery_looks_again_soon_after_a_failure(self) -> None:
        """At the poll's interval, not at the refresh."""
        account = AGENCY | {"workspaces": {"refresh": "1d"}}
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, {PLATFORM: answer(503)})
        async with exporting(api, account) as running:
            await until(lambda: running.one("sendkit_up", "agency") == 0)
            del api.listing[PLATFORM]
            await until(lambda: running.is_up("one"))

    async def test_discovery_may_find_no_workspace_and_others_are_polled(self) -> None:
        api = ScriptedApi()
        async with exporting(api, AGENCY, GLOBEX) as running:
            await until(lambda: running.is_polled("globex", 3))
            assert running.labels() == {"globex"}


class TestDefects:
    async def test_defects_of_ours_while_looking_for_workspaces_do_not_end_that(
        self, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        with monkeypatch.context() as patch:
            patch.setattr("exporter.polling.discovery.list_workspaces", lambda *_: 1 / 0)
            async with exporting(api, AGENCY) as running:
                await until(lambda: reported(logged, "a defect of the exporter", exc_info=True))
                patch.undo()
                await until(lambda: running.is_up("one"))
