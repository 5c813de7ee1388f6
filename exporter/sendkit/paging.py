"""A feed's whole answer, of one request or of many: lists that come page by page, and several lists in one.

What is returned has the documented envelope, as if the API had answered all at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

import msgspec
from msgspec import Raw

from exporter.answers.blocks import check_sizes, read_blocks
from exporter.answers.envelope import UNREADABLE, Body, MalformedAnswerError, opened
from exporter.catalogue.kinds import Feed
from exporter.catalogue.workspace import Reason
from exporter.nouns import several
from exporter.sendkit.errors import SendKitError, UnusableError

PAGE_ROWS = 100
"""The most that the API answers at once."""
MOST_PAGES = 2000
MOST_EMPTY_PAGES = 10
"""In a row; an empty page with more to come is possible."""
READINGS = 2
"""How often a list is read from its start before it is given up, if it changes while it is read."""
REFUSED = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""The answers to what a key may not use."""

Get = Callable[[str, Mapping[str, str]], Awaitable[Body]]
"""Makes one request: a path and its parameters."""

Keep = Callable[[int, int], Awaitable[None]]
"""Says how many bytes are kept of all answers so far, and waits until there is memory for so many more."""

ID_BYTES = 256
"""What an id in a set takes, at most."""

_list_of_items = msgspec.json.Decoder(list[Raw])
_item = msgspec.json.Decoder(dict[str, Raw])


class _NotWholeError(MalformedAnswerError):
    """The pages of a list do not make a whole one; it may have changed while they were read."""


async def _freely(_kept_bytes: int, _next_bytes: int) -> None:
    """Keep a page without waiting."""


async def whole_answer(
    feed: Feed, today: date, get: Get, most_bytes: int, keep: Keep = _freely
) -> tuple[Body, SendKitError | None]:
    """Return the answer to a feed's request, and why a part of it was refused, if one was.

    `most_bytes` bounds the pages of all lists together. Raises `SendKitError`, also where all parts are
    refused, and `MalformedAnswerError` for pages that do not make a whole list.
    """
    if not feed.parts:
        return await _answer(feed, today, get, most_bytes, keep), None
    pieces: list[Body | memoryview] = []
    refusal: SendKitError | None = None
    kept_bytes = 0

    async def keep_more(more_bytes: int, next_bytes: int) -> None:
        await keep(kept_bytes + more_bytes, next_bytes)

    for number, part in enumerate(feed.parts):
        text: Body | memoryview = b"[]"
        try:
            answer = await _answer(part, today, get, most_bytes - kept_bytes, keep_more)
            text = opened(answer, part.items).items
            kept_bytes += len(answer)
        except SendKitError as error:
            if error.status not in REFUSED or (refusal and number + 1 == len(feed.parts)):
                raise
            refusal = error
        pieces += [b'%s"%s":' % (b"," if pieces else b"", part.name.encode()), text]
        await keep(kept_bytes, 0)
    await keep(kept_bytes, kept_bytes)  # they are copied as they are joined
    return b"".join((b'{"success":true,"data":{', *pieces, b"}}")), refusal


