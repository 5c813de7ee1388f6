"""The slow way to read a mailbox: what can be used of it, and what cannot."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Raw

from exporter.answers.percent import ratios
from exporter.answers.strict import LONGEST_TEXT
from exporter.answers.texts import joined_tags, unix_seconds
from exporter.catalogue.kinds import Check, Field

Value = str | float | None


def loads(raw: Raw | bytes) -> Mapping[str, Any]:
    """Read one mailbox whatever is wrong with it; {} where it is no object at all."""
    text = bytes(raw).decode("utf-8", "replace")
    try:
        # As floats, because an integer of thousands of digits is an error, one past a float's range infinite.
        mailbox = json.loads(text, parse_int=float)
    except RecursionError:  # nested as deeply as the first pass could just read
        return {}
    return mailbox if isinstance(mailbox, dict) else {}


def text(value: object) -> str | None:
    """Return a text that can be used, else `None`."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT else None


def read(mailbox: Mapping[str, Any], fields: Sequence[Field]) -> Iterator[tuple[Value, str]]:
    """Yield a value for each field, and the name of what is suspect about it, "" if nothing is.

    A part that is no object is named once, with its first field.
    """
    named: set[str] = set()
    for field in fields:
        value, suspect = _value(mailbox, field)
        yield value, "" if suspect in named else suspect
        if suspect != field.name:
            named.add(suspect)


def _value(mailbox: Mapping[str, Any], field: Field) -> tuple[Value, str]:
    inner: Any = mailbox
    place: list[str] = []
    for name, may_lack in field.path:
        if not isinstance(inner, dict):
            return None, ".".join(place)
        place.append(name)
        if name not in inner:
            if may_lack:
                return ("" if field.check is Check.NOTE else None), ""
            return None, field.name
        inner = inner[name]
    value = _checked(field.check, inner)
    return value, "" if _is_good(field.check, inner, value) else field.name


def _is_good(check: Check, value: object, used: Value) -> bool:
    """Whether a value is as documented, and all of it is used."""
    match check:
        case Check.OPTIONAL_TEXT if value is None:
            return True
        case Check.TAGS:
            return isinstance(value, list) and all(map(text, value))
        case Check.NOTE:
            return used is not None and used == (value or "")
        case _:
            return used is not None


def _checked(check: Check, value: object) -> Value:  # noqa: C901, PLR0911 - a table
    match check:
        case Check.TEXT | Check.STATE:
            return text(value)
        case Check.OPTIONAL_TEXT:
            return "" if value == "" else text(value)
        case Check.FLAG:
            return int(value) if isinstance(value, bool) else None
        case Check.COUNT:
            number = _number(value)
            return number if number is not None and number.is_integer() else None
        case Check.RATIO:
            return _number(value)
        case Check.PERCENT:
            # A plain number, where the API sends one; the text of None is no number.
            return ratios[value if isinstance(value, str) else repr(_number(value))]
        case Check.SCORE:
            return ratios[repr(_number(value))]
        case Check.TIME:
            return unix_seconds(value) if isinstance(value, str) else None
        case Check.NOTE:
            return "" if value is None else value[:LONGEST_TEXT] if isinstance(value, str) else None
        case Check.TAGS:
            return joined_tags(filter(None, map(text, value))) if isinstance(value, list) else None


def _number(value: object) -> float | None:
    """Return a finite number of 0 or more, else `None`; a boolean is no number."""
    return value if isinstance(value, float) and 0 <= value < math.inf else None
