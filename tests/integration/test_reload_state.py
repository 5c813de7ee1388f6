"""State over reloads: the folder may change, and no save that comes late undoes a newer one."""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.config import ConfigError
from exporter.fleet.key import Key
from exporter.fleet.state import StateDirectory, StateUnavailableError
from exporter.fleet.workspace import Workspace
from tests.accounts import ACME, AGENCY, PLATFORM
from tests.exporting import Exporting, exporting
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.states import files, loaded, polled, some
from tests.waiting import until


def sent(number: int, *, mailbox_id: str = "m1") -> dict[str, Any]:
    return mailbox(mailbox_id, performance={"sent": number})


def total(running: Exporting, **labels: str) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", **labels)


@pytest.mark.anyio
class TestState:
    async def test_state_moves_to_another_folder_and_leaves_none_that_is_out_of_date(
        self, tmp_path: Path
    ) -> None:
        api = ScriptedApi(default=answered(sent(100)))
        one, two = tmp_path / "one", tmp_path / "two"
        state = StateDirectory(two)
        state.save(some(Workspace(Key(account="acme"), "acme", "acme", "acme"), rise=1), time.time())
        state.save(some(Workspace(Key(account="past"), "past", "past", "past"), rise=1), time.time())
        state.close()
        async with exporting(api, ACME, state={"directory": str(one)}) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answered(sent(110))
            await until(lambda: total(running) == 10)
            running.settings["state"] = {"directory": str(two)}
            await running.exporter.reload()
            assert files(one) == []
            StateDirectory(one).close()  # free again
            await until(lambda: files(two))
        state = StateDirectory(two)
        risen = {saved.account: saved.counters.risen["campaign_sent"] for saved in state.load()}
        assert risen == {"acme": [10]}
        state.close()

    async def test_state_may_leave_the_folder_and_come_back(self, tmp_path: Path) -> None:
        async with exporting(ScriptedApi(), ACME, state={"directory": str(tmp_path)}) as running:
            await until(lambda: files(tmp_path))
            running.settings["state"] = {}
            await running.exporter.reload()
            assert files(tmp_path) == []
            running.settings["state"] = {"directory": str(tmp_path)}
            await running.exporter.reload()
            await until(lambda: files(tmp_path))

    async def test_state_that_is_bad_takes_no_folder(self, tmp_path: Path) -> None:
        async with exporting(ScriptedApi(), ACME, state={"directory": str(tmp_path / "one")}) as running:
            await until(lambda: files(tmp_path / "one"))
            running.settings["state"] = {"directory": str(tmp_path / "two")}
            running.settings["privacy"] = {"email": "hmac", "hmac_key_file": "/nowhere/hmac.key"}
            with pytest.raises(ConfigError, match="hmac"):
                await running.exporter.reload()
            StateDirectory(tmp_path / "two").close()
            with pytest.raises(StateUnavailableError):
                StateDirectory(tmp_path / "one")
            assert files(tmp_path / "one")

    async def test_state_lets_no_late_save_undo_a_newer_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi(default=answered(sent(100)))
        reached, release, fsync = threading.Event(), threading.Event(), os.fsync

        def slow(descriptor: int) -> None:
            if not release.is_set():
                reached.set()
                release.wait(20)
            fsync(descriptor)

        async with exporting(api, ACME, state={"directory": str(tmp_path)}) as running:
            await until(lambda: running.is_up("acme"))
            monkeypatch.setattr(os, "fsync", slow)
            api.default = answered(sent(105))
            await until(reached.is_set)
            api.default = answered(sent(110))
            reload = asyncio.create_task(running.exporter.reload())
            polls = len(api.asked(ACME["api_key"]))
            await asyncio.wait([reload], timeout=0.3)
            assert len(api.asked(ACME["api_key"])) == polls
            release.set()
            await reload
            await until(lambda: total(running) == 10)
        state = StateDirectory(tmp_path)
        assert loaded(state) == {"": 10}
        state.close()

    async def test_state_leaves_nothing_of_a_workspace_that_went_while_it_was_saved(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, default=answered(sent(100)))
        reached, release, fsync = threading.Event(), threading.Event(), os.fsync

        def slow(descriptor: int) -> None:
            reached.set()
            release.wait(20)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", slow)
        state = {"directory": str(tmp_path)}
        async with exporting(api, AGENCY, state=state, poll={"stale_after": 0.5}) as running:
            await until(reached.is_set)
            api.workspaces[PLATFORM] = {"w2": "two"}
            await until(lambda: running.labels() == {"two"})
            release.set()
            await until(lambda: len(files(tmp_path)) == 2 and len(polled(tmp_path)) == 1)
