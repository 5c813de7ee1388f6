"""The envelope of an answer: bytes to one raw text a mailbox, in one cheap pass."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for JSON that it cannot read, or that is not of the expected form."""


class MalformedAnswerError(ValueError):
    """An answer is not the documented envelope; the message says what was found and expected."""


def split(body: bytes, items: str) -> Sequence[Raw]:
    """Return the raw mailboxes at `items`, such as `data`; raises `MalformedAnswerError`."""
    decoder = _decoder(items)
    try:
        envelope = decoder.decode(body)
    except UNREADABLE:
        try:
            envelope = decoder.decode(without_lone_surrogates(body))
        except UNREADABLE as error:
            wanted = '"' + items.replace(".", '": {"') + '": [...]' + "}" * items.count(".")
            raise MalformedAnswerError(
                f'expected {{"success": true, {wanted}}}, found {len(body)} bytes: {error}'
            ) from None
    if not envelope.success:
        raise MalformedAnswerError("expected `success` true, found false")
    for name in items.split("."):
        envelope = getattr(envelope, name)
    return envelope  # type: ignore[no-any-return]


@cache
def _decoder(items: str) -> "msgspec.json.Decoder[Any]":
    outer, *inner = items.split(".")
    kind: Any = list[Raw]
    for name in reversed(inner):
        kind = msgspec.defstruct("Part", [(name, kind)])
    return msgspec.json.Decoder(msgspec.defstruct("Envelope", [("success", bool), (outer, kind)]))


_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def without_lone_surrogates(body: bytes) -> bytes:
    """Return the JSON with U+FFFD for escapes of half a character: JSON allows them, Unicode does not."""
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
