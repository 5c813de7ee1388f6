"""A configuration's errors, told to the person who wrote it: the place, what was found, what was expected."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

from exporter import keys

SHOWN_CHARACTERS = 60  # of a value that an error tells


class ConfigError(Exception):
    """A configuration that cannot be used; `details` holds every error with its dotted place, and no key."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join([message, *details]))
        self.message = message
        self.details = list(details)


def expected(form: str, found: str, place: str = "") -> PydanticCustomError:
    """Return the error of a check that needs more than one value."""
    return PydanticCustomError("expected", form, {"found": found, "place": place})


_CONTAINERS: Mapping[str, str] = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "too_short": "at least one item",
    "missing": "a value: this key is required",
}


def tell(fault: ErrorDetails, root: type[BaseModel]) -> str:
    """Return an error as `place: found this, expected that`, with no key in it."""
    place = ".".join(str(part)[:SHOWN_CHARACTERS] for part in fault["loc"])
    context = fault.get("ctx", {})
    expected = _CONTAINERS.get(fault["type"], fault["msg"])
    match fault["type"]:
        case "extra_forbidden" | "invalid_key":
            found, expected = "an unknown key", _known_keys(root, fault["loc"])
        case "missing":
            found = "nothing"
        case _:
            found = context.get("found") or _found(fault)
    return keys.redact(f"{place}: found {found}, expected {expected}")


def _found(fault: ErrorDetails) -> str:
    """Return a value as an error shows it: single ones as they are, possible keys by kind."""
    value = fault["input"]
    may_be_a_key = fault["type"] in _CONTAINERS or any("key" in str(part) for part in fault["loc"])
    if (
        may_be_a_key
        or isinstance(value, dict | list)
        or (isinstance(value, str) and re.search("[@?#]", value))
    ):
        return kind(value)
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"


def kind(value: object) -> str:
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
    """Return the keys that may stand where an unknown one was found, the nearest one first."""
    section = root
    for part in place[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_of(section.model_fields[part].annotation) or section
    known = list(section.model_fields)
    nearest = get_close_matches(str(place[-1]), known, n=1)
    return f"{nearest[0]} perhaps" if nearest else f"one of {', '.join(known)}"


def _section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field holds, by itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_of, get_args(annotation))), None)
