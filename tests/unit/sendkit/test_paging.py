"""Lists that come page by page: a whole one is taken as one answer, and nothing else is."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from exporter.answers.envelope import Body, MalformedAnswerError
from exporter.catalogue.kinds import Feed
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.paging import ID_BYTES, MOST_EMPTY_PAGES, MOST_PAGES, whole_answer
from tests.memory import memory_traced

DETAILS = Feed("mailboxes", "/v1/mailboxes", (), 900, is_paged=True)
WARMUP = Feed("warmup", "/v1/warmup/stats", (), 900, items="data.mailboxes", id_name="id", is_paged=True)

MIB = 1 << 20
TOO_LARGE = r"the pages are larger than api\.max_response_bytes together"

Page = tuple[list[str], dict[str, Any]]


class Pages:
    """The pages of a list by their cursor, "" for the first; notes what is asked for."""

    def __init__(self, pages: Mapping[str, Page], *more: Mapping[str, Page], id_name: str = "_id") -> None:
        self.readings = [pages, *more]
        self.id_name = id_name
        self.asked: list[Mapping[str, str]] = []

    async def get(self, _path: str, parameters: Mapping[str, str]) -> Body:
        self.asked.append(dict(parameters))
        cursor = parameters.get("cursor", "")
        if not cursor and len(self.asked) > 1 and len(self.readings) > 1:
            self.readings.pop(0)
        ids, pagination = self.readings[0][cursor]
        items: object = [{self.id_name: own} for own in ids]
        found = items if self.id_name == "_id" else {"mailboxes": items}
        return json.dumps({"success": True, "data": found, "pagination": pagination}).encode()

    def read(self, feed: Feed = DETAILS, most_bytes: int = 1 << 20) -> list[str]:
        """Return the ids of the whole list."""
        body, _ = asyncio.run(whole_answer(feed, date(2026, 5, 1), self.get, most_bytes))
        data = json.loads(body)["data"]
        return [item[self.id_name] for item in (data if self.id_name == "_id" else data["mailboxes"])]


def more(cursor: str, **others: object) -> dict[str, object]:
    return {"hasMore": True, "nextCursor": cursor, **others}


LAST = {"hasMore": False, "nextCursor": "beyond"}
TWO = {"": (["a", "b"], more("2", total=3)), "2": (["c"], {**LAST, "total": 3})}


def test_pages_are_put_together_and_a_cursor_without_more_is_not_followed() -> None:
    pages = Pages(TWO)
    assert pages.read() == ["a", "b", "c"]
    assert pages.asked == [{"limit": "100"}, {"limit": "100", "cursor": "2"}]


def test_a_list_inside_of_data_is_found_where_one_answer_would_have_it() -> None:
    assert Pages(TWO, id_name="id").read(WARMUP) == ["a", "b", "c"]


def test_an_answer_without_pagination_is_the_whole_list() -> None:
    assert Pages({"": (["a"], {})}).read() == ["a"]


def test_without_has_more_a_cursor_is_followed_until_the_total_is_reached() -> None:
    pages = {"": (["a"], {"nextCursor": "2", "total": 2}), "2": (["b"], {"nextCursor": "3", "total": 2})}
    assert Pages(pages).read() == ["a", "b"]


def test_without_has_more_and_total_a_cursor_is_followed_to_an_empty_page() -> None:
    pages: dict[str, Page] = {"": (["a"], {"nextCursor": "2"}), "2": ([], {"nextCursor": "3"})}
    assert Pages(pages).read() == ["a"]


def test_an_empty_page_with_more_to_come_is_followed() -> None:
    pages = {"": (["a"], more("2")), "2": ([], more("3")), "3": (["b"], LAST)}
    assert Pages(pages).read() == ["a", "b"]


@pytest.mark.parametrize(
    "pages",
    [
        {"": (["a"], more("2", total=2)), "2": (["b"], {**LAST, "total": 3})},
        {"": (["a", "b"], more("2")), "2": (["b"], LAST)},
        {"": (["a"], more("2", total=3)), "2": (["b"], {**LAST, "total": 3})},
        {"": (["a"], {**LAST, "total": 2})},
    ],
    ids=["another total", "a mailbox twice", "too few", "one page with too few"],
)
def test_a_list_that_changed_while_it_was_read_is_read_again_and_then_given_up(
    pages: Mapping[str, Page],
) -> None:
    assert Pages(pages, TWO).read() == ["a", "b", "c"]

    with pytest.raises(MalformedAnswerError, match=r"changed|not whole"):
        Pages(pages).read()


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ({"": (["a"], more("2")), "2": ([], more("2"))}, "one that was answered before"),
        ({"": (["a"], {"hasMore": True})}, "found none"),
        ({"": (["a"], {"hasMore": True, "nextCursor": 5})}, "found none"),
    ],
)
def test_cursors_that_loop_or_lack_end_the_list_at_once(pages: Mapping[str, Page], why: str) -> None:
    read = Pages(pages)
    with pytest.raises(MalformedAnswerError, match=why):
        read.read()
    assert len(read.asked) == len(pages)


@pytest.mark.parametrize(("rows", "most"), [(1, MOST_PAGES), (0, MOST_EMPTY_PAGES + 1)])
def test_a_list_without_end_is_given_up(rows: int, most: int) -> None:
    pages: dict[str, Page] = {
        str(number) if number else "": ([f"m{number}"] * rows, more(str(number + 1)))
        for number in range(MOST_PAGES + 1)
    }
    read = Pages(pages)
    with pytest.raises(MalformedAnswerError, match="pages"):
        read.read()
    assert len(read.asked) == most


class Kept:
    """What is kept of all answers so far, and asked for beside it, after how many requests."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.told: list[tuple[int, int, int]] = []

    async def keep(self, kept_bytes: int, next_bytes: int) -> None:
        self.told.append((len(self._pages.asked), kept_bytes, next_bytes))


