"""Bodies with odd headers or padding, which are readable all the same."""

import gzip
import json

import pytest

from exporter.catalogue.workspace import Reason
from exporter.sendkit.errors import UnusableError
from exporter.sendkit.workspaces import ListedWorkspace, parse_workspaces
from tests.calling import BODY, answer, calling
from tests.scripted_api import raw

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["", "none", "UTF-8", "identity", "utf8"])
    async def test_an_encoding_that_is_none_is_read_as_it_is(self, encoding: str) -> None:
        async with calling(answer(200, BODY, content_encoding=encoding)) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_an_encoding_named_twice_with_nothing_is_still_gzip(self) -> None:
        async with calling(answer(200, gzip.compress(BODY), content_encoding="gzip, ")) as (_, caller):
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("zeros", [1, 512, 100_000])
    async def test_an_encoding_of_gzip_may_have_zeros_behind_it(self, zeros: int) -> None:
        body = gzip.compress(BODY) + b"\0" * zeros
        async with calling(answer(200, body, content_encoding="gzip")) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_an_encoding_of_gzip_with_anything_else_behind_it_is_broken(self) -> None:
        body = gzip.compress(BODY) + b"\0\0garbage" * 10
        async with calling(answer(200, body, content_encoding="gzip")) as (_, caller):
            assert (await caller.failure()).reason == Reason.MALFORMED

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    async def test_an_encoding_with_a_byte_order_mark_is_read_without_it(self, compress: type[bytes]) -> None:
        encoding = {} if compress is bytes else {"content_encoding": "gzip"}
        async with calling(answer(200, compress(b"\xef\xbb\xbf" + BODY), **encoding)) as (_, caller):
            assert await caller.mailboxes() == BODY

    async def test_an_encoding_of_a_large_body_is_decompressed_whole(self) -> None:
        body = json.dumps({"success": True, "data": ["x" * 5_000_000]}).encode()
        async with calling(answer(200, gzip.compress(body), content_encoding="gzip")) as (_, caller):
            assert await caller.mailboxes() == body


class TestPieces:
    """What is small and endless ends early, and keeps nobody else waiting."""

    async def test_pieces_of_one_byte_without_end_are_malformed(self) -> None:
        async with calling(raw(CHUNKED + b"\r\n" + b"1\r\nx\r\n" * 200_000)) as (_, caller):
            error = await caller.failure()
        assert error.reason == Reason.MALFORMED
        assert "pieces" in error.message

    async def test_pieces_that_are_empty_members_of_gzip_are_malformed(self) -> None:
        members = gzip.compress(b"") * 100_000
        async with calling(answer(200, members, content_encoding="gzip")) as (_, caller):
            error = await caller.failure()
        assert error.reason == Reason.MALFORMED
        assert "pieces" in error.message

    async def test_pieces_of_interim_answers_without_end_are_no_answer(self) -> None:
        async with calling(raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 100_000), max_attempts=1) as (_, caller):
            error = await caller.failure()
        assert error.reason == Reason.NETWORK
        assert "does not begin within" in error.message

    async def test_pieces_of_interim_answers_before_the_answer_are_read_over(self) -> None:
        whole = b"HTTP/1.1 102 Processing\r\n\r\n" * 100
        whole += b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
        async with calling(raw(whole)) as (_, caller):
            assert await caller.mailboxes() == BODY


class TestRefusalByAPage:
    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_by_a_page_is_no_refused_key(self, status: int) -> None:
        page = b"<html><title>Access denied</title></html>"
        async with calling(answer(status, page, content_type="text/html")) as (server, caller):
            error = await caller.failure()
        assert (error.reason, error.status) == (Reason.CLIENT_ERROR, status)
        assert error.message == (
            f"the API answered {status} with a page instead of JSON, as a firewall or a proxy before the API "
            "does; this says nothing about the key"
        )
        assert len(server.requests) == 1

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"message": "no"}', b"Forbidden", b'{"message": 5}'])
    async def test_a_refusal_with_json_or_nothing_is_of_the_key(self, body: bytes) -> None:
        async with calling(answer(403, body)) as (_, caller):
            assert (await caller.failure()).reason == Reason.AUTH

    async def test_a_refusal_by_a_page_of_a_wrong_address_says_so(self) -> None:
        async with calling(answer(404, b"<html>Not Found</html>")) as (_, caller):
            error = await caller.failure()
        assert error.message == "the API answered 404 with a page instead of JSON; is api.base_url right?"


class TestPage:
    def test_a_page_in_place_of_a_list_asks_whether_the_address_is_right(self) -> None:
        with pytest.raises(UnusableError, match=r"found a page instead of JSON; is api\.base_url right\?$"):
            parse_workspaces(b"\n<!doctype html><title>Welcome</title>")


class TestListOfWorkspaces:
    def test_a_list_of_workspaces_is_not_refused_for_odd_items(self) -> None:
        odd = [None, 5, {"name": "no id"}, {"id": None}, {"id": ["a"]}, {"id": "a b"}, {"id": "x" * 400}]
        good = [{"id": f"w{number}", "name": f"W {number}"} for number in range(8)]
        body = json.dumps({"success": True, "data": [*good, *odd]}).encode()
        assert parse_workspaces(body) == [ListedWorkspace(it["id"], it["name"]) for it in good]

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            (5, "5"),
            (2.5, "2.5"),
            (True, "a"),
            ([1], "a"),
            ("red \x1b[31m\u202e\nname\x07", "red  [31m  name"),
            ("\x1b", "a"),
            ("n" * 400, "a"),
            ("Ünïcode 🔥", "Ünïcode 🔥"),
        ],
    )
    def test_a_list_of_workspaces_shows_names_as_they_can_be_shown(self, name: object, shown: str) -> None:
        body = json.dumps({"success": True, "data": [{"id": "a", "name": name}]}).encode()
        assert parse_workspaces(body) == [ListedWorkspace("a", shown)]