async def _answer(feed: Feed, today: date, get: Get, most_bytes: int, keep: Keep) -> Body:
    if not feed.is_paged:
        return await get(feed.path, feed.query(today))
    for last in range(READINGS):
        try:
            return await _read(feed, feed.query(today), get, most_bytes, keep)
        except _NotWholeError:
            if last == READINGS - 1:
                raise
        await keep(0, 0)
    raise AssertionError  # the last reading returns or raises


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: the inside of its list, how many items it has and their ids, and what it says of the rest.

    The text is a part of the body, not a copy.
    """

    text: memoryview
    count: int
    ids: set[bytes]
    has_more: bool | None
    total: int | None
    next_cursor: str

    @classmethod
    def of(cls, body: Body, feed: Feed) -> "_Page":
        """Read a page; raises `MalformedAnswerError`."""
        envelope = opened(body, feed.items)
        items = _Items(feed.id_name)
        read_blocks(envelope.items, items.add_block, items.add)
        return cls(
            envelope.items[1:-1],
            items.count,
            items.ids,
            envelope.has_more,
            envelope.total,
            envelope.next_cursor,
        )

    def is_last(self, count: int) -> bool:
        """Whether no page follows this one, with which `count` items were read."""
        if self.has_more is not None or not self.next_cursor:
            return not self.has_more
        return not self.count if self.total is None else count >= self.total


class _Items:
    """The items of a page: how many there are, and their ids."""

    def __init__(self, id_name: str) -> None:
        self._id_name = id_name
        self._size_bytes = 0
        self.count = 0
        self.ids: set[bytes] = set()

    def add_block(self, block: bytes) -> None:
        """Add the items of a block, or raise what `UNREADABLE` names and add none."""
        for item in _list_of_items.decode(block):
            self.add(item)

    def add(self, item: Raw | bytes) -> None:
        """Add an item; raises `MalformedAnswerError` if there are too many small ones."""
        self.count += 1
        self._size_bytes += len(memoryview(item))
        check_sizes(self.count, self._size_bytes)
        with suppress(*UNREADABLE):
            if own := bytes(_item.decode(item).get(self._id_name, b"")):
                self.ids.add(own)


async def _read(feed: Feed, query: Mapping[str, str], get: Get, most_bytes: int, keep: Keep) -> Body:
    """Read a list from its first page to its last."""
    texts: list[memoryview] = []
    ids: set[bytes] = set()
    cursors: set[str] = set()
    size_bytes = count = empty = 0
    total: int | None = None
    parameters = {**query, "limit": str(PAGE_ROWS)}
    for number in range(1, MOST_PAGES + 1):
        body = await get(feed.path, parameters)
        size_bytes += len(body)
        if size_bytes > most_bytes:
            why = "the pages are larger than api.max_response_bytes together"
            raise UnusableError(Reason.TOO_LARGE, why, HTTPStatus.OK)
        page = await asyncio.to_thread(_Page.of, body, feed)
        total = page.total if total is None else total
        if page.total not in {None, total} or not ids.isdisjoint(page.ids):
            raise _NotWholeError(f"the list changed while it was read, at page {number}")
        count += page.count
        ids |= page.ids
        texts += [page.text] if page.count else []
        empty = 0 if page.count else empty + 1
        if page.is_last(count):
            if total is not None and total > count:
                raise _NotWholeError(f"the list is not whole: {several(count, 'item')} of a total of {total}")
            if number == 1:
                return body
            await keep(_kept(size_bytes, ids), size_bytes)  # they are copied as they are joined
            whole = _enveloped(feed.items, texts)
            texts.clear()
            await keep(len(whole), 0)
            return whole
        if not page.next_cursor or page.next_cursor in cursors:
            what = "one that was answered before" if page.next_cursor else "none"
            raise MalformedAnswerError(f"page {number} has more to come, expected a new cursor, found {what}")
        if empty > MOST_EMPTY_PAGES:
            raise MalformedAnswerError(f"{empty} empty pages in a row, each with more to come")
        cursors.add(page.next_cursor)
        parameters["cursor"] = page.next_cursor
        await keep(_kept(size_bytes, ids), 2 * len(body))  # the next one may be larger
    raise MalformedAnswerError(f"more than {MOST_PAGES} pages")


def _kept(size_bytes: int, ids: AbstractSet[bytes]) -> int:
    return size_bytes + ID_BYTES * len(ids)


def _enveloped(items: str, texts: Sequence[memoryview]) -> Body:
    """Return the pages as one answer, whose list is at `items`; they are copied once."""
    *outer, inner = items.split(".")
    start = b"".join(b'"%s":{' % name.encode() for name in outer)
    separated: Iterator[bytes | memoryview] = (part for text in texts for part in (b",", text))
    next(separated, None)
    return b"".join(
        (b'{"success":true,%s"%s":[' % (start, inner.encode()), *separated, b"]}", b"}" * len(outer))
    )
