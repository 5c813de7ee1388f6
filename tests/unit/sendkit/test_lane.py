"""How many requests of one account may be under way."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from exporter.sendkit import lane as lanes
from exporter.sendkit.lane import LOOK_SECONDS, Lane
from tests.calling import BODY, answer, calling
from tests.scripted_api import hang

pytestmark = pytest.mark.anyio


class TestLane:
    @pytest.mark.parametrize(("slots", "suspects"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)])
    async def test_a_lane_gives_half_of_its_slots_to_suspects(self, slots: int, suspects: int) -> None:
        lane = Lane(slots)
        assert await slots_taken(lane, suspect=True) == suspects

    async def test_a_lane_leaves_the_other_half_to_healthy_polls(self) -> None:
        lane = Lane(4)
        async with lane.slot(suspect=True), lane.slot(suspect=True):
            assert await slots_taken(lane, suspect=False) == 2

    async def test_a_lane_gives_all_its_slots_to_healthy_polls(self) -> None:
        assert await slots_taken(Lane(4), suspect=False) == 4

    async def test_a_lane_takes_a_slot_back_after_a_failure(self) -> None:
        lane = Lane(1)
        with pytest.raises(KeyError):
            async with lane.slot(suspect=True):
                raise KeyError
        assert await slots_taken(lane, suspect=True) == 1

    async def test_a_lane_has_one_that_gives_way_wait_for_one_that_came_later(self) -> None:
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

    async def test_a_lane_makes_room_whatever_else_ends_a_request_on_trial(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such as another lane, while the request takes a while to close."""
        monkeypatch.setattr(lanes, "TRIAL_SECONDS", 0.0)
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        account, everyone = Lane(1), Lane(1)
        trial = Trial(account, everyone)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(trial.run())
            await asyncio.sleep(0)
            tasks.create_task(wait(everyone))
            await trial.is_ending.wait()
            tasks.create_task(wait(account))
            await asyncio.sleep(3 * LOOK_SECONDS)
            trial.may_close.set()
        assert errors == []
        trial = Trial(account, everyone)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(trial.run())
            await asyncio.sleep(0)
            tasks.create_task(wait(account))
            await asyncio.wait_for(trial.is_ending.wait(), 10)  # the lane still looks
            trial.may_close.set()

    async def test_a_lane_ends_no_more_requests_on_trial_than_others_wait(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also while one takes a while to close."""
        monkeypatch.setattr(lanes, "TRIAL_SECONDS", 0.0)
        lane = Lane(2)
        first, second = Trial(lane), Trial(lane)
        async with asyncio.TaskGroup() as tasks:
            runs = [tasks.create_task(first.run()), tasks.create_task(second.run())]
            await asyncio.sleep(0)
            tasks.create_task(wait(lane))
            await first.is_ending.wait()
            await asyncio.sleep(3 * LOOK_SECONDS)
            assert not second.is_ending.is_set()
            first.may_close.set()
            second.may_close.set()
            await runs[0]
            runs[1].cancel()

    async def test_a_lane_that_is_full_delays_no_other_account(self) -> None:
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


class Trial:
    """A request on trial in some lanes: it is never answered, and closes when it may."""

    def __init__(self, *lanes: Lane) -> None:
        self._lanes = lanes
        self.is_ending = asyncio.Event()
        self.may_close = asyncio.Event()

    async def run(self) -> None:
        """Run until a lane ends it."""
        async with AsyncExitStack() as held:
            for lane in self._lanes:
                await held.enter_async_context(lane.slot(suspect=False))
            held.enter_context(suppress(TimeoutError))
            limit = await held.enter_async_context(asyncio.timeout(60))
            for lane in self._lanes:
                held.enter_context(lane.trial(limit))
            try:
                await asyncio.Event().wait()
            finally:
                self.is_ending.set()
                await self.may_close.wait()


async def wait(lane: Lane) -> None:
    """Wait for a slot."""
    async with lane.slot(suspect=False):
        pass


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
