"""Polls over a scripted API: when they come, and what becomes of their answers and of their workspaces."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from tests.exporting import FAST, Exporting, exporting, settings
from tests.scripted_api import ScriptedApi, answer, answered, drip, hang, mailbox, once_set, raw
from tests.waiting import until

pytestmark = pytest.mark.anyio

ACME: dict[str, Any] = {"name": "acme", "api_key": "sk_canary-acme"}
GLOBEX: dict[str, Any] = {"name": "globex", "api_key": "sk_canary-globex"}
PLATFORM = "sk_user_canary-agency"
AGENCY: dict[str, Any] = {"name": "agency", "api_key": PLATFORM}

UNAUTHORIZED = answer(401, b'{"error": "Unauthorized", "message": "no such key", "code": 401}')


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """The log's events; none of them ever holds a key."""
    with capture_logs() as events:
        yield events
    assert "canary" not in json.dumps(events, default=repr)


def told(logged: list[EventDict], event: str, **fields: object) -> list[EventDict]:
    """Return the events above debug with this text and these fields."""
    wanted = {"event": event, **fields}.items()
    return [found for found in logged if wanted <= found.items() and found["log_level"] != "debug"]


class TestPoll:
    async def test_first_polls_happen_at_once(self) -> None:
        """Every window, however long its interval."""
        windows = [{"name": "7d", "days": 7, "interval": "1d"}]
        api = ScriptedApi()
        async with exporting(api, ACME, GLOBEX, poll={"interval": "1d"}, windows=windows) as running:
            await until(lambda: running.is_up("acme") and running.is_up("globex"))
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)

    async def test_is_repeated_at_its_accounts_interval(self) -> None:
        slow = ACME | {"poll_interval": "1d"}
        api = ScriptedApi()
        async with exporting(api, slow, GLOBEX) as running:
            await until(lambda: running.is_polled("globex", 4))
            assert running.one("sendkit_polls_total", "acme") == 1
            assert running.one("sendkit_poll_interval_seconds", "acme") == 86_400
            assert running.one("sendkit_poll_interval_seconds", "globex") == FAST

    async def test_replaces_the_last_answer_whole(self) -> None:
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answered(mailbox("m2", sentToday=7), mailbox("m3"))
            await until(lambda: running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m2"))
            ids = running.samples().values_of("mailbox_id", "sendkit_mailbox_sent_today")
            assert ids == {"m2", "m3"}

    @pytest.mark.parametrize(
        ("zone", "first", "last"),
        [("UTC", "2024-02-24", "2024-03-01"), ("Pacific/Kiritimati", "2024-02-25", "2024-03-02")],
    )
    async def test_asks_for_the_days_of_its_window_in_the_time_zone(
        self, zone: str, first: str, last: str
    ) -> None:
        """Half past ten in the evening in UTC is tomorrow on Kiritimati."""

        def calendar(zone: tzinfo) -> datetime:
            return datetime(2024, 3, 1, 22, 30, tzinfo=UTC).astimezone(zone)

        windows = [{"name": "week", "days": 7, "interval": FAST}]
        api = ScriptedApi()
        async with exporting(api, ACME, windows=windows, timezone=zone, calendar=calendar) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="week"))
        queries = [dict(request.query) for request in api.requests]
        assert {"from": first, "to": last} in queries
        assert {} in queries

    async def test_a_window_of_one_day_is_today(self) -> None:
        windows = [{"name": "today", "days": 1, "interval": FAST}]
        api = ScriptedApi()
        async with exporting(api, ACME, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="today"))
        [query] = [request.query for request in api.requests if request.query][:1]
        assert query["from"] == query["to"]

    async def test_that_is_due_while_it_still_runs_is_skipped_and_counted(
        self, logged: list[EventDict]
    ) -> None:
        release = asyncio.Event()
        api = ScriptedApi(behaviours={"sk_canary-acme": once_set(release, answered())})
        async with exporting(api, ACME, api={"timeout": 60}) as running:
            await until(lambda: (running.one("sendkit_polls_skipped_total", "acme") or 0) >= 3)
            assert len(api.asked("sk_canary-acme")) == 1
            assert running.one("sendkit_polls_total", "acme") == 0
            release.set()
            await until(lambda: running.is_polled("acme", 2))
        assert len(told(logged, "poll skipped: the one before is still running", workspace="acme")) == 1

    async def test_of_a_slow_workspace_never_delays_another_one(self) -> None:
        api = ScriptedApi({PLATFORM: {"w-hangs": "hangs", "w-drips": "drips", "w-good": "good"}})
        api.behaviours = {"sk_canary-acme": hang, "w-hangs": hang, "w-drips": drip}
        async with exporting(api, ACME, AGENCY, GLOBEX, api={"timeout": 60}) as running:
            await until(lambda: running.is_polled("good", 5) and running.is_polled("globex", 5))
            for stuck in ("acme", "hangs", "drips"):
                assert running.one("sendkit_polls_total", stuck) == 0

    async def test_fails_without_losing_the_last_answer(self) -> None:
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answer(200, b"<!doctype html>")
            await until(lambda: not running.is_up("acme"))
            assert running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m1") == 3
            assert running.samples().one("sendkit_poll_failures_total", reason="malformed", window="all")

    async def test_of_an_api_that_is_not_there_fails(self) -> None:
        """Nobody listens at the port of discard."""
        running = Exporting(settings("http://127.0.0.1:9", ACME, AGENCY))
        await running.exporter.poller.start()
        for name in ("acme", "agency"):
            await until(lambda name=name: (failures(running, name, "network") or 0) >= 2)  # type: ignore[misc]
            assert running.one("sendkit_up", name) == 0
        assert "acme: network" in running.unready_reason()
        await running.exporter.poller.stop()

    async def test_counts_its_requests_by_the_answers_status(self) -> None:
        api = ScriptedApi(behaviours={"sk_canary-acme": answer(401), "sk_canary-gone": raw(b"")})
        gone = {"name": "gone", "api_key": "sk_canary-gone"}
        async with exporting(api, ACME, GLOBEX, gone) as running:
            await until(lambda: all(running.is_polled(name) for name in ("acme", "globex", "gone")))
            for code in ("200", "401", "error"):
                assert running.own_samples().one("sendkit_api_requests_total", code=code)

    async def test_keeps_counters_over_a_fall(self) -> None:
        def sent(number: int) -> None:
            api.default = answered(mailbox("m1", performance={"sent": number}))

        def total() -> float | None:
            return running.samples().one("sendkit_mailbox_emails_sent_total")

        api = ScriptedApi()
        sent(4500)
        async with exporting(api, ACME) as running:
            await until(lambda: total() == 0)
            sent(4498)
            polls = running.one("sendkit_polls_total", "acme") or 0
            await until(lambda: running.is_polled("acme", int(polls) + 2))
            assert total() == 0
            sent(4510)
            await until(lambda: total() == 12)


