"""A configuration's errors, for the person who wrote it: the place, what was found, what was expected."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

from exporter.config import keys

SHOWN_CHARACTERS = 60  # of a value that an error shows
MAX_SHOWN_BITS = 128  # of a whole number


class ConfigError(Exception):
    """A configuration that cannot be used; `details` holds every error with its dotted place, and no key."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join([message, *details]))
        self.message = message
        self.details = list(details)


def mismatch(form: str, found: str) -> PydanticCustomError:
    """Return the error of a check that needs more than one value: the form expected, and what is there."""
    return PydanticCustomError("expected", form, {"found": found})


_CONTAINERS: Mapping[str, str] = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
}

_TEXT = re.compile("a (text|name|regular expression)\\b")


def tell(fault: ErrorDetails, root: type[BaseModel]) -> str:
    """Return an error as `place: found this, expected that`, with no key in it."""
    place = ".".join(_shown(str(part)) for part in fault["loc"])
    match fault["type"]:
        case "extra_forbidden" | "invalid_key":
            found, expected = "an unknown key", _known_keys(root, fault["loc"])
        case "missing":
            found, expected = "nothing", "a value: this key is required"
        case kind:
            found = fault.get("ctx", {}).get("found") or _found(fault)
            expected = _CONTAINERS.get(kind, fault["msg"])
            if _TEXT.match(expected) and isinstance(fault["input"], bool | float | int | date):
                expected += "; YAML reads this otherwise unless it is in quotes"
    return keys.redact(f"{place}: found {found}, expected {expected}")


def _found(fault: ErrorDetails) -> str:
    """Return a value as an error shows it: single ones as they are, what may be a key by its kind."""
    value = fault["input"]
    match value:
        case _ if any("key" in str(part) for part in fault["loc"]):
            return kind_of(value)
        # An address may hold a password.
        case str() if fault["type"] not in _CONTAINERS and not re.search("[@?#]", value):
            return _shown(repr(value))
        case bool() | float() | date():
            return str(value).lower()
        case int() if value.bit_length() < MAX_SHOWN_BITS:
            return str(value)
        case _:
            return kind_of(value)


def _shown(text: str) -> str:
    """Return a text from the file, without keys, on one line and not too long."""
    text = keys.redact("".join(filter(str.isprintable, text)))
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def kind_of(value: object) -> str:
    """Return what kind of YAML value this is."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return "a text (not shown)"
        case None:
            return "nothing"
        case _:
            return f"a value of type {type(value).__name__} (not shown)"


def _known_keys(root: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return the keys that are allowed where an unknown one was found, the nearest one if one is near."""
    section = root
    for part in place[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_of(section.model_fields[part].annotation) or section
    known = [field.alias or name for name, field in section.model_fields.items()]
    nearest = get_close_matches(str(place[-1]), known, n=1)
    return f"{nearest[0]} or another known key" if nearest else f"one of {', '.join(known)}"


def _section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field holds, by itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_of, get_args(annotation))), None)
