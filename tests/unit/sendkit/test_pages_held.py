"""What a list in pages holds of the memory for bodies, from its first page until it is parsed."""

import asyncio
from contextlib import suppress

import pytest

from exporter.sendkit.budget import SHARED_BYTES, Budget, NoRoomError
from exporter.sendkit.lane import Lane
from tests.looking import look

LARGE_BYTES = SHARED_BYTES
MIB = 2**20

pytestmark = pytest.mark.anyio


async def test_a_list_holds_its_pages_and_room_for_the_next_one() -> None:
    """Its next page waits for nothing as it comes, whatever else is held meanwhile."""
    budget = Budget()
    with budget.share(Lane(1)) as pages, budget.share(Lane(1)) as large:
        await pages.grow(5 * MIB)
        await pages.keep(4 * MIB, 5 * MIB)
        assert pages.held_bytes == 9 * MIB
        assert budget.take(large, LARGE_BYTES)
        async with asyncio.timeout(600) as limit:
            with pages.body(limit):
                await pages.grow(5 * MIB)
                assert (pages.held_bytes, pages.waited_seconds) == (9 * MIB, 0)
        await pages.keep(3 * MIB)
        assert pages.held_bytes == 3 * MIB


async def test_a_page_that_is_tried_again_is_held_once_beside_those_before_it() -> None:
    budget = Budget()
    with budget.share(Lane(1)) as pages:
        await pages.keep(4 * MIB)
        for _ in range(3):
            with suppress(TimeoutError):
                async with asyncio.timeout(600) as limit:
                    with pages.body(limit):
                        await pages.grow(2 * MIB)
                        assert pages.held_bytes == 6 * MIB
                        raise TimeoutError
            assert pages.held_bytes == 4 * MIB


async def test_a_list_that_needs_its_turn_no_longer_lets_others_go_on() -> None:
    """Its first page was large, and of its second reading there is nothing yet."""
    budget = Budget()
    with budget.share(Lane(1)) as pages, budget.share(Lane(1)) as other:
        await pages.grow(LARGE_BYTES)
        await pages.keep(LARGE_BYTES)
        assert not budget.take(other, LARGE_BYTES)
        await pages.keep(MIB)
        assert budget.take(other, LARGE_BYTES)
        assert not budget.take(pages, LARGE_BYTES)
        pages.clear()
        assert not budget.take(pages, SHARED_BYTES // 4 + 1), "no more is given back than was taken"


async def test_a_list_whose_turn_is_over_ends_between_its_pages_too() -> None:
    budget = Budget(look_seconds=60)
    with budget.share(Lane(1)) as pages, budget.share(Lane(1)) as other:

        async def read() -> None:
            async with asyncio.timeout(None) as limit:
                with pages.whole(limit):
                    await pages.grow(LARGE_BYTES)
                    await pages.keep(LARGE_BYTES)
                    await asyncio.Event().wait()

        reading = asyncio.create_task(read())
        await look(budget)
        waiting = asyncio.create_task(other.grow(SHARED_BYTES // 2))
        await look(budget)
        await look(budget)
        assert not reading.done()
        await look(budget)
        ended, _ = await asyncio.wait([reading], timeout=30)
        assert [type(each.exception()) for each in ended] == [TimeoutError]
        pages.clear()
        await waiting


async def test_a_page_without_room_is_let_go_and_has_it_in_its_turn() -> None:
    """It does not wait as it comes: it has a slot of its account, and lists may wait for minutes."""
    budget = Budget(look_seconds=60)
    with budget.share(Lane(1)) as large, budget.share(Lane(1)) as pages:
        await large.grow(LARGE_BYTES)
        async with asyncio.timeout(None) as whole, asyncio.timeout(600) as limit:
            with pages.whole(whole):
                await pages.keep(MIB)
                with pytest.raises(NoRoomError), pages.body(limit):
                    await pages.grow(LARGE_BYTES)
                assert pages.held_bytes == MIB
                turn = asyncio.create_task(pages.wait_for_turn())
                await look(budget)
                assert not turn.done()
                large.clear()
                await turn
                with pages.body(limit):
                    await pages.grow(LARGE_BYTES)
                assert pages.held_bytes == LARGE_BYTES + MIB


async def test_a_list_that_comes_is_not_slow_though_it_holds_less_than_before() -> None:
    """As when it is read again from its start."""
    budget = Budget(look_seconds=60)
    with budget.share(Lane(1)) as pages, budget.share(Lane(1)) as other:
        async with asyncio.timeout(None) as limit:
            with pages.whole(limit):
                await pages.grow(2 * LARGE_BYTES)
                await pages.keep(2 * LARGE_BYTES)
                waiting = asyncio.create_task(other.grow(SHARED_BYTES // 2))
                await look(budget)
                await pages.keep(LARGE_BYTES)
                await pages.grow(MIB)
                await look(budget)
                assert pages.held_bytes == LARGE_BYTES + MIB
        pages.clear()
        await waiting
