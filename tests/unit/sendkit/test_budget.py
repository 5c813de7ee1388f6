"""Memory for the bodies of answers: bounded together, and nobody waits long for one that hardly grows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sendkit import client
from exporter.sendkit.budget import (
    LEAST_GROWTH_BYTES,
    LONGEST_TURN_SECONDS,
    SHARED_BYTES,
    SMALL_BYTES,
    Budget,
    Share,
)
from exporter.sendkit.errors import UnansweredError
from exporter.sendkit.lane import Lane
from tests.calling import KEY, answer, calling
from tests.looking import look

PIECE_BYTES = SMALL_BYTES
LARGE_BYTES = SHARED_BYTES

pytestmark = pytest.mark.anyio


class Reading:
    """An account's request whose body is read, piece by piece as the test says, in a task of its own."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._more = asyncio.Event()
        self._wanted_bytes = 0
        self.held_bytes = 0
        self.is_whole = self.is_parsed = self.was_ended = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self._budget.share(Lane(1)) as share:
            try:
                async with asyncio.timeout(600) as limit:
                    with share.body(limit):
                        while not self.is_whole:
                            while self.held_bytes < self._wanted_bytes:
                                await share.grow(PIECE_BYTES)
                                self.held_bytes = share.held_bytes
                            await self._next()
            except TimeoutError:
                self.was_ended = True
                return
            while not self.is_parsed:
                await self._next()

    async def _next(self) -> None:
        self._more.clear()
        await self._more.wait()

    async def comes(self, more_bytes: int) -> None:
        """Have so much more of the body come, and let every task go on as far as it can."""
        self._wanted_bytes += more_bytes
        await self.goes_on()

    async def goes_on(self) -> None:
        self._more.set()
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def readings(count: int, look_seconds: float = 60) -> AsyncIterator[tuple[Budget, list[Reading]]]:
    """Have so many accounts read a body each."""
    budget = Budget(look_seconds)
    started = [Reading(budget) for _ in range(count)]
    try:
        yield budget, started
    finally:
        for reading in started:
            reading.task.cancel()
            with suppress(asyncio.CancelledError):
                await reading.task


async def test_a_body_alone_grows_without_waiting() -> None:
    async with readings(1) as (_, (alone,)):
        await alone.comes(LARGE_BYTES)
        assert alone.held_bytes == LARGE_BYTES


async def test_a_body_beside_a_large_one_grows_to_a_fifth_of_what_is_shared_and_waits_for_its_turn() -> None:
    async with readings(2) as (_, (large, other)):
        await large.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        assert SHARED_BYTES / 5 - PIECE_BYTES <= other.held_bytes <= SHARED_BYTES / 5 + PIECE_BYTES
        large.is_whole = large.is_parsed = True
        await large.goes_on()
        assert other.held_bytes == LARGE_BYTES


async def test_a_turn_ends_whose_body_does_not_grow_while_another_one_waits() -> None:
    """At the second look of its turn."""
    async with readings(2) as (budget, (stopped, other)):
        await stopped.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        await look(budget)
        assert not stopped.task.done()
        await look(budget)
        assert stopped.was_ended
        assert other.held_bytes == LARGE_BYTES


async def test_a_turn_that_follows_another_one_has_two_looks_of_its_own() -> None:
    async with readings(3) as (budget, (first, second, third)):
        for each in (first, second, third):
            await each.comes(LARGE_BYTES)
        await look(budget)
        await look(budget)
        assert first.was_ended
        await look(budget)
        assert not second.task.done()
        await look(budget)
        assert second.was_ended
        assert third.held_bytes == LARGE_BYTES


async def test_a_turn_ends_after_ten_minutes_of_others_that_wait_however_its_body_grows() -> None:
    async with readings(2, look_seconds=LONGEST_TURN_SECONDS / 10) as (budget, (endless, other)):
        await endless.comes(LARGE_BYTES)
        for _ in range(20):
            await look(budget)
            await endless.comes(LEAST_GROWTH_BYTES)
        assert not endless.task.done(), "nobody waited"
        await other.comes(LARGE_BYTES)
        for _ in range(9):
            await look(budget)
            await endless.comes(LEAST_GROWTH_BYTES)
        assert not endless.task.done()
        await look(budget)
        assert endless.was_ended
        assert other.held_bytes == LARGE_BYTES


