"""A reload: what is known of what stays, stays; the rest goes, and a bad configuration changes nothing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter.config import Config, ConfigError
from exporter.fleet.workspace import Workspace
from exporter.polling.board import Board
from exporter.polling.schedule import Schedule
from tests.accounts import ACME, AGENCY, GLOBEX, PLATFORM
from tests.exporting import FAST, Exporting, exporting
from tests.scripted_api import ScriptedApi, answer, answered, hang, mailbox
from tests.waiting import until

pytestmark = pytest.mark.anyio

DOWN = answer(503)
INFO = "sendkit_mailbox_info"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """The log's events; none of them ever holds a key."""
    with capture_logs() as events:
        yield events
    assert "canary" not in json.dumps(events, default=repr)


def reload_state(running: Exporting) -> float | None:
    return running.own_samples().one("sendkit_exporter_config_last_reload_successful")


class TestReload:
    async def test_a_reload_keeps_counters_and_answers_of_what_stays(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(api, ACME, AGENCY, api={"timeout": 60}) as running:
            await until(lambda: running.is_polled("acme", 3) and running.is_polled("one", 3))
            polls = {name: running.one("sendkit_polls_total", name) or 0 for name in ("acme", "one")}
            api.default = hang
            running.settings["poll"]["interval"] = "2m"
            await running.exporter.reload()
            for name in ("acme", "one"):
                assert (running.one("sendkit_polls_total", name) or 0) >= polls[name]
                assert running.is_up(name)
                assert running.one("sendkit_poll_interval_seconds", name) == 120
                assert running.samples().one("sendkit_mailbox_sent_today", workspace=name) == 3
                assert running.samples().one("sendkit_mailbox_emails_sent_total", workspace=name) == 0
            assert not running.unready_reason()

    async def test_polls_go_on_after_a_reload(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(api, ACME, AGENCY) as running:
            await until(lambda: running.is_up("acme") and running.is_up("one"))
            await running.exporter.reload()
            asked = {of: len(api.asked(of)) for of in ("sk_canary-acme", "w1")}
            await until(lambda: all(len(api.asked(of)) >= asked[of] + 3 for of in asked))

    async def test_a_reload_drops_accounts_and_windows_that_are_gone(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        windows = [{"name": "7d", "days": 7, "interval": FAST}]
        async with exporting(api, ACME, GLOBEX, AGENCY, windows=windows) as running:
            await until(lambda: {"acme", "globex", "one", "two"} == running.labels())
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)
            await until(lambda: running.is_up("one"))
            api.default = DOWN
            api.listing[PLATFORM] = DOWN
            chosen = AGENCY | {"workspaces": {"exclude": ["two"], "refresh": FAST}}
            running.settings |= {"accounts": [ACME, chosen], "windows": []}
            await running.exporter.reload()

            assert running.labels() == {"acme", "one"}
            for name, labels, _ in running.samples():
                assert {("workspace", "globex"), ("workspace", "two"), ("window", "7d")}.isdisjoint(labels), (
                    name
                )
            accounts = running.own_samples().values_of("account", "sendkit_discovery_up")
            assert accounts <= {"acme", "agency"}
            asked = len(api.asked("sk_canary-globex"))
            await until(
                lambda: (running.one("sendkit_poll_failures_total", "acme", reason="server_error") or 0) > 2
            )
            assert len(api.asked("sk_canary-globex")) == asked

    async def test_a_reload_polls_accounts_and_windows_that_are_new(self) -> None:
        async with exporting(ScriptedApi(), ACME) as running:
            await until(lambda: running.is_up("acme"))
            windows = [{"name": "7d", "days": 7, "interval": FAST}]
            running.settings |= {"accounts": [ACME, GLOBEX], "windows": windows}
            await running.exporter.reload()
            await until(lambda: running.is_up("globex"))
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)

    async def test_a_reload_polls_known_workspaces_while_they_cannot_be_looked_for(self) -> None:
        """A reload during trouble with one path of the API must not stop the polls of another."""
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one"))
            api.listing[PLATFORM] = DOWN
            await running.exporter.reload()
            polls = running.one("sendkit_polls_total", "one") or 0
            await until(lambda: running.is_polled("one", int(polls) + 3))

    async def test_a_list_that_is_taken_in_while_a_reload_ends_the_polls_ends_none_for_good(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It must not have the workspaces polled by the schedule that ends."""
        begins, ends, is_taken_in = asyncio.Event(), asyncio.Event(), asyncio.Event()
        forgotten, stop = Board.forgotten, Schedule.stop

        async def slowly_forgotten(board: Board, workspace: Workspace) -> None:
            begins.set()
            await ends.wait()
            await forgotten(board, workspace)
            asyncio.get_running_loop().call_later(0.05, is_taken_in.set)

        async def stop_after_it(schedule: Schedule) -> None:
            ends.set()
            await is_taken_in.wait()
            await stop(schedule)

        monkeypatch.setattr(Board, "forgotten", slowly_forgotten)
        monkeypatch.setattr(Schedule, "stop", stop_after_it)
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll={"stale_after": 0.5}) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            del api.workspaces[PLATFORM]["w2"]
            await begins.wait()
            running.settings["poll"]["stale_after"] = 60
            await running.exporter.reload()
            polls = len(api.asked("w1"))
            await until(lambda: len(api.asked("w1")) > polls + 3)

    async def test_a_workspace_that_was_removed_leaves_however_often_there_is_a_reload(self) -> None:
        """Also when each comes before `poll.stale_after` has passed since the last."""
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY, poll={"stale_after": 3}) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            del api.workspaces[PLATFORM]["w2"]
            reloads = 0

            async def is_gone() -> bool:
                nonlocal reloads
                reloads += 1
                running.settings["api"]["timeout"] = 2 + reloads / 100
                await running.exporter.reload()
                polls = len(api.asked("w1"))
                await until(lambda: len(api.asked("w1")) > polls + 1)
                return running.labels() == {"one"}

            while not await is_gone():
                assert reloads < 100

    async def test_a_reload_applies_filters_and_privacy_to_what_is_known(self) -> None:
        """At once: an API that is down must not keep on show what was taken back."""
        api = ScriptedApi(default=answered(mailbox("m1", "a@one.example"), mailbox("m2", "b@two.example")))
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answered(
                mailbox("m1", "a@one.example", performance={"sent": 100}),
                mailbox("m2", "b@two.example", performance={"sent": 120}),
            )
            await until(
                lambda: running.samples().one("sendkit_mailbox_emails_sent_total", mailbox_id="m2") == 30
            )
            api.default = DOWN
            running.settings |= {
                "privacy": {"email": "off"},
                "mailboxes": {"include": [".*@two.example"]},
                "thresholds": {"minimum_bounces": 7},
            }
            await running.exporter.reload()
            assert running.samples().values_of("email", "sendkit_mailbox_info") == {""}
            assert running.samples().values_of("mailbox_id", "sendkit_mailbox_info") == {"m2"}
            assert running.samples().one("sendkit_mailbox_emails_sent_total") == 30
            assert running.samples().one("sendkit_alert_threshold", threshold="minimum_bounces") == 7

    async def test_a_reload_counts_no_poll_that_it_ends(self, logged: list[EventDict]) -> None:
        api = ScriptedApi(default=hang)
        async with exporting(api, ACME, api={"timeout": 60}, poll={"interval": 30}) as running:
            await until(lambda: api.requests)
            await running.exporter.reload()
            assert running.one("sendkit_polls_total", "acme") == 0
        assert [event for event in logged if event["log_level"] in {"warning", "error"}] == []

    async def test_a_reload_that_is_bad_keeps_the_old_configuration(self, logged: list[EventDict]) -> None:
        async with exporting(ScriptedApi(), ACME) as running:
            await until(lambda: running.is_up("acme"))
            assert reload_state(running) == 1

            def refuse() -> Config:
                raise ConfigError("config.yaml: 1 error", ["poll.interval: expected a duration"])

            good, running.exporter._load = running.exporter._load, refuse  # noqa: SLF001
            with pytest.raises(ConfigError):
                await running.exporter.reload()
            assert reload_state(running) == 0
            polls = running.one("sendkit_polls_total", "acme") or 0
            await until(lambda: running.is_polled("acme", int(polls) + 2))

            running.exporter._load = good  # noqa: SLF001
            await running.exporter.reload()
            assert reload_state(running) == 1
        [told] = [event for event in logged if event["log_level"] == "error"]
        assert "poll.interval" in told["error"]

    async def test_a_reload_refuses_a_hash_key_that_is_not_there(self) -> None:
        async with exporting(ScriptedApi(), ACME) as running:
            running.settings["privacy"] = {"email": "hmac", "hmac_key_file": "/nowhere/hmac.key"}
            with pytest.raises(ConfigError, match=r"privacy\.hmac_key_file"):
                await running.exporter.reload()
            await until(lambda: running.is_up("acme"))

    async def test_a_reload_with_hashed_addresses_ends_no_poll_unless_their_key_is_another_one(
        self, tmp_path: Path
    ) -> None:
        key = tmp_path / "hmac.key"
        key.write_text("k" * 32)
        privacy = {"email": "hmac", "hmac_key_file": str(key)}
        async with exporting(ScriptedApi(), ACME, privacy=privacy) as running:
            await until(lambda: running.is_up("acme"))
            poller, before = running.exporter.poller, running.samples().values_of("email", INFO)
            await running.exporter.reload()
            assert running.exporter.poller is poller

            key.write_text("l" * 32)
            await running.exporter.reload()
            assert running.exporter.poller is not poller
            assert running.samples().values_of("email", INFO).isdisjoint(before)

    async def test_a_reload_again_and_again_starves_no_poll(self) -> None:
        """Each changes something, and all come more often than a poll takes."""
        slow = answered(mailbox("m1"))

        async def late(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(1)
            await slow(writer)

        async with exporting(ScriptedApi(default=late), ACME, api={"timeout": 30}) as running:
            for number in range(20):
                running.settings["thresholds"] = {"minimum_bounces": 4 + number}
                await running.exporter.reload()
                await asyncio.sleep(0.1)
                if running.is_polled("acme", 3):
                    break
            assert running.is_up("acme")
            assert running.is_polled("acme", 3)