def sizes(*pages: Page) -> list[int]:
    """Return what each page takes as it comes."""
    return [len(asyncio.run(Pages({"": page}).get("", {}))) for page in pages]


def test_each_page_is_kept_with_its_ids_and_there_is_room_before_the_next_one_is_asked_for() -> None:
    pages = Pages(TWO)
    kept = Kept(pages)
    body, _ = asyncio.run(whole_answer(DETAILS, date(2026, 5, 1), pages.get, 1 << 20, kept.keep))
    first, last = sizes(*TWO.values())
    assert kept.told == [
        (1, first + 2 * ID_BYTES, 2 * first),
        (2, first + last + 3 * ID_BYTES, first + last),
        (2, len(body), 0),
    ]


def test_of_a_list_that_is_read_again_the_first_reading_is_kept_no_longer() -> None:
    changed: dict[str, Page] = {"": (["a"], more("2", total=2)), "2": (["b"], {**LAST, "total": 3})}
    pages = Pages(changed, TWO)
    kept = Kept(pages)
    asyncio.run(whole_answer(DETAILS, date(2026, 5, 1), pages.get, 1 << 20, kept.keep))
    assert kept.told[1] == (2, 0, 0)


def test_of_several_lists_those_before_are_kept_while_another_one_is_read() -> None:
    parts = tuple(Feed(name, f"/v1/{name}", (), 900, is_paged=True) for name in ("one", "other"))
    both = Feed("both", "", (), 900, is_paged=True, parts=parts)
    pages = Pages({"": (["a"], LAST)}, TWO)
    kept = Kept(pages)
    body, _ = asyncio.run(whole_answer(both, date(2026, 5, 1), pages.get, 1 << 20, kept.keep))
    one, first, last = sizes((["a"], LAST), *TWO.values())
    joined = one + len(b'{"success":true,"data":[{"_id": "a"}, {"_id": "b"},{"_id": "c"}]}')
    assert kept.told == [
        (1, one, 0),
        (2, one + first + 2 * ID_BYTES, 2 * first),
        (3, one + first + last + 3 * ID_BYTES, first + last),
        (3, joined, 0),
        (3, joined, 0),
        (3, joined, joined),
    ]
    assert json.loads(body)["data"] == {"one": [{"_id": "a"}], "other": [{"_id": id_} for id_ in "abc"]}


def test_pages_are_bounded_in_bytes_together() -> None:
    with pytest.raises(SendKitError, match=TOO_LARGE):
        Pages(TWO).read(most_bytes=150)


@pytest.mark.parametrize("item", [b"0,", b"{},", b'{"_id":"1"},', b"null,[{},{}],"], ids=bytes.decode)
def test_a_page_of_millions_of_useless_items_ends_early_as_malformed(item: bytes) -> None:
    """It takes no more memory than an honest one of its size."""
    body = b'{"success":true,"data":[%s]}' % (item * (16 * MIB // len(item)))[:-1]

    async def get(_path: str, _parameters: Mapping[str, str]) -> Body:
        return body

    began = time.process_time()
    with (
        memory_traced() as memory,
        pytest.raises(MalformedAnswerError, match="expected 64 bytes or more each"),
    ):
        asyncio.run(whole_answer(DETAILS, date(2026, 5, 1), get, 32 * MIB))
    assert memory.peak_bytes < 100 * MIB
    assert time.process_time() - began < 10


def test_a_page_may_be_large_and_hold_one_item_of_megabytes() -> None:
    ids = [f"{number:064}" for number in range(30_000)]
    assert Pages({"": (["a"], more("2")), "2": (["x" * 3 * MIB, *ids], LAST)}).read(most_bytes=8 * MIB) == [
        "a",
        "x" * 3 * MIB,
        *ids,
    ]


def test_several_lists_are_bounded_in_bytes_together() -> None:
    parts = tuple(Feed(name, f"/v1/{name}", (), 900, is_paged=True) for name in ("one", "other"))
    both = Feed("both", "", (), 900, parts=parts)
    with pytest.raises(SendKitError, match=TOO_LARGE):
        asyncio.run(whole_answer(both, date(2026, 5, 1), Pages({"": (["a"] * 3, {})}).get, 100))