async def test_the_time_in_which_a_body_waits_is_none_of_its_limit() -> None:
    budget = Budget()
    with budget.share(Lane(1)) as large, budget.share(Lane(1)) as share:
        assert budget.take(large, LARGE_BYTES)
        async with asyncio.timeout(600) as limit:
            with share.body(limit):
                end = limit.when() or 0
                growth = asyncio.create_task(share.grow(LARGE_BYTES))
                await asyncio.sleep(0.01)
                assert limit.when() is None
                large.clear()
                await growth
                assert limit.when() == pytest.approx(end + share.waited_seconds, abs=1e-6)


async def test_a_turn_goes_on_while_its_body_grows() -> None:
    async with readings(2) as (budget, (slow, other)):
        await slow.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        for _ in range(5):
            await look(budget)
            await slow.comes(LEAST_GROWTH_BYTES)
        assert not slow.task.done()
        await look(budget)
        await slow.comes(LEAST_GROWTH_BYTES - PIECE_BYTES)
        await look(budget)
        assert slow.was_ended


async def test_a_turn_goes_on_while_nobody_waits() -> None:
    async with readings(2) as (budget, (stopped, small)):
        await stopped.comes(LARGE_BYTES)
        await small.comes(SMALL_BYTES)
        for _ in range(5):
            await look(budget)
        assert not stopped.was_ended


async def test_a_body_that_is_whole_keeps_its_turn_until_it_is_parsed() -> None:
    async with readings(2) as (budget, (large, other)):
        await large.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        large.is_whole = True
        await large.goes_on()
        for _ in range(5):
            await look(budget)
        assert not large.task.done()
        large.is_parsed = True
        await large.goes_on()
        assert other.held_bytes == LARGE_BYTES


async def test_many_that_stop_keep_another_one_waiting_for_two_looks_each_at_most() -> None:
    async with readings(25) as (budget, (*stopped, other)):
        for each in stopped:
            await each.comes(LARGE_BYTES)
        await other.comes(SMALL_BYTES)
        assert other.held_bytes == SMALL_BYTES, "a small one never waits"
        await other.comes(LARGE_BYTES)
        looks = 0
        while other.held_bytes < LARGE_BYTES:
            await look(budget)
            looks += 1
        assert looks <= 2 * len(stopped)


async def test_looks_come_by_themselves_while_somebody_waits() -> None:
    async with readings(2, look_seconds=0.01) as (_, (stopped, other)):
        await stopped.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        await asyncio.wait_for(stopped.task, 30)
        assert stopped.was_ended


async def test_a_body_whose_connection_does_not_close_in_time_is_held_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it would be while its request is tried again."""

    @asynccontextmanager
    async def closing(response: httpx.Response) -> AsyncIterator[httpx.Response]:
        yield response
        await response.aclose()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "closing", closing)
    async with calling(answer(), timeout=0.2, max_attempts=1) as (_, caller):
        with caller.sendkit.share(caller.lane) as share:
            now = asyncio.get_running_loop().time()
            with pytest.raises(UnansweredError, match="no whole answer"):
                await caller.sendkit.get("/", {}, key=KEY, deadline=now + 60, lane=caller.lane, share=share)
            assert share.held_bytes == 0
        assert caller.codes == ["200"]


async def test_a_share_that_holds_nothing_wakes_nobody_as_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of small answers and many that wait, each would wake all of these."""
    async with readings(2) as (budget, (large, other)):
        await large.comes(LARGE_BYTES)
        await other.comes(LARGE_BYTES)
        tried = list[int]()

        def take(_share: Share, more_bytes: int) -> bool:
            tried.append(more_bytes)
            return False

        monkeypatch.setattr(budget, "take", take)
        with budget.share(Lane(1)):
            pass
        await look(budget)
        assert not tried


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.integers(1, LARGE_BYTES // 2) | st.integers(1, SMALL_BYTES) | st.floats(0, 1),
        )
    )
)
def test_whatever_comes_and_goes_the_bodies_but_one_share_what_there_is(
    steps: list[tuple[int, int | float]],
) -> None:
    """And all of it is there again in the end. A share of what is held, from 0 to 1, is given back."""
    budget = Budget()
    held = [Share(budget, Lane(1)) for _ in range(8)]
    for number, step in steps:
        if isinstance(step, float):
            budget.give(held[number], int(step * held[number].held_bytes))
        else:
            budget.take(held[number], step)
        *shared, _ = sorted(share.held_bytes for share in held)
        assert sum(shared) <= SHARED_BYTES + len(held) * SMALL_BYTES
    for share in held:
        share.clear()
    assert budget.take(held[0], LARGE_BYTES), "the turn is free"
    assert not budget.take(held[1], SHARED_BYTES // 4 + 1), "no more was given back than was taken"
    assert budget.take(held[1], SHARED_BYTES // 4), "and so is all that is shared"
