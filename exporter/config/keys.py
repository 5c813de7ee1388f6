"""API keys: where they are read, what they may look like, and how they are kept out of texts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.config import files

REDACTED = "[redacted]"
UNSENDABLE = "holds blanks, control or non-ASCII characters"
MAX_KEY_FILE_BYTES = 64 * 1024

_SENDABLE = re.compile(r"[!-~]+")  # the visible ASCII characters: all that an HTTP header carries safely
_DOCUMENTED_FORM = re.compile(
    r"(?<![a-zA-Z0-9])sk_[^\s'\",;<>}\]]{4,}"
)  # docs.sendkit.ai, Authentication: sk_…, sk_user_…


class KeyUnavailable(Exception):  # noqa: N818 - a key that is not there yet is a state, not a fault
    """A key cannot be read now; the message says where it was sought and never holds it."""


def is_sendable(text: str) -> bool:
    """Tell whether a text is made of visible ASCII characters alone, so that a header can carry it."""
    return _SENDABLE.fullmatch(text) is not None


def redact(text: str, *keys: str) -> str:
    """Return the text without the given keys and without whatever is written like a key."""
    for key in filter(None, keys):
        text = text.replace(key, REDACTED)
    return _DOCUMENTED_FORM.sub(REDACTED, text)


def checked(text: str, source: str) -> str:
    """Return a key as it is sent; `source` says in an error where it came from.

    Raises KeyUnavailable for a key that is empty or that no header can carry.
    """
    key = text.strip()
    if not key:
        raise KeyUnavailable(f"{source} is empty, expected a key")
    if key[0] in "\"'`":
        raise KeyUnavailable(f"{source} holds quotes, expected the key alone, without them")
    if not is_sendable(key):
        raise KeyUnavailable(f"{source} {UNSENDABLE}, expected a key alone")
    return key


def read_key_file(path: Path) -> str:
    """Return the key that a file holds, without the white space around it.

    Raises KeyUnavailable when the file is missing, unreadable, empty or holds no key.
    """
    with _named(path) as source:
        return checked(_text(files.read(path, MAX_KEY_FILE_BYTES)), source)


async def read_key_file_soon(path: Path) -> str:
    """Return the key that a file holds, as `read_key_file` does, without keeping the event loop."""
    with _named(path) as source:
        return checked(_text(await files.read_soon(path, MAX_KEY_FILE_BYTES)), source)


@contextmanager
def _named(path: Path) -> Iterator[str]:
    """Give the name of a key file; raise KeyUnavailable with it when the file cannot be read."""
    source = redact(f"key file {str(path)!r}")
    try:
        yield source
    except files.FileError as error:
        raise KeyUnavailable(f"{source} {error}") from None


def _text(content: bytes) -> str:
    return content.decode("ascii", errors="replace")
