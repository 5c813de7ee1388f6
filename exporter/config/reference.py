"""The reference of the configuration, docs/configuration.md, made from the model.

`python -m exporter.config.reference > docs/configuration.md` writes it anew.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exporter.config import Config
from exporter.config.patterns import Pattern
from exporter.config.values import Expect

INTRODUCTION = """\
# Configuration

Made from the model by `python -m exporter.config.reference`; edit `exporter/config/` instead.

The file is YAML. Unknown keys and repeated keys are errors, and `sendkit-exporter check` prints every
error with its dotted place. Relative paths start at the configuration file's folder. `config.example.yaml`
shows every key with its default.
"""


def markdown() -> str:
    """Return the reference: a table for each section of the file."""
    return "\n".join([INTRODUCTION, *_tables("", Config)])


def _tables(place: str, section: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a section's own keys, and then those of the sections in it."""
    fields = section.model_fields
    plain = [name for name, field in fields.items() if _subsection(field) is None]
    if plain:
        yield "| key | value | default | meaning |\n|---|---|---|---|"
        yield from (
            f"| `{name}` | {_form(fields[name])} | {_default(fields[name])} | {fields[name].description} |"
            for name in plain
        )
        yield ""
    for name, field in fields.items():
        if subsection := _subsection(field):
            inner = f"{place}{name}{'[]' if _is_list(field) else ''}"
            yield f"## `{inner}`\n\n{field.description or subsection.__doc__}\n"
            if not field.description:  # one that has a description repeats another section
                yield from _tables(f"{inner}.", subsection)


def _subsection(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field holds, by itself or in a list."""
    candidates = (field.annotation, *get_args(field.annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _form(field: FieldInfo) -> str:
    """Return what a field's values look like."""
    form = next(_forms(field.annotation, field.metadata))
    return f"a list, each {form}" if _is_list(field) else form


def _is_list(field: FieldInfo) -> bool:
    """Tell whether a field holds a list."""
    return get_origin(field.annotation) is tuple


def _forms(annotation: object, metadata: Iterable[object] = ()) -> Iterator[str]:
    """Yield the forms that a type is marked with, from the outside in."""
    for mark in (*metadata, *getattr(annotation, "__metadata__", ())):
        if isinstance(mark, Expect):
            yield mark.form
    for part in get_args(annotation):
        yield from _forms(part)


def _default(field: FieldInfo) -> str:
    """Return a default as it is written in YAML."""
    if field.is_required():
        return "required"
    return f"`{json.dumps(field.default, default=_text)}`".replace('`"', "`").replace('"`', "`")


def _text(value: object) -> str:
    """Return the text of a value that JSON does not know."""
    match value:
        case timedelta():
            seconds = int(value.total_seconds())
            return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
        case Pattern():
            return value.text
        case _:
            return str(value)


if __name__ == "__main__":
    sys.stdout.write(markdown())
