"""Requests take turns by the address that they come from."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from exporter.web.turns import MOST_AT_ONCE, Orderly
from tests.waiting import until


class Slow:
    """An application whose answers begin when they are let; it notes who is being answered."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_begin = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.begun.append(scope["client"][0])
        await self.may_begin.acquire()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()  # a client that takes its answer slowly


def asked(turns: Orderly, address: str, method: str = "GET") -> asyncio.Task[None]:
    """Ask from an address."""

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    scope = {"type": "http", "method": method, "client": (address, 1)}
    return asyncio.create_task(turns(scope, receive, send))


@pytest.mark.anyio
class TestOrderly:
    async def test_turns_are_some_at_a_time_and_go_round_the_addresses(self) -> None:
        slow = Slow()
        turns = Orderly(slow)
        tasks = [asked(turns, "crowd") for _ in range(10)]
        await until(lambda: len(slow.begun) == MOST_AT_ONCE)
        tasks += [asked(turns, "scraper"), asked(turns, "other")]
        for number in range(MOST_AT_ONCE + 1, 13):
            slow.may_begin.release()
            await until(lambda number=number: len(slow.begun) == number)  # type: ignore[misc] # of a default
        assert slow.begun == ["crowd"] * MOST_AT_ONCE + ["crowd", "scraper", "other"] + ["crowd"] * 7
        for task in tasks:
            task.cancel()

    async def test_turns_of_those_that_are_gone_go_to_others(self) -> None:
        slow = Slow()
        turns = Orderly(slow)
        tasks = [asked(turns, "crowd") for _ in range(MOST_AT_ONCE + 5)]
        await until(lambda: len(slow.begun) == MOST_AT_ONCE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        late = asked(turns, "late")
        await until(lambda: slow.begun[-1] == "late")
        late.cancel()

    async def test_turns_are_not_taken_by_a_reload(self) -> None:
        slow = Slow()
        turns = Orderly(slow)
        tasks = [asked(turns, "operator", "POST") for _ in range(MOST_AT_ONCE)]
        tasks.append(asked(turns, "scraper"))
        await until(lambda: slow.begun[-1:] == ["scraper"])
        for task in tasks:
            task.cancel()
