"""A list of JSON, as it came, in blocks of bounded size, and a block that is hard to read item by item.

Millions of items that are of no use must not be held as so many objects, so the list is never split whole.
"""

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
JUDGED_ITEMS = 1000
"""So many items may be of any size."""
LEAST_ITEM_BYTES = 64
"""Of more items than that, on average: the id of a mailbox or a test takes half of it."""
ROOM_BYTES = 16 * LARGEST_BLOCK_BYTES
"""Address space that must be free before a block is decoded: without any, msgspec ends the process."""

_BETWEEN = re.compile(rb"\}[ \t\r\n]*(,)[ \t\r\n]*\{")
_SPLITTER = msgspec.json.Decoder(list[Raw])
_ITEM = msgspec.json.Decoder(Raw)
_BEHIND_ITEM = re.compile(r"trailing characters \(byte (\d+)\)")
"""What msgspec says of JSON with more behind it, and the number of the first byte of that, from 1."""


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
    place = start
    while place < min(len(text), start + BLOCK_BYTES):
        end = _end_of(text, place)
        read_item(bytes(text[place:end]) if end - place <= LARGEST_ITEM_BYTES else b"{}")
        place = end + 1
    return place


def _end_of(text: memoryview, start: int) -> int:
    """Return where an item ends, at the comma behind it; nothing of it is copied or made an object."""
    try:
        _ITEM.decode(text[start:])
    except RecursionError:
        raise MalformedAnswerError("an item is nested too deeply") from None
    except msgspec.DecodeError as error:
        behind = _BEHIND_ITEM.search(str(error))
        if behind is None:
            raise MalformedAnswerError(f"an item cannot be read: {error}") from None
        return start + int(behind[1]) - 1
    return len(text)


def check_sizes(count: int, size_bytes: int) -> None:
    """Raise `MalformedAnswerError` if so many items of so many bytes together are too small for any use."""
    if count > JUDGED_ITEMS + size_bytes // LEAST_ITEM_BYTES:
        raise MalformedAnswerError(
            f"{count} items of {size_bytes} bytes, expected {LEAST_ITEM_BYTES} bytes or more each"
        )


def check_room() -> None:
    """Raise `MemoryError` if a block cannot be decoded for want of address space."""
    try:
        mmap.mmap(-1, ROOM_BYTES).close()
    except OSError:
        raise MemoryError from None