class TestKey:
    async def test_that_is_refused_is_told_by_every_means(self, logged: list[EventDict]) -> None:
        """The one that matters most: nobody may take an exporter without data for a healthy one."""
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: not running.unready_reason())
            api.default = UNAUTHORIZED
            await until(lambda: (failures(running) or 0) >= 1)
            last_success = running.one("sendkit_last_success_timestamp_seconds", "acme")
            await until(lambda: (failures(running) or 0) >= 4)

            assert running.one("sendkit_up", "acme") == 0
            assert running.one("sendkit_last_success_timestamp_seconds", "acme") == last_success
            assert (running.one("sendkit_last_poll_timestamp_seconds", "acme") or 0) > (last_success or 0)
            assert "acme: auth: the API answered 401: no such key" in running.unready_reason()
            assert running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m1") == 3
            [failed] = told(logged, "poll failed")
            assert failed["log_level"] == "warning"
            assert (failed["workspace"], failed["reason"]) == ("acme", "auth")

            api.default = answered(mailbox("m1"))
            await until(lambda: not running.unready_reason())
            polls = running.one("sendkit_polls_total", "acme") or 0
            await until(lambda: running.is_polled("acme", int(polls) + 2))
            assert running.is_up("acme")
        assert len(told(logged, "polls succeed again")) == 1
        assert len(told(logged, "poll failed")) == 1

    async def test_is_refused_from_the_start(self) -> None:
        api = ScriptedApi(default=UNAUTHORIZED)
        async with exporting(api, ACME) as running:
            await until(lambda: running.one("sendkit_up", "acme") == 0)
            assert "auth" in running.unready_reason()
            assert running.one("sendkit_last_success_timestamp_seconds", "acme") is None

    async def test_of_a_file_is_read_again_at_every_poll(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        key_file.write_text("sk_canary-first\n")
        api = ScriptedApi()
        account = {"name": "acme", "api_key_file": str(key_file)}
        async with exporting(api, account) as running:
            await until(lambda: api.asked("sk_canary-first"))
            key_file.write_text("sk_canary-second\n")
            await until(lambda: api.asked("sk_canary-second"))
            await until(lambda: running.is_up("acme"))

    async def test_file_may_appear_later(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        account = {"name": "acme", "api_key_file": str(key_file), "workspaces": {"refresh": "1d"}}
        api = ScriptedApi()
        async with exporting(api, account) as running:
            await until(lambda: (failures(running) or 0) >= 2)
            assert running.one("sendkit_up", "acme") == 0
            assert "auth" in running.unready_reason()
            assert str(key_file) in running.unready_reason()
            key_file.write_text("sk_canary-late")
            await until(lambda: not running.unready_reason())

    async def test_file_that_vanishes_is_a_refused_key(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        key_file.write_text("sk_canary-first")
        account = {"name": "acme", "api_key_file": str(key_file)}
        api = ScriptedApi()
        async with exporting(api, account) as running:
            await until(lambda: running.is_up("acme"))
            key_file.unlink()
            await until(lambda: (failures(running) or 0) >= 2)
            assert running.one("sendkit_up", "acme") == 0

    async def test_of_the_environment_is_used(self) -> None:
        api = ScriptedApi()
        async with exporting(
            api, {"name": "acme", "api_key_env": "ACME_KEY"}, environ={"ACME_KEY": "sk_canary-env"}
        ):
            await until(lambda: api.asked("sk_canary-env"))


def failures(running: Exporting, workspace: str = "acme", reason: str = "auth") -> float | None:
    return running.one("sendkit_poll_failures_total", workspace, reason=reason)


class TestDiscovery:
    async def test_finds_what_a_platform_key_sees(self, logged: list[EventDict]) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            info = running.samples().one(
                "sendkit_workspace_info", workspace="one", account="agency", workspace_id="w1"
            )
            assert info == 1
            assert running.labels() == {"one", "two"}
        assert {request.workspace_id for request in api.asked(PLATFORM)} == {"w1", "w2"}
        assert len(told(logged, "workspace found")) == 2

    async def test_polls_a_workspace_that_appears_and_drops_one_that_disappears(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("one") and running.is_up("two"))
            api.workspaces[PLATFORM] = {"w2": "two", "w3": "three"}
            await until(lambda: running.is_up("three"))
            assert running.labels() == {"two", "three"}
            for name, labels, _ in running.samples():
                assert ("workspace", "one") not in labels, name
            asked, polled = len(api.asked("w1")), running.one("sendkit_polls_total", "two") or 0
            await until(lambda: running.is_polled("two", int(polled) + 3))
            assert len(api.asked("w1")) == asked

    async def test_starts_counters_anew_for_one_that_comes_back(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_polled("one", 3))
            api.workspaces[PLATFORM] = {"w2": "two"}
            await until(lambda: running.labels() == {"two"})
            api.behaviours["w1"] = hang
            api.workspaces[PLATFORM] = {"w1": "one"}
            await until(lambda: running.labels() == {"one"})
            assert running.one("sendkit_polls_total", "one") == 0

    async def test_drops_the_answer_of_a_poll_that_ends_after_its_workspace(self) -> None:
        release = asyncio.Event()
        late = once_set(release, answered(mailbox("late")))
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, {}, {"w1": late})
        async with exporting(api, AGENCY, api={"timeout": 60}) as running:
            await until(lambda: api.asked("w1") and running.is_up("two"))
            api.workspaces[PLATFORM] = {"w2": "two"}
            await until(lambda: running.labels() == {"two"})
            release.set()
            await until(lambda: running.is_polled("two", 4))
            assert running.labels() == {"two"}
            assert running.samples().all_of("sendkit_mailbox_info", mailbox_id="late") == {}

    async def test_follows_a_rename_at_once(self) -> None:
        """The label changes everywhere, before the next poll, and the counters go on."""
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        async with exporting(
            api, AGENCY | {"poll_interval": "1d", "workspaces": {"refresh": FAST}}
        ) as running:
            await until(lambda: running.is_up("one"))
            api.workspaces[PLATFORM] = {"w1": "uno"}
            await until(lambda: running.labels() == {"uno"})
            assert running.one("sendkit_polls_total", "uno") == 1
            assert running.samples().one("sendkit_mailbox_sent_today", workspace="uno") == 3
            assert running.samples().one("sendkit_mailbox_emails_sent_total", workspace="uno") == 0
            for name, labels, _ in running.samples():
                assert ("workspace", "one") not in labels, name
            assert running.exporter.store.labels() == ["uno"]

    async def test_follows_a_rename_while_a_poll_runs(self) -> None:
        release = asyncio.Event()
        late = once_set(release, answered(mailbox("m1")))
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, {}, {"w1": late})
        async with exporting(api, AGENCY, api={"timeout": 60}) as running:
            await until(lambda: api.asked("w1"))
            api.workspaces[PLATFORM] = {"w1": "uno"}
            await until(lambda: running.labels() == {"uno"})
            release.set()
            await until(lambda: running.is_polled("uno", 2))
            assert running.samples().values_of("workspace", "sendkit_mailbox_sent_today") == {"uno"}

    async def test_tells_workspaces_of_one_name_apart(self) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "shared", "w2": "shared"}})
        async with exporting(api, AGENCY) as running:
            await until(lambda: running.is_up("shared (w1)") and running.is_up("shared (w2)"))
            api.workspaces[PLATFORM] = {"w2": "shared"}
            await until(lambda: running.labels() == {"shared"})

    @pytest.mark.parametrize(
        ("index", "labels"), [(0, {"shared (w1)", "acme (w3)"}), (1, {"shared (w2)", "acme"})]
    )
    async def test_tells_them_apart_as_without_shards(self, index: int, labels: set[str]) -> None:
        """Also from one that another shard polls, and from the start of a reload on."""
        second = "sk_user_canary-second"
        seen = {"w1": "shared", "w2": "shared", "w3": "acme"}
        api = ScriptedApi({PLATFORM: seen, second: seen})
        accounts = (ACME, AGENCY, {"name": "other", "api_key": second})
        async with exporting(api, *accounts, shard={"index": index, "total": 2}) as running:
            await until(lambda: running.labels() == labels and all(map(running.is_up, labels)))
            api.listing = {PLATFORM: hang, second: hang}
            await running.exporter.reload()
            assert running.labels() == labels

    async def test_polls_a_workspace_that_two_accounts_see_once_for_the_first_of_them(self) -> None:
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
            await until(lambda: running.is_up("one"))
            assert running.labels() == {"one", "two"}
            asked = len([r for r in api.asked("w1") if r.key == second])
            await until(lambda: running.is_polled("one", 3) and running.is_polled("two", 3))
            assert len([r for r in api.asked("w1") if r.key == second]) == asked
            assert account_of(running, "two") == {"other"}

    async def test_keeps_to_include_and_exclude(self) -> None:
        names = {"w1": "client-a", "w2": "client-b-sandbox", "w3": "internal", "w4": "client"}
        chosen = {"include": ["client-.*"], "exclude": [".*-sandbox"], "refresh": FAST}
        account = AGENCY | {"workspaces": chosen}
        api = ScriptedApi({PLATFORM: names})
        async with exporting(api, account) as running:
            await until(lambda: running.is_polled("client-a", 3))
            assert running.labels() == {"client-a"}
            assert {request.workspace_id for request in api.asked(PLATFORM)} == {"w1"}

    async def test_that_fails_from_the_start_is_told_by_the_accounts_name(
        self, logged: list[EventDict]
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, {PLATFORM: UNAUTHORIZED})
        account = AGENCY | {"workspaces": {"refresh": "1d"}}
        async with exporting(api, account) as running:
            await until(lambda: (failures(running, "agency") or 0) >= 2)
            assert running.one("sendkit_up", "agency") == 0
            assert "agency: auth" in running.unready_reason()
            del api.listing[PLATFORM]
            await until(lambda: running.is_up("one"))
            assert running.labels() == {"one"}
            assert not running.unready_reason()
        assert len(told(logged, "poll failed", workspace="agency")) == 1

    async def test_that_fails_later_keeps_what_was_found(self, logged: list[EventDict]) -> None:
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
        assert len(told(logged, "looking for workspaces failed", account="agency")) == 1

    async def test_looks_again_soon_after_a_failure(self) -> None:
        """At the poll's interval, not at the refresh."""
        account = AGENCY | {"workspaces": {"refresh": "1d"}}
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, {PLATFORM: answer(503)})
        async with exporting(api, account) as running:
            await until(lambda: running.one("sendkit_up", "agency") == 0)
            del api.listing[PLATFORM]
            await until(lambda: running.is_up("one"))

    async def test_may_find_nothing(self) -> None:
        api = ScriptedApi()
        async with exporting(api, AGENCY, GLOBEX) as running:
            await until(lambda: running.is_polled("globex", 3))
            assert running.labels() == {"globex"}


