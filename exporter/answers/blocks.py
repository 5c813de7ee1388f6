"""A list of JSON, as it came, in blocks of bounded size, and a block that is hard to read item by item.

Millions of items that are of no use must not be held as so many objects, so the list is never split whole.
"""

import json
import mmap
import re
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Raw

from exporter.answers.envelope import UNREADABLE, MalformedAnswerError

BLOCK_BYTES = 512 * 1024
"""Of a block, at least: enough for a thousand mailboxes."""
LARGEST_BLOCK_BYTES = 2 * BLOCK_BYTES
LARGEST_ITEM_BYTES = 2 * 2**20
MOST_MARKS = 1_000_000
"""Quotes and brackets of an item above that size."""
ROOM_BYTES = 16 * LARGEST_BLOCK_BYTES
"""Address space that must be free before a block is decoded: without any, msgspec ends the process."""

_BETWEEN = re.compile(rb"\}[ \t\r\n]*(,)[ \t\r\n]*\{")
_MARK = re.compile(rb'["{}\[\]]')
_IN_TEXT = re.compile(rb'["\\]')
_SEPARATOR = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_ONE_ITEM = json.JSONDecoder(parse_int=float, strict=False)
_SPLITTER = msgspec.json.Decoder(list[Raw])


def read_blocks(
    items: memoryview, read_block: Callable[[bytes], None], read_item: Callable[[bytes | Raw], None]
) -> None:
    """Read a list: each block by `read_block`, or item by item where that raises what `UNREADABLE` names.

    A block ends between two objects. It may also seem to, inside a text or an inner list: then it is no
    JSON, and is read again with more behind it. Raises `MemoryError`, and `MalformedAnswerError` for an item
    that is nested too deeply to be read alone.
    """
    text = items[1:-1]
    start = 0
    while start < len(text):
        for end in _ends(text, start):
            block = b"".join((b"[", text[start:end], b"]"))
            check_room()
            if _is_read(block, read_block, read_item):
                start = end + 1
                break
        else:
            start = _read_one_by_one(text, start, read_item)


def _ends(text: memoryview, start: int) -> Iterator[int]:
    """Yield where a block that starts here may end."""
    least = BLOCK_BYTES
    while len(text) - start > LARGEST_BLOCK_BYTES:
        between = _BETWEEN.search(text, start + least, start + LARGEST_BLOCK_BYTES)
        if between is None:
            return
        yield between.start(1)
        least = between.end(1) - start + BLOCK_BYTES // 8
    if len(text) - start <= LARGEST_BLOCK_BYTES:
        yield len(text)


def _is_read(
    block: bytes, read_block: Callable[[bytes], None], read_item: Callable[[bytes | Raw], None]
) -> bool:
    """Read a block, and return whether it was one."""
    try:
        read_block(block)
    except UNREADABLE:
        try:
            raws = _SPLITTER.decode(block)
        except UNREADABLE:
            return False
        for raw in raws:
            read_item(raw)
    return True


def _read_one_by_one(text: memoryview, start: int, read_item: Callable[[bytes | Raw], None]) -> int:
    """Read items that fill a block or more, where blocks cannot be used; return where the next one starts.

    One above `LARGEST_ITEM_BYTES` is read as one without anything in it.
    """
    characters = str(text[start : start + LARGEST_ITEM_BYTES], "latin-1")  # one for each byte
    first = place = _SEPARATOR.match(characters).end()  # type: ignore[union-attr] # it matches everywhere
    while place < min(len(characters), BLOCK_BYTES):
        try:
            _, end = _ONE_ITEM.raw_decode(characters, place)
        except RecursionError:
            raise MalformedAnswerError("an item is nested too deeply") from None
        except ValueError:  # cut off
            end = len(characters) + 1
        if end >= len(characters) and start + end < len(text):
            if place == first:
                read_item(b"{}")
                return _end_of(text, start + place)
            break
        read_item(bytes(text[start + place : start + end]))
        place = _SEPARATOR.match(characters, end).end()  # type: ignore[union-attr] # as above
    return start + place


def _end_of(text: memoryview, start: int) -> int:
    """Return where a large item ends; nothing of it is copied, and others get their turn now and then."""
    depth, place, is_in_text = 0, start, False
    for _ in range(MOST_MARKS):
        found = (_IN_TEXT if is_in_text else _MARK).search(text, place, place + BLOCK_BYTES)
        if found is None:
            place += BLOCK_BYTES
            continue
        place = found.end()
        match found[0]:
            case b"\\":
                place += 1
            case b'"':
                is_in_text = not is_in_text
            case b"{" | b"[":
                depth += 1
            case _:
                depth -= 1
        if depth == 0 and not is_in_text:
            return place
    raise MalformedAnswerError(f"an item is larger than {LARGEST_ITEM_BYTES} bytes, and has no end near")


def check_room() -> None:
    """Raise `MemoryError` if a block cannot be decoded for want of address space."""
    try:
        mmap.mmap(-1, ROOM_BYTES).close()
    except OSError:
        raise MemoryError from None
