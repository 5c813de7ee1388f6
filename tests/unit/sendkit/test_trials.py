"""A request that was never answered before makes room while others wait."""

import asyncio
from contextlib import ExitStack

import pytest

from exporter.sendkit.budget import SHARED_BYTES
from exporter.sendkit.lane import Lane
from tests.calling import BODY, answer, calling
from tests.scripted_api import hang
from tests.waiting import until

pytestmark = pytest.mark.anyio

MIB = 2**20


class TestUnproven:
    async def test_one_keeps_its_slot_when_nobody_waits(self) -> None:
        async def slowly(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(3)
            await answer()(writer)

        async with calling(slowly) as (server, caller):
            assert await caller.mailboxes(unproven=True) == BODY
        assert len(server.requests) == 1

    async def test_one_that_made_room_is_asked_again_with_its_whole_time(self) -> None:
        async with calling(hang, answer(), answer(), max_concurrent_requests=1, max_attempts=1) as (
            server,
            caller,
        ):
            first = asyncio.create_task(caller.mailboxes(unproven=True))
            await until(lambda: server.requests)
            assert await caller.mailboxes() == BODY
            assert await first == BODY
        assert len(server.requests) == 3
        assert caller.codes == ["error", "200", "200"]

    async def test_one_that_waited_for_memory_beyond_its_time_makes_room_as_any_other(self) -> None:
        """It has its whole time when it is asked again, and is no failure."""
        large = answer(200, b"x" * 2 * MIB)
        async with calling(
            large, answer(), answer(), max_concurrent_requests=1, max_attempts=1, timeout=0.8
        ) as (server, caller):
            with ExitStack() as others:
                for size_bytes in (SHARED_BYTES, *[MIB] * 60):
                    await others.enter_context(caller.sendkit.share(Lane(1))).grow(size_bytes)
                first = asyncio.create_task(caller.mailboxes(unproven=True))
                await until(lambda: server.requests)
                assert await caller.mailboxes() == BODY
                assert await first == BODY
        assert len(server.requests) == 3
