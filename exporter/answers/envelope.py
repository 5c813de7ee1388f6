"""The envelope of an answer: where its list of mailboxes is, and whether that is the whole list."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from exporter.nouns import several

Body = bytes | bytearray

PAGE = "a page instead of JSON; is api.base_url right?"

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for JSON that it cannot read, or that is not of the expected form."""


class MalformedAnswerError(ValueError):
    """An answer is not the documented envelope; the message says what was found and expected."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The list of an answer as it came, a text of JSON, and what the answer says about the list."""

    items: memoryview
    has_more: bool | None = None
    """Whether there are more pages, where the answer says so."""
    total: int | None = None
    """How many items there are in all, where the answer says so."""
    next_cursor: str = ""
    """What asks for the page after this one."""

    def check_whole(self, count: int) -> None:
        """Raise `MalformedAnswerError` if the answer itself says that `count` items are not all."""
        found = f"the list is not whole: {several(count, 'item')}"
        if self.has_more:
            raise MalformedAnswerError(f"{found}, pagination.hasMore is true")
        if self.total is not None and self.total > count:
            raise MalformedAnswerError(f"{found} of a total of {self.total}")


def opened(body: Body, items: str, form: str = "[...]") -> Envelope:
    """Return the list at `items`, such as `data`, or the object; raises `MalformedAnswerError`."""
    decoder = _decoder(items)
    wanted = '"' + items.replace(".", '": {"') + f'": {form}' + "}" * items.count(".")
    try:
        try:
            envelope = decoder.decode(body)
        except UNREADABLE:
            envelope = decoder.decode(without_lone_surrogates(body))
        listing = envelope
        for name in items.split("."):
            listing = getattr(listing, name)
        text = memoryview(listing)
        if text[0] != ord(form[0]):
            kind = list[Raw] if form[0] == "[" else dict[str, Raw]
            # Raises, and says what there is instead.
            _decoder(items, kind).decode(without_lone_surrogates(body))
    except UNREADABLE as error:
        found = PAGE if is_page(body) else f"{len(body)} bytes: {error}"
        raise MalformedAnswerError(f'expected {{"success": true, {wanted}}}, found {found}') from None
    if not envelope.success:
        raise MalformedAnswerError("expected `success` true, found false")
    pages = _plain(envelope.pagination)
    pages = pages if isinstance(pages, dict) else {}
    totals = [it for it in (pages.get("total"), _plain(envelope.total)) if type(it) is int]
    has_more, cursor = pages.get("hasMore"), pages.get("nextCursor")
    return Envelope(
        text,
        has_more if isinstance(has_more, bool) else None,
        max(totals, default=None),
        cursor if isinstance(cursor, str) else "",
    )


def is_page(body: Body) -> bool:
    """Whether a body is a page for people, as a wrong address or a proxy gives."""
    return body[:64].lstrip().startswith(b"<")


def _plain(part: Raw | UnsetType) -> object:
    """Return a part that an answer may have, whatever it is."""
    try:
        return None if part is UNSET else msgspec.json.decode(part)
    except UNREADABLE:
        return None


@cache
def _decoder(items: str, kind: Any = Raw) -> "msgspec.json.Decoder[Any]":  # noqa: ANN401 - a type
    outer, *inner = items.split(".")
    for name in reversed(inner):
        kind = msgspec.defstruct("Part", [(name, kind)])
    lacking: list[Any] = [(name, Raw | UnsetType, UNSET) for name in ("pagination", "total")]
    return msgspec.json.Decoder(msgspec.defstruct("Envelope", [("success", bool), (outer, kind), *lacking]))


_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def without_lone_surrogates(body: Body) -> bytes:
    """Return the JSON with U+FFFD for escapes of half a character: JSON allows them, Unicode does not."""
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
