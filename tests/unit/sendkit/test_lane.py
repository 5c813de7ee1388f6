"""How many requests of one account may be under way."""

import asyncio

import pytest

from exporter.sendkit.lane import Lane
from tests.calling import BODY, answer, calling
from tests.scripted_api import hang

pytestmark = pytest.mark.anyio


class TestLane:
    @pytest.mark.parametrize(("slots", "suspects"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)])
    async def test_gives_half_of_its_slots_to_suspects(self, slots: int, suspects: int) -> None:
        lane = Lane(slots)
        assert await slots_taken(lane, suspect=True) == suspects

    async def test_leaves_the_other_half_to_healthy_polls(self) -> None:
        lane = Lane(4)
        async with lane.slot(suspect=True), lane.slot(suspect=True):
            assert await slots_taken(lane, suspect=False) == 2

    async def test_gives_all_its_slots_to_healthy_polls(self) -> None:
        assert await slots_taken(Lane(4), suspect=False) == 4

    async def test_takes_a_slot_back_after_a_failure(self) -> None:
        lane = Lane(1)
        with pytest.raises(KeyError):
            async with lane.slot(suspect=True):
                raise KeyError
        assert await slots_taken(lane, suspect=True) == 1

    async def test_has_one_that_gives_way_wait_for_one_that_came_later(self) -> None:
        lane, order = Lane(1), list[str]()

        async def giving_way() -> None:
            async with lane.giving_way(), lane.slot(suspect=False):
                order.append("gave way")

        async def later() -> None:
            async with lane.slot(suspect=False):
                order.append("came later")

        async with lane.slot(suspect=False):
            waiting = [asyncio.create_task(giving_way())]
            await asyncio.sleep(0)
            waiting.append(asyncio.create_task(later()))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert order == ["came later", "gave way"]

    async def test_that_is_full_delays_no_other_account(self) -> None:
        async with calling(hang, hang, answer(), max_concurrent_requests=2) as (server, caller):
            stuck = [asyncio.create_task(caller.mailboxes()) for _ in range(5)]
            while len(server.requests) < 2:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
            caller.lane = Lane(2)
            assert await caller.mailboxes() == BODY
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
        assert len(server.requests) == 3


async def slots_taken(lane: Lane, *, suspect: bool) -> int:
    """Return how many of many polls get a slot before any gives one back."""
    taken = 0
    done = asyncio.Event()

    async def poll() -> None:
        nonlocal taken
        async with lane.slot(suspect=suspect):
            taken += 1
            await done.wait()

    polls = [asyncio.create_task(poll()) for _ in range(20)]
    for _ in range(100):
        await asyncio.sleep(0)
    at_once = taken
    done.set()
    await asyncio.gather(*polls)
    return at_once
