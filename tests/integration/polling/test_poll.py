"""Polls over a scripted API: when they come, and what becomes of their answers."""

import asyncio
from datetime import UTC, datetime, tzinfo

import pytest
from structlog.types import EventDict

from tests.accounts import ACME, AGENCY, GLOBEX, PLATFORM
from tests.exporting import FAST, Exporting, exporting, settings
from tests.integration.polling.logged import reported
from tests.scripted_api import ScriptedApi, answer, answered, drip, hang, mailbox, once_set, raw
from tests.waiting import until

pytestmark = pytest.mark.anyio


class TestPoll:
    async def test_first_polls_happen_at_once(self) -> None:
        """Every window, however long its interval."""
        windows = [{"name": "7d", "days": 7, "interval": "1d"}]
        api = ScriptedApi()
        async with exporting(api, ACME, GLOBEX, poll={"interval": "1d"}, windows=windows) as running:
            await until(lambda: running.is_up("acme") and running.is_up("globex"))
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)

    async def test_a_poll_is_repeated_at_its_accounts_interval(self) -> None:
        slow = ACME | {"poll_interval": "1d"}
        api = ScriptedApi()
        async with exporting(api, slow, GLOBEX) as running:
            await until(lambda: running.is_polled("globex", 4))
            assert running.one("sendkit_polls_total", "acme") == 1
            assert running.one("sendkit_poll_interval_seconds", "acme") == 86_400
            assert running.one("sendkit_poll_interval_seconds", "globex") == FAST

    async def test_a_poll_replaces_the_last_answer_whole(self) -> None:
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answered(mailbox("m2", sentToday=7), mailbox("m3"))
            await until(lambda: running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m2"))
            ids = running.samples().values_of("mailbox_id", "sendkit_mailbox_sent_today")
            assert ids == {"m2", "m3"}

    @pytest.mark.parametrize(
        ("zone", "first", "last"),
        [
            ("UTC", "2024-02-24T00:00:00.000Z", "2024-03-01T23:59:59.999Z"),
            ("Pacific/Kiritimati", "2024-02-24T10:00:00.000Z", "2024-03-02T09:59:59.999Z"),
        ],
    )
    async def test_a_poll_asks_for_the_days_of_its_window_in_the_time_zone(
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
        assert query["from"].replace("00:00:00.000", "23:59:59.999") == query["to"]

    async def test_a_poll_that_is_due_while_it_still_runs_is_skipped_and_counted(
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
        assert len(reported(logged, "poll skipped: the one before is still running", workspace="acme")) == 1

    async def test_a_poll_of_a_slow_workspace_never_delays_another_one(self) -> None:
        api = ScriptedApi({PLATFORM: {"w-hangs": "hangs", "w-drips": "drips", "w-good": "good"}})
        api.behaviours = {"sk_canary-acme": hang, "w-hangs": hang, "w-drips": drip}
        async with exporting(api, ACME, AGENCY, GLOBEX, api={"timeout": 60}) as running:
            await until(lambda: running.is_polled("good", 5) and running.is_polled("globex", 5))
            for stuck in ("acme", "hangs", "drips"):
                assert running.one("sendkit_polls_total", stuck) == 0

    async def test_a_poll_fails_without_losing_the_last_answer(self) -> None:
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answer(200, b"<!doctype html>")
            await until(lambda: not running.is_up("acme"))
            assert running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m1") == 3
            assert running.samples().one("sendkit_poll_failures_total", reason="malformed", window="all")

    async def test_a_poll_of_an_api_that_is_not_there_fails(self) -> None:
        """Nobody listens at the port of discard."""
        running = Exporting(settings("http://127.0.0.1:9", ACME, AGENCY))
        await running.exporter.poller.start()
        for name in ("acme", "agency"):
            await until(lambda name=name: running.failures(name, "network") >= 2)  # type: ignore[misc]
            assert running.one("sendkit_up", name) == 0
        assert "acme: network" in running.unready_reason()
        await running.exporter.poller.stop()

    async def test_a_poll_counts_its_requests_by_the_answers_status(self) -> None:
        api = ScriptedApi(behaviours={"sk_canary-acme": answer(401), "sk_canary-gone": raw(b"")})
        gone = {"name": "gone", "api_key": "sk_canary-gone"}
        async with exporting(api, ACME, GLOBEX, gone) as running:
            await until(lambda: all(running.is_polled(name) for name in ("acme", "globex", "gone")))
            for code in ("200", "401", "error"):
                assert running.own_samples().one("sendkit_api_requests_total", code=code)

    async def test_a_poll_keeps_counters_over_a_fall(self) -> None:
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
            await until(lambda: total() == 10, what="what is above the total before the fall")


class TestFilter:
    async def test_a_filter_keeps_mailboxes_by_address_and_status(self) -> None:
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
    async def test_defects_of_ours_are_logged_and_do_not_end_the_polls(
        self, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No answer that we know of does this; something must fail that never should."""
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            with monkeypatch.context() as patch:
                patch.setattr("exporter.polling.reader.parse", lambda *_: 1 / 0)
                api.default = answered(mailbox("m2"))
                await until(lambda: running.failures(reason="malformed") >= 2)
            await until(lambda: running.is_up("acme"))
        assert reported(logged, "a defect of the exporter", exc_info=True)


class TestMailboxesLeftOut:
    async def test_mailboxes_left_out_are_written_to_the_log_once_if_none_is_left(
        self, logged: list[EventDict]
    ) -> None:
        nobody = {"include": ["nobody@.*"]}
        warning = "mailboxes.include, exclude and statuses leave all mailboxes out"
        async with exporting(ScriptedApi(), ACME, mailboxes=nobody) as running:
            await until(lambda: running.is_polled("acme", 3))
            assert running.samples().values_of("mailbox_id", "sendkit_mailbox_info") == set()
            assert len(reported(logged, warning, workspace="acme", mailboxes=1)) == 1
            running.settings["mailboxes"] = {}
            await running.exporter.reload()
            await until(lambda: running.samples().values_of("mailbox_id", "sendkit_mailbox_info"))
            polls = running.one("sendkit_polls_total", "acme") or 0  # what is known is shown before a poll
            await until(lambda: running.is_polled("acme", int(polls) + 2))
            running.settings["mailboxes"] = nobody
            await running.exporter.reload()
            await until(lambda: len(reported(logged, warning, workspace="acme", mailboxes=1)) == 2)

    async def test_mailboxes_left_out_are_no_news_of_a_workspace_without_mailboxes(
        self, logged: list[EventDict]
    ) -> None:
        nobody = {"include": ["nobody@.*"]}
        async with exporting(ScriptedApi(default=answered()), ACME, mailboxes=nobody) as running:
            await until(lambda: running.is_polled("acme", 2))
        assert not [event for event in logged if event["event"].startswith("mailboxes.include")]


class TestStop:
    async def test_a_stop_counts_no_poll_that_it_ends(self) -> None:
        api = ScriptedApi(default=hang)
        async with exporting(api, ACME, api={"timeout": 60}) as running:
            await until(lambda: api.asked("sk_canary-acme"))
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=0.1)
        [tracked] = running.exporter.fleet
        assert (tracked.all_time.polls, tracked.all_time.failures.total()) == (0, 0)

    async def test_a_stop_may_come_before_the_start(self) -> None:
        running = Exporting(settings("http://127.0.0.1:9", ACME))
        await running.exporter.poller.stop()


class TestTurning:
    async def test_polls_are_seen_to_have_stopped_when_nothing_is_run_any_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("exporter.polling.schedule.HEARTBEAT_LOST_SECONDS", 2.5)
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            poller = running.exporter.poller
            assert poller.is_turning()
            await poller.stop()
            await until(lambda: not poller.is_turning())
