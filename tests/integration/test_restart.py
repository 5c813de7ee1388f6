"""A restart: what the next exporter knows of what the one before it saved."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter.config import ConfigError
from exporter.fleet.key import Key
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Workspace
from tests.accounts import ACME, AGENCY, PLATFORM
from tests.exporting import Exporting, exporting
from tests.scripted_api import ScriptedApi, answer, answered, hang, mailbox
from tests.states import files, no_room, polled, some
from tests.waiting import until


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as events:
        yield events


def sent(number: int, *, mailbox_id: str = "m1") -> dict[str, Any]:
    return mailbox(mailbox_id, performance={"sent": number})


def total(running: Exporting, **labels: str) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", **labels)


def age(folder: Path, seconds: float) -> None:
    """Make everything saved older (or, by a negative number, younger)."""
    directory = StateDirectory(folder)
    for saved in list(directory.load()):
        directory.touch(saved.key, saved.feed, time.time() - seconds)
    directory.close()


@pytest.mark.anyio
class TestRestart:
    """Over two exporters, one after the other."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "state"

    @pytest.fixture
    async def api(self, folder: Path) -> ScriptedApi:
        """An API of which an exporter saw a mailbox's total rise by 10."""
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, default=answered(sent(100)))
        async with exporting(api, ACME, AGENCY, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme") and running.is_up("one") and running.is_up("two"))
            api.default = answered(sent(110))
            for name in ("acme", "one", "two"):
                await until(lambda name=name: total(running, workspace=name) == 10)  # type: ignore[misc]
        api.requests.clear()
        return api

    async def test_a_restart_goes_on_where_the_counters_stood(self, api: ScriptedApi, folder: Path) -> None:
        api.default = answered(sent(115))
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running, workspace="acme") == 10, "before the first poll"
            await until(lambda: running.is_up("acme"))
            assert total(running, workspace="acme") == 15

    async def test_a_restart_while_the_api_is_down_shows_the_last_answers_with_their_age(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, 500)
        api.default = answer(503)
        api.listing[PLATFORM] = answer(503)
        async with exporting(
            api, ACME, AGENCY, state={"directory": str(folder)}, poll={"stale_after": 900}
        ) as running:
            assert not running.unready_reason()
            for name in ("acme", "one", "two"):
                await until(
                    lambda name=name: running.one("sendkit_poll_failures_total", name, reason="server_error")  # type: ignore[misc]
                )
                assert total(running, workspace=name) == 10
                assert running.samples().one("sendkit_mailbox_sent_today", workspace=name) == 3
                last_success = running.one("sendkit_last_success_timestamp_seconds", name) or 0
                assert time.time() - 600 < last_success <= time.time() - 500
                assert running.one("sendkit_up", name) == 0

    async def test_a_restart_shows_nothing_older_than_stale_after_and_still_goes_on(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, 61)
        api.default = hang
        async with exporting(
            api, ACME, state={"directory": str(folder)}, poll={"stale_after": 60}, api={"timeout": 0.3}
        ) as running:
            assert running.samples().all_of("sendkit_mailbox_sent_today") == {}
            assert total(running, workspace="acme") is None
            assert running.unready_reason()
            assert (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) < time.time() - 60
            api.default = answered(sent(120))
            await until(lambda: total(running, workspace="acme") == 20)

    async def test_a_restart_drops_at_stale_after_what_it_showed(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, 58)
        api.default = answer(503)
        async with exporting(
            api, ACME, state={"directory": str(folder)}, poll={"stale_after": 60}
        ) as running:
            await until(lambda: running.samples().all_of("sendkit_mailbox_sent_today") == {})
            assert running.unready_reason()

    async def test_a_restart_after_which_the_clock_is_behind_shows_no_time_to_come(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, -86_400)
        api.default = answer(503)
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running, workspace="acme") == 10
            assert (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) <= time.time()

    async def test_a_restart_keeps_the_counters_of_a_mailbox_that_is_missing_for_a_while(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        api.default = answered()
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme"))
            assert total(running, workspace="acme") is None
        api.default = answered(sent(130))
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: total(running, workspace="acme") == 30)

    async def test_a_restart_forgets_accounts_and_workspaces_that_are_gone(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        assert len(files(folder)) == 3
        api.workspaces[PLATFORM] = {"w1": "one"}
        state = {"directory": str(folder)}
        async with exporting(api, AGENCY, state=state, poll={"stale_after": 2}) as running:
            assert running.labels() == {"one", "two"}, "acme is no account any more"
            await until(lambda: running.labels() == {"one"})
            await until(lambda: running.is_up("one"))
            await until(lambda: len(polled(folder)) == 1)

    async def test_a_restart_forgets_a_workspace_that_was_removed_however_often_there_is_one(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        """Also when each comes before `poll.stale_after` has passed since the last."""
        del api.workspaces[PLATFORM]["w2"]
        for _ in range(100):
            state = {"directory": str(folder)}
            async with exporting(api, AGENCY, state=state, poll={"stale_after": 3}) as running:
                polls = len(api.asked("w1"))
                await until(lambda polls=polls: len(api.asked("w1")) > polls + 1)  # type: ignore[misc]
                if running.labels() == {"one"}:
                    return
        raise AssertionError("it is still there")

    @pytest.mark.parametrize("listed", [{}, {"w3": "three"}], ids=["empty", "others alone"])
    async def test_a_restart_takes_nobody_away_for_a_first_list_that_is_odd(
        self, api: ScriptedApi, folder: Path, listed: dict[str, str]
    ) -> None:
        """Neither the series nor what is saved."""
        api.workspaces[PLATFORM] = listed
        state = {"directory": str(folder)}
        async with exporting(api, AGENCY, state=state, poll={"stale_after": 0.5}) as running:
            await until(lambda: any("is odd" in notice for notice in running.exporter.notices()))
            polls = int(running.one("sendkit_polls_total", "one") or 0)
            await until(lambda: running.is_polled("one", polls + 10))
            assert running.labels() >= {"one", "two"}
            assert (total(running, workspace="one"), total(running, workspace="two")) == (10, 10)
        assert len(polled(folder)) == 2 + len(listed)

    async def test_a_restart_keeps_the_counters_of_an_account_that_was_renamed_meanwhile(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        renamed = AGENCY | {"name": "renamed"}
        api.default = answered(sent(115))
        async with exporting(api, renamed, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            assert (total(running, workspace="one"), total(running, workspace="two")) == (15, 15)
            assert running.samples().one("sendkit_workspace_info", workspace="one", account="renamed") == 1
            await until(lambda: len(polled(folder)) == 2, what="that of acme is gone")

    async def test_a_restart_forgets_a_window_that_is_gone(self, api: ScriptedApi, folder: Path) -> None:
        windows = [{"name": "7d", "days": 7}]
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d"))
            assert len(polled(folder)) == 2
        async with exporting(api, ACME, state={"directory": str(folder)}):
            assert len(polled(folder)) == 1

    async def test_a_restart_shows_a_workspace_that_two_accounts_saved_once(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        """As of the account that polled it last, until an account is known to have it."""
        state = StateDirectory(folder)
        for account, rise in (("first", 1), ("second", 5)):
            state.save(some(Workspace(Key("w7"), account, "seven", "seven"), rise=rise), time.time())
        state.close()
        api.default = answer(503)
        accounts = [{"name": name, "api_key": PLATFORM + name} for name in ("first", "second")]
        for name in ("first", "second"):
            api.listing[PLATFORM + name] = answer(503)
        async with exporting(api, *accounts, state={"directory": str(folder)}) as running:
            assert running.samples().one("sendkit_workspace_info", workspace="seven") == 1
            assert running.samples().one("sendkit_workspace_info", account="second") == 1
            assert total(running, workspace="seven") == 5

    async def test_a_restart_shows_no_label_twice_that_one_keeps_and_another_one_takes(
        self, folder: Path
    ) -> None:
        """It is kept while its account cannot be listed; of two there would be no scrape."""
        state = StateDirectory(folder)
        state.save(some(Workspace(Key("w1"), "first", "Sales", "Sales (w1)")), time.time())
        state.close()
        second = PLATFORM + "second"
        api = ScriptedApi({second: {"w3": "Sales (w1)"}}, {PLATFORM: answer(503)})
        accounts = [{"name": "first", "api_key": PLATFORM}, {"name": "second", "api_key": second}]
        async with exporting(api, *accounts, state={"directory": str(folder)}) as running:
            await until(lambda: len(running.exporter.fleet) == 2)
            await until(lambda: running.labels() == {"Sales", "Sales (w1)"})
            await until(lambda: running.is_up("Sales (w1)") and running.is_up("Sales"))

    async def test_a_restart_needs_no_whole_state(
        self, api: ScriptedApi, folder: Path, logged: list[EventDict]
    ) -> None:
        windows = [{"name": "7d", "days": 7}]
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d"))
        state = StateDirectory(folder)
        state.forget(Key(account="acme"), "all")
        state.close()
        api.default = answered(sent(120))
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.is_up("acme"))
            assert total(running, workspace="acme") == 0
        assert not [event for event in logged if event["log_level"] == "error"]

    async def test_a_restart_finds_what_was_not_saved_for_want_of_room(
        self, api: ScriptedApi, folder: Path, logged: list[EventDict]
    ) -> None:
        """Also when the answer never changes again."""
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme"))
            with no_room():
                api.default = answered(sent(111))
                await until(lambda: total(running, workspace="acme") == 11)
                assert polled(folder) == []
                assert running.exporter.notices() == [f"State is not saved: {os.strerror(errno.EFBIG)}"]
                assert running.is_up("acme"), "a poll is none the worse"
            await until(lambda: polled(folder))
            await until(lambda: not running.exporter.notices())
        api.default = answer(503)
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running, workspace="acme") == 11
        assert len([event for event in logged if event["event"] == "state: not saved"]) == 1

    async def test_a_restart_is_refused_beside_an_exporter_that_runs(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            with pytest.raises(ConfigError, match=r"state\.directory: .* in use by another exporter"):
                Exporting(running.settings)
            await until(lambda: running.is_up("acme"))
