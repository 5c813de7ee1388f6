"""A reload of many accounts does nothing all at once."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from exporter.polling.schedule import ENDED_AT_ONCE, Schedule
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answer
from tests.waiting import until

pytestmark = pytest.mark.anyio

MANY = 400


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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
