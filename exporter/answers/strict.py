"""The fast way to read mailboxes: a block at a time, each value as documented, or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from exporter.answers.percent import ratios
from exporter.answers.texts import joined_tags, unix_seconds
from exporter.catalogue.kinds import Check, Field

LONGEST_TEXT = 320
"""Characters of a text; the longest address has as many (RFC 5321, 4.5.3.1)."""
LARGEST_COUNT = 1 << 53
"""Larger whole numbers are no exact numbers to Prometheus."""

_Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
_TYPES: dict[Check, Any] = {
    Check.TEXT: _Text,
    Check.OPTIONAL_TEXT: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None,
    Check.STATE: _Text,
    Check.FLAG: bool,
    Check.COUNT: Annotated[int, Meta(ge=0, le=LARGEST_COUNT)],
    Check.RATIO: Annotated[float, Meta(ge=0)],
    Check.PERCENT: str,
    Check.SCORE: Annotated[float, Meta(ge=0)],
    Check.TIME: str,
    Check.NOTE: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None,
    Check.TAGS: list[_Text],
}

_CONVERSIONS: dict[Check, Callable[[Any], float | str | None]] = {
    Check.FLAG: int,
    Check.PERCENT: ratios.__getitem__,
    Check.SCORE: lambda score: ratios[repr(score)],
    Check.TIME: unix_seconds,
    Check.NOTE: lambda note: note or "",
    Check.TAGS: joined_tags,
}
_TEXTS_OF_NUMBERS = {Check.PERCENT, Check.TIME}
"""A text of these, as documented, may still be no number."""

Columns = Sequence[Sequence[Any]]


class StrictDecoder:
    """Decodes blocks of mailboxes that have the given fields; `decode` gives the ids and a column a field."""

    def __init__(self, id_name: str, fields: Sequence[Field]) -> None:
        top: dict[str, list[Field]] = {}
        for field in fields:
            top.setdefault(field.path[0][0], []).append(field)
        self._parts = list(top.values())
        self._order = [
            (fields.index(field), _CONVERSIONS.get(field.check)) for part in self._parts for field in part
        ]
        members: list[Any] = [("mailbox_id", _Text, msgspec.field(name=id_name))]
        for number, part in enumerate(self._parts):
            (name, may_lack), *rest = part[0].path
            kind = _struct(part) if rest else _TYPES[part[0].check]
            members.append(_member(number, name, kind, may_lack=may_lack))
        mailbox = msgspec.defstruct("Mailbox", members, gc=False, kw_only=True)
        self._decoder = msgspec.json.Decoder(list[mailbox])  # type: ignore[valid-type]

    def decode(self, block: bytes) -> tuple[Sequence[str], Columns, Counter[str]]:
        """Return the ids, one column a field, and how many values of each field are of no use.

        `block` is a list of mailboxes, as JSON.

        Raises what `envelope.UNREADABLE` names where one mailbox is not as documented.
        """
        mailboxes = self._decoder.decode(block)
        if not mailboxes:
            return [], [()] * len(self._order), Counter()
        ids, *tops = zip(*map(astuple, mailboxes), strict=True)
        columns: list[Sequence[Any]] = [()] * len(self._order)
        leaves = (leaf for part, top in zip(self._parts, tops, strict=True) for leaf in _leaves(part, top))
        unusable: Counter[str] = Counter()
        for (place, convert), (field, leaf, lacks) in zip(self._order, leaves, strict=True):
            keeps_none = lacks and field.check is not Check.NOTE
            columns[place] = _converted(convert, leaf, keeps_none=keeps_none) if convert else leaf
            if field.check in _TEXTS_OF_NUMBERS:
                unusable[field.name] = columns[place].count(None) - (leaf.count(None) if lacks else 0)
        return ids, columns, +unusable


def _struct(part: Sequence[Field]) -> Any:  # noqa: ANN401 - a type that is made here
    """Return the type of an object of the answer that holds these fields."""
    members = []
    for number, field in enumerate(part):
        _, (name, may_lack) = field.path
        members.append(_member(number, name, _TYPES[field.check], may_lack=may_lack))
    return msgspec.defstruct("Part", members, gc=False, kw_only=True)


def _member(number: int, name: str, kind: Any, *, may_lack: bool) -> Any:  # noqa: ANN401 - types made here
    if may_lack:
        return (f"part_{number}", kind | UnsetType, msgspec.field(name=name, default=UNSET))
    return (f"part_{number}", kind, msgspec.field(name=name))


def _leaves(part: Sequence[Field], top: Sequence[Any]) -> Iterator[tuple[Field, Sequence[Any], bool]]:
    """Yield each field with its column, and whether that has a `None`: a mailbox is without the field."""
    absent = top.count(UNSET) if part[0].path[0][1] else 0  # such a count is as dear as decoding a number
    if absent == len(top):
        yield from ((field, [None] * absent, True) for field in part)
    elif len(part[0].path) == 1:
        yield part[0], [None if value is UNSET else value for value in top] if absent else top, absent > 0
    else:
        nothing = (None,) * len(part)
        rows = (
            (nothing if value is UNSET else astuple(value) for value in top) if absent else map(astuple, top)
        )
        for field, column in zip(part, zip(*rows, strict=True), strict=True):
            lacks = field.path[1][1] and UNSET in column
            shown = [None if value is UNSET else value for value in column] if lacks else column
            yield field, shown, lacks or absent > 0


def _converted(
    convert: Callable[[Any], float | str | None], column: Sequence[Any], *, keeps_none: bool
) -> Sequence[Any]:
    if keeps_none:
        return [None if value is None else convert(value) for value in column]
    return list(map(convert, column))


@cache
def strict_decoder(id_name: str, fields: tuple[Field, ...]) -> StrictDecoder:
    """Return the decoder of these fields; making one takes milliseconds."""
    return StrictDecoder(id_name, fields)
