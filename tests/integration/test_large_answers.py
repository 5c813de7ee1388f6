"""Large answers of several accounts at once: their bodies are bounded together, and nobody else waits."""

import asyncio
import json

import pytest

from exporter.sendkit import budget, client
from exporter.sendkit.budget import SHARED_BYTES
from tests.collectors import OFF
from tests.exporting import Exporting, exporting
from tests.memory import memory_traced
from tests.scripted_api import Behaviour, Request, ScriptedApi, answer, mailbox
from tests.waiting import until

LARGE_BYTES = 96 * 2**20
LEAST_BYTES = 24 * 2**20
"""An answer of so many waits for its turn, too, and is sent in time by a busy machine."""
PIECE_BYTES = 1 << 20
NAMES = ("acme", "globex", "initech", "umbrella")

DETAILS = OFF | {"mailboxes": {"enabled": True, "interval": 60}}

pytestmark = pytest.mark.anyio


def large(
    gate: asyncio.Event, halfway: asyncio.Event | None = None, size_bytes: int = LARGE_BYTES
) -> Behaviour:
    """Answer with one mailbox and very much that is of no use, once the gate is open; little is held here.

    One that has a `halfway` sets it there, and sends no more.
    """
    start = b'{"success": true, "data": [' + json.dumps(mailbox("m1")).encode() + b'], "more": "'
    piece = b"x" * PIECE_BYTES
    pieces = size_bytes // PIECE_BYTES

    async def behave(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        size = len(start) + pieces * PIECE_BYTES + 2
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + start)
        for number in range(pieces):
            if halfway and number > pieces // 2:
                halfway.set()
                await asyncio.Event().wait()
            writer.write(piece)
            await writer.drain()
        writer.write(b'"}')
        await writer.drain()

    return behave


class Paged(ScriptedApi):
    """An API whose lists of details come in pages of a few mailboxes with very much that is of no use."""

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path != "/v1/mailboxes":
            return super()._behaviour(request)
        page = int(request.query.get("cursor", "0"))
        items = b",".join(
            b'{"_id":"m%d-%d","more":"%s"}' % (page, number, b"x" * PIECE_BYTES) for number in range(4)
        )
        is_last = (page + 1) * 4 * PIECE_BYTES >= LARGE_BYTES
        rest = json.dumps({"hasMore": not is_last, "nextCursor": str(page + 1)}).encode()
        return answer(200, b'{"success":true,"data":[%s],"pagination":%s}' % (items, rest))


class LargePages(ScriptedApi):
    """An API whose lists of details come in two large pages; little of them is held here."""

    PAGE_BYTES = 32 * PIECE_BYTES

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path != "/v1/mailboxes":
            return super()._behaviour(request)
        page = int(request.query.get("cursor", "1"))
        item = b'{"_id":"m%d-%02d","more":"' + b"x" * PIECE_BYTES + b'"},'
        start, last = b'{"success":true,"data":[', b'{"_id":"m%d"}' % page
        end = b'],"pagination":%s}' % json.dumps({"hasMore": page == 1, "nextCursor": "2"}).encode()
        count = self.PAGE_BYTES // PIECE_BYTES

        async def behave(writer: asyncio.StreamWriter) -> None:
            size = len(start) + count * len(item % (page, 0)) + len(last) + len(end)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + start)
            for number in range(count):
                writer.write(item % (page, number))
                await writer.drain()
            writer.write(last + end)
            await writer.drain()

        return behave


def accounts(*names: str, interval: float = 60) -> list[dict[str, object]]:
    return [{"name": name, "api_key": f"sk_{name}", "poll_interval": interval} for name in names]


def are_up(running: Exporting, *names: str) -> bool:
    """Whether the last poll of all of them succeeded; a scrape would cost more than all else here."""
    polls = {workspace.label: workspace.all_time for workspace in running.exporter.fleet}
    return all(polls[name].up for name in names)


async def errors_of_lists(running: Exporting, workspaces: int) -> set[str]:
    """Wait until the lists of details of so many workspaces were polled, and return why any failed."""
    await until(lambda: len(running.exporter.fleet) == workspaces)
    polls = [workspace.polls["mailboxes"] for workspace in running.exporter.fleet]
    await until(lambda: all(poll.up is not None for poll in polls), 90)
    return {poll.error for poll in polls}


