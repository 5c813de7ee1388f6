"""The list of workspaces that a key can see."""

import asyncio
import json

import pytest

from exporter.catalogue.workspace import Reason
from exporter.sendkit.errors import (
    UnusableError,
)
from exporter.sendkit.workspaces import (
    MOST_BYTES,
    MOST_WORKSPACES,
    ListedWorkspace,
    list_workspaces,
    parse_workspaces,
)
from tests.calling import PLATFORM_KEY, answer, calling
from tests.memory import memory_traced
from tests.waiting import until

pytestmark = pytest.mark.anyio


class TestWorkspaces:
    async def test_workspaces_are_asked_for_with_any_key(self) -> None:
        body = json.dumps({"success": True, "data": [{"id": "w1", "name": "Acme", "ownerId": "o"}]}).encode()
        async with calling(answer(200, body)) as (server, caller):
            deadline = asyncio.get_running_loop().time() + 60
            workspaces = await list_workspaces(caller.sendkit, PLATFORM_KEY, deadline, caller.lane)
        assert workspaces == [ListedWorkspace("w1", "Acme")]
        [(line, headers)] = server.requests
        assert line == "GET /v1/workspaces HTTP/1.1"
        assert headers["x-api-key"] == PLATFORM_KEY
        assert "x-workspace-id" not in headers

    def test_workspaces_without_a_name_have_their_id_as_label_and_are_listed_once(self) -> None:
        items = [
            {"id": "a", "name": None},
            {"id": "b"},
            {"id": "c", "name": ""},
            {"id": "a", "name": "again"},
        ]
        body = json.dumps({"success": True, "data": items}).encode()
        assert parse_workspaces(body) == [
            ListedWorkspace("a", "a"),
            ListedWorkspace("b", "b"),
            ListedWorkspace("c", "c"),
        ]

    @pytest.mark.parametrize("name", [rb"half \ud83d", b"byte \xff"])
    def test_workspaces_with_a_name_that_is_no_text_cost_the_others_nothing(self, name: bytes) -> None:
        body = b'{"success": true, "data": [{"id": "a", "name": "%s"}, {"id": "b", "name": "B"}]}' % name
        [broken, other] = parse_workspaces(body)
        assert broken.name.endswith(" \ufffd")
        assert other == ListedWorkspace("b", "B")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"\xff",
            b"[]",
            b"[" * 100_000,
            b'{"success": true}',
            b'{"success": false, "data": []}',
            b'{"success": "true", "data": []}',
            b'{"success": true, "data": {}}',
            b'{"success": true, "data": [{"name": "x"}]}',
            b'{"success": true, "data": [{"id": 5}]}',
            b'{"success": true, "data": [{"id": ""}]}',
            b'{"success": true, "data": [{"id": "a\\r\\nX-Evil: 1"}]}',
        ],
    )
    def test_workspaces_that_are_not_as_documented_are_malformed(self, body: bytes) -> None:
        with pytest.raises(UnusableError) as caught:
            parse_workspaces(body)
        assert caught.value.reason == Reason.MALFORMED

    def test_workspaces_of_millions_of_useless_items_end_early_as_malformed(self) -> None:
        """What 16 MiB of `0,` hold would take minutes and half a gigabyte."""
        body = b'{"success": true, "data": [' + b"0," * (8 * 2**20) + b"0]}"
        with (
            memory_traced() as memory,
            pytest.raises(UnusableError, match="no id that can be used in 1001 of 1,001 items"),
        ):
            parse_workspaces(body)
        assert memory.peak_bytes < 5 * len(body)

    def test_workspaces_are_bounded_in_number_and_in_bytes(self) -> None:
        items = b",".join(b'{"id":"%d"}' % number for number in range(MOST_WORKSPACES + 1))
        with pytest.raises(UnusableError, match=f"more than {MOST_WORKSPACES} workspaces"):
            parse_workspaces(b'{"success":true,"data":[' + items + b"]}")
        with pytest.raises(UnusableError, match="larger than") as caught:
            parse_workspaces(b" " * (MOST_BYTES + 1))
        assert caught.value.reason == Reason.TOO_LARGE

    async def test_workspaces_are_read_while_the_event_loop_goes_on(self) -> None:
        """A list of many takes a while; the loop turns meanwhile."""
        items = b",".join(b'{"id":"%d"}' % number for number in range(30_000))
        turns = 0
        async with calling(answer(200, b'{"success":true,"data":[' + items + b"]}")) as (_, caller):
            deadline = asyncio.get_running_loop().time() + 60
            reading = asyncio.create_task(
                list_workspaces(caller.sendkit, PLATFORM_KEY, deadline, caller.lane)
            )
            await until(lambda: caller.codes)
            while not reading.done():
                turns += 1
                await asyncio.sleep(0.005)
        assert len(await reading) == 30_000
        assert turns >= 5