def account_of(running: Exporting, workspace: str) -> set[str]:
    infos = running.samples().all_of("sendkit_workspace_info", workspace=workspace)
    return {value for labels in infos for key, value in labels if key == "account"}


class TestStaleness:
    async def test_drops_the_mailboxes_and_keeps_the_polls(self, logged: list[EventDict]) -> None:
        windows = [{"name": "7d", "days": 7, "interval": FAST}]
        api = ScriptedApi()
        async with exporting(api, ACME, poll={"stale_after": 1.5}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)
            api.default = answer(503)
            await until(
                lambda: not any(name.startswith("sendkit_mailbox") for name in running.samples().by_name)
            )
            assert running.one("sendkit_up", "acme") == 0
            assert running.one("sendkit_last_success_timestamp_seconds", "acme")
            assert running.one("sendkit_poll_failures_total", "acme", reason="server_error")
            assert running.samples().all_of("sendkit_workspace_mailboxes") == {}
            assert running.unready_reason()
            api.default = answered(mailbox("m1"))
            await until(lambda: running.samples().one("sendkit_mailbox_sent_today") == 3)
            assert not running.unready_reason()
        assert len(told(logged, "data is stale: mailbox series dropped", window="all")) == 1

    async def test_is_not_mistaken_when_an_answer_never_changes(self) -> None:
        """The same bytes again and again are fresh each time."""
        api = ScriptedApi()
        async with exporting(api, ACME, poll={"stale_after": 1}) as running:
            await until(lambda: running.is_up("acme"))
            first = running.one("sendkit_last_success_timestamp_seconds", "acme") or 0
            await until(
                lambda: (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) > first + 2
            )
            assert running.samples().one("sendkit_mailbox_sent_today") == 3