async def test_large_answers_of_four_accounts_at_once_hold_the_memory_of_hardly_more_than_one() -> None:
    """All of them are shown, and a workspace with a small answer is polled in time all the while."""
    gate = asyncio.Event()
    api = ScriptedApi(behaviours={f"sk_{name}": large(gate) for name in NAMES})
    async with exporting(
        api, *accounts(*NAMES), *accounts("small", interval=0.3), api={"timeout": 60}
    ) as running:
        await until(lambda: running.is_up("small") and all(api.asked(f"sk_{name}") for name in NAMES))
        polls = len(api.asked("sk_small"))
        with memory_traced() as memory:
            gate.set()
            await until(lambda: are_up(running, *NAMES), 60)

        assert LARGE_BYTES < memory.peak_bytes < 2 * LARGE_BYTES
        assert len(api.asked("sk_small")) >= polls + 2
        assert are_up(running, "small")
        assert all(len(api.asked(f"sk_{name}")) == 1 for name in NAMES)


async def test_lists_in_pages_of_four_accounts_at_once_hold_the_memory_of_hardly_more_than_one() -> None:
    """A list is held twice for a moment, as it is joined."""
    with memory_traced() as memory:
        async with exporting(Paged(), *accounts(*NAMES), collectors=DETAILS, api={"timeout": 60}) as running:
            assert await errors_of_lists(running, len(NAMES)) == {""}
    assert LARGE_BYTES < memory.peak_bytes < 3 * LARGE_BYTES


async def test_pages_whose_lists_wait_for_their_turn_count_as_memory_too() -> None:
    """Six lists of two pages: one has its turn, and what the others hold fits in what is shared."""
    names = [f"account-{number}" for number in range(6)]
    with memory_traced() as memory:
        async with exporting(
            LargePages(), *accounts(*names), collectors=DETAILS, api={"timeout": 60}
        ) as running:
            assert await errors_of_lists(running, len(names)) == {""}
    assert memory.peak_bytes < SHARED_BYTES + 5 * LargePages.PAGE_BYTES, "a list is held twice for a moment"


async def test_several_large_lists_of_one_account_with_one_slot_all_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that waits for memory holds no slot: the one that has its turn needs it, and so do the figures."""
    monkeypatch.setattr(budget, "SHARED_BYTES", 8 * PIECE_BYTES)
    monkeypatch.setattr(client, "LIST_LOOK_SECONDS", 2)
    many = {"name": "many", "api_key": "sk_user_many", "poll_interval": 1}
    api = Paged(workspaces={"sk_user_many": {f"w{number}": f"w{number}" for number in range(3)}})
    async with exporting(
        api, many, collectors=DETAILS, api={"timeout": 60, "max_concurrent_requests": 1}
    ) as running:
        assert await errors_of_lists(running, 3) == {""}


async def test_large_answers_that_stop_halfway_keep_another_account_waiting_for_seconds_alone() -> None:
    """An account has three of them under way, each of which gets its turn; another account has the next."""
    gate, halfway, later = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ids = [f"w{number}" for number in range(3)]
    api = ScriptedApi(
        workspaces={"sk_user_slow": {each: each for each in ids}},
        behaviours={each: large(gate, halfway) for each in ids}
        | {"sk_other": large(later, size_bytes=LEAST_BYTES)},
    )
    slow = {"name": "slow", "api_key": "sk_user_slow", "poll_interval": 60, "workspaces": {"refresh": 60}}
    async with exporting(api, slow, *accounts("other"), api={"timeout": 600}) as running:
        await until(lambda: all(api.asked(each) for each in (*ids, "sk_other")))
        gate.set()
        await halfway.wait()
        later.set()
        await until(lambda: running.is_up("other"), 30)

        def errors() -> list[str]:
            return [
                workspace.all_time.error for workspace in running.exporter.fleet if workspace.all_time.error
            ]

        assert len(errors()) == 1
        await until(lambda: len(errors()) == 2, 30, what="the third one waits for its turn")
        assert all("too slowly while other answers waited for memory" in error for error in errors())
        assert (
            sum("in which it waited for memory that other answers took" in error for error in errors()) == 1
        )
