"""Answers that no longer count, over a scripted API."""

import asyncio

import pytest
from structlog.types import EventDict

from tests.accounts import ACME
from tests.exporting import FAST, Exporting, exporting
from tests.integration.polling.logged import reported
from tests.scripted_api import ScriptedApi, answer, answered, mailbox, once_set
from tests.waiting import until

pytestmark = pytest.mark.anyio


class TestStaleness:
    async def test_staleness_drops_the_mailboxes_and_keeps_the_polls(self, logged: list[EventDict]) -> None:
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
        assert len(reported(logged, "data is stale: mailbox series dropped", window="all")) == 1

    async def test_staleness_is_not_mistaken_when_an_answer_never_changes(self) -> None:
        """The same bytes again and again are fresh each time."""
        api = ScriptedApi()
        async with exporting(api, ACME, poll={"stale_after": 1}) as running:
            await until(lambda: running.is_up("acme"))
            first = running.one("sendkit_last_success_timestamp_seconds", "acme") or 0
            await until(
                lambda: (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) > first + 2
            )
            assert running.samples().one("sendkit_mailbox_sent_today") == 3


WEEK = [{"name": "7d", "days": 7, "interval": "1d"}]


def windows(running: Exporting) -> set[str]:
    """Return the windows that a scrape has samples of mailboxes for."""
    return running.samples().values_of("window", "sendkit_mailbox_campaign_sent")


class TestWindow:
    """Its answers name mailboxes by their id; what else their labels need is the all-time answer's."""

    async def test_a_window_shows_no_mailbox_before_the_all_time_answer_and_its_own_with_it(self) -> None:
        release = asyncio.Event()
        all_time = once_set(release, answered(mailbox("m1", "anna@one.example")))
        week = answered(mailbox("m1", "", performance={"sent": 7}), mailbox("unknown"))
        api = ScriptedApi(default=all_time, windowed=week)
        async with exporting(api, ACME, windows=WEEK, api={"timeout": 60}) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d") == 1)
            assert windows(running) == set()
            assert running.unready_reason()

            release.set()

            await until(lambda: running.is_up("acme"))
            assert windows(running) == {"all", "7d"}
            [labels] = running.samples().all_of("sendkit_mailbox_campaign_sent", window="7d")
            assert {("domain", "one.example"), ("mailbox_id", "m1")} <= labels
            assert running.samples().one("sendkit_mailbox_campaign_sent", window="7d") == 7
            assert running.one("sendkit_polls_total", "acme", window="7d") == 1

    async def test_a_window_goes_with_the_all_time_answer_that_is_stale_and_comes_back_with_it(self) -> None:
        api = ScriptedApi(windowed=answered(mailbox("m1", performance={"sent": 7})))
        async with exporting(api, ACME, windows=WEEK, poll={"stale_after": 1.5}) as running:
            await until(lambda: windows(running) == {"all", "7d"})
            api.default = answer(503)
            await until(lambda: windows(running) == set())
            assert running.one("sendkit_up", "acme", window="7d") == 1
            assert {
                name for name in running.samples().by_name if name.startswith("sendkit_mailbox_")
            } == set()
            assert running.unready_reason()

            api.default = answered(mailbox("m1"))

            await until(lambda: running.is_up("acme"))
            assert windows(running) == {"all", "7d"}
            assert running.samples().one("sendkit_mailbox_campaign_sent", window="7d") == 7
            assert running.one("sendkit_polls_total", "acme", window="7d") == 1, "not asked for again"

    async def test_a_window_follows_the_mailboxes_of_the_all_time_answer(self) -> None:
        def ids(window: str) -> set[str]:
            found = running.samples().all_of("sendkit_mailbox_campaign_sent", window=window)
            return {dict(labels)["mailbox_id"] for labels in found}

        api = ScriptedApi(windowed=answered(mailbox("m1"), mailbox("m2"), mailbox("m3")))
        api.default = answered(mailbox("m2"), mailbox("m1"))
        async with exporting(api, ACME, windows=WEEK) as running:
            await until(lambda: ids("all") == ids("7d") == {"m1", "m2"})
            api.default = answered(mailbox("m3"), mailbox("m2"))
            await until(lambda: ids("all") == {"m2", "m3"})
            assert ids("7d") == {"m2", "m3"}
            assert running.one("sendkit_polls_total", "acme", window="7d") == 1