class TestFilter:
    async def test_keeps_mailboxes_by_address_and_status(self) -> None:
        mailboxes = {"include": [".*@example\\.com"], "exclude": ["test.*"], "statuses": ["active", "error"]}
        api = ScriptedApi(
            default=answered(
                mailbox("kept", "a@example.com"),
                mailbox("kept-too", "b@example.com", status="error"),
                mailbox("other-status", "c@example.com", status="suspended"),
                mailbox("excluded", "test@example.com"),
                mailbox("other-domain", "a@example.org"),
            )
        )
        async with exporting(api, ACME, mailboxes=mailboxes) as running:
            await until(lambda: running.is_up("acme"))
            assert running.samples().values_of("mailbox_id", "sendkit_mailbox_info") == {"kept", "kept-too"}
            assert sum(running.samples().all_of("sendkit_workspace_mailboxes").values()) == 2


class TestDefects:
    async def test_of_ours_are_told_and_do_not_end_the_polls(
        self, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No answer that we know of does this; something must fail that never should."""
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            with monkeypatch.context() as patch:
                patch.setattr("exporter.polling.reading.parse", lambda _: 1 / 0)
                api.default = answered(mailbox("m2"))
                await until(lambda: (failures(running, reason="malformed") or 0) >= 2)
            await until(lambda: running.is_up("acme"))
        assert told(logged, "a defect of the exporter", exc_info=True)

    async def test_of_ours_while_looking_for_workspaces_do_not_end_that(
        self, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}})
        with monkeypatch.context() as patch:
            patch.setattr("exporter.polling.poller.labels_for", lambda _: 1 / 0)
            async with exporting(api, AGENCY) as running:
                await until(lambda: told(logged, "a defect of the exporter", exc_info=True))
                patch.undo()
                await until(lambda: running.is_up("one"))


class TestStop:
    async def test_counts_no_poll_that_it_ends(self) -> None:
        api = ScriptedApi(default=hang)
        async with exporting(api, ACME, api={"timeout": 60}) as running:
            await until(lambda: api.requests)
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=0.1)
        [tracked] = running.exporter.fleet
        assert (tracked.all_time.polls, tracked.all_time.failures.total()) == (0, 0)

    async def test_may_come_before_the_start(self) -> None:
        running = Exporting(settings("http://127.0.0.1:9", ACME))
        await running.exporter.poller.stop()


class TestTurning:
    async def test_stops_when_nothing_is_run_any_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exporter.polling.schedule.HEARTBEAT_LOST_SECONDS", 2.5)
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            poller = running.exporter.poller
            assert poller.is_turning()
            await poller.stop()
            await until(lambda: not poller.is_turning())
