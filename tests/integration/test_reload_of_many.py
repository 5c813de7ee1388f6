"""What concerns many workspaces, such as a reload, is never done all at once."""

import asyncio
import gc
from collections import Counter
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from exporter.answers.parse import parse
from exporter.exposition.store import Store
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.board import now
from exporter.polling.schedule import ENDED_AT_ONCE, Schedule
from exporter.polling.showing import AT_ONCE, Showing
from exporter.sendkit.feeds import analytics
from exporter.textformat.body import Piece
from tests.accounts import ACME
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answer
from tests.waiting import until

pytestmark = pytest.mark.anyio

MANY = 400


async def test_jobs_that_hang_by_the_hundred_are_ended_a_few_in_each_turn_of_the_loop() -> None:
    """As in an outage in which every poll waits for the API or for its turn."""
    running, turn, ended = 0, 0, Counter[int]()

    async def hang() -> None:
        nonlocal running
        running += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended[turn] += 1

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    schedule = Schedule()
    schedule.start()
    for _ in range(MANY):
        schedule.every(timedelta(hours=1), hang)
    await until(lambda: running == MANY)
    counting = asyncio.create_task(count_turns())

    await schedule.stop()

    counting.cancel()
    assert ended.total() == MANY
    assert max(ended.values()) <= ENDED_AT_ONCE


async def test_a_reload_of_the_same_does_not_look_for_all_workspaces_at_once() -> None:
    seldom = {"refresh": 600}
    accounts = [
        {"name": f"client {number}", "api_key": f"sk_{number}", "workspaces": seldom}
        for number in range(MANY)
    ]
    api = ScriptedApi(listing={f"sk_{number}": answer(503) for number in range(MANY)}, default=answer(503))
    async with exporting(api, *accounts, poll={"interval": 600, "stale_after": 900}) as running:
        await until(lambda: len(api.requests) >= 8)
        asked = len(api.requests)

        await running.exporter.reload()

        assert len(api.requests) - asked <= MANY / 10


async def test_workspaces_that_change_all_at_once_are_rendered_a_few_in_each_turn_of_the_loop() -> None:
    """As when polls of hundreds are skipped, or fail, in one turn."""
    turn, shown, labels = 0, Counter[int](), set[str]()

    class Shown(Store):
        def changed(self, *changed: str) -> None:
            shown[turn] += len(changed)
            labels.update(changed)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    showing = Showing(Shown(Fleet(), ()), now)
    poll = Poll(analytics.all_time(60), 900)
    names = [f"client {number}" for number in range(MANY)]
    workspaces = [Workspace(Key(name), name, name, name, polls={poll.feed.name: poll}) for name in names]
    counting = asyncio.create_task(count_turns())
    for workspace in workspaces * 2:  # each changes twice
        showing.soon(workspace)

    await until(lambda: len(labels) == MANY)

    counting.cancel()
    assert max(shown.values()) <= AT_ONCE
    assert shown.total() <= MANY + AT_ONCE


async def test_answers_that_become_stale_all_at_once_are_dropped_a_few_in_each_turn_of_the_loop() -> None:
    """As after an outage that begins at one moment for all."""
    turn, stale, dropped = 0, set[Workspace](), Counter[int]()

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            gone = {workspace for workspace in stale if workspace.all_time.reading is None}
            stale.difference_update(gone)
            dropped[turn] += len(gone)
            await asyncio.sleep(0)

    names = {str(number): f"client {number}" for number in range(MANY)}
    api = ScriptedApi(workspaces={"sk_user_1": names}, default=answer(503))
    agency = {"name": "agency", "api_key": "sk_user_1"}
    async with exporting(api, agency, poll={"interval": 600, "stale_after": 900}) as running:
        fleet = running.exporter.fleet
        await until(lambda: len(fleet) == MANY)
        reading = Reading(parse(b'{"success": true, "data": []}', analytics.all_time(60)), None)
        for workspace in fleet:
            workspace.all_time.reading, workspace.all_time.fresh_since = reading, -1e9
            stale.add(workspace)
        counting = asyncio.create_task(count_turns())
        with capture_logs() as logged:
            await until(lambda: not stale)
        counting.cancel()

    assert dropped.total() == MANY
    assert max(dropped.values()) <= AT_ONCE
    assert len([event for event in logged if "data is stale" in event["event"]]) == MANY


async def test_a_reload_that_changes_nothing_of_what_is_shown_renders_no_mailbox_anew() -> None:
    async with exporting(ScriptedApi(), ACME, poll={"interval": 600, "stale_after": 900}) as running:
        await until(lambda: running.is_up("acme"))
        before = [part.pieces for workspace in running.exporter.fleet for part in workspace.parts()]

        running.settings["thresholds"] = {"minimum_bounces": 4}
        await running.exporter.reload()
        await until(
            lambda: (
                running.samples().one(
                    "sendkit_alert_threshold", workspace="acme", threshold="minimum_bounces"
                )
                == 4
            )
        )

        after = [part.pieces for workspace in running.exporter.fleet for part in workspace.parts()]
        assert before
        assert all(old is new for old, new in zip(before, after, strict=True))


async def test_the_garbage_collector_looks_at_no_piece_of_a_body() -> None:
    """A collection holds every thread, and a large fleet has hundreds of thousands of pieces."""
    assert not gc.is_tracked(Piece.of([b"up 1\n"]))
