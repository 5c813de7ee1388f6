"""Documents that are almost the documented one: trees of plain values, changed a few times anywhere."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(slots=True)
class Raw:
    """Text that is written into the document as it is."""

    text: bytes


@dataclass(slots=True)
class Node:
    """A value: `Pairs`, a list of nodes, a `Raw`, or a plain one."""

    value: Any


@dataclass(slots=True)
class Pair:
    """An entry of a mapping; its key may be a `Raw`."""

    key: Any
    node: Node


class Pairs(list[Pair]):
    """A mapping, in which a key may occur twice."""


def tree_of(value: object) -> Node:
    """Return plain values as a tree."""
    match value:
        case dict():
            return Node(Pairs(Pair(key, tree_of(part)) for key, part in value.items()))
        case list() | tuple():
            return Node([tree_of(part) for part in value])
        case _:
            return Node(value)


def nodes(root: Node) -> Iterator[Node]:
    """Yield every node of a tree."""
    yield root
    for part in root.value if isinstance(root.value, list) else ():
        yield from nodes(part.node if isinstance(part, Pair) else part)


def encoded(root: Node) -> bytes:
    """Return a tree as JSON, which is YAML, too."""
    match root.value:
        case Pairs() as pairs:
            return b"{%s}" % b", ".join(
                b"%s: %s" % (encoded(Node(pair.key)), encoded(pair.node)) for pair in pairs
            )
        case list() as parts:
            return b"[%s]" % b", ".join(map(encoded, parts))
        case Raw(text):
            return text
        case value:
            return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


@st.composite
def changed(
    draw: st.DrawFn,
    start: st.SearchStrategy[object],
    values: st.SearchStrategy[Any],
    keys: st.SearchStrategy[Any],
    most_changes: int = 6,
) -> Node:
    """Draw a document after a few changes.

    A value gives way to one of `values` or to a copy of another part, a key to one of `keys`; an entry is
    dropped, repeated, moved to the end, or wrapped in a list.
    """
    root = tree_of(draw(start))
    for _ in range(draw(st.integers(0, most_changes))):
        found = list(nodes(root))
        node = draw(st.sampled_from(found))
        match draw(st.sampled_from(["replace", "copy", "rename", "drop", "repeat", "move", "wrap"])):
            case "copy":
                node.value = deepcopy(draw(st.sampled_from(found)).value)
            case "rename" if isinstance(node.value, Pairs) and node.value:
                draw(st.sampled_from(node.value)).key = draw(keys)
            case "drop" if isinstance(node.value, list) and node.value:
                node.value.pop(draw(st.integers(0, len(node.value) - 1)))
            case "repeat" if isinstance(node.value, list) and node.value:
                node.value.append(deepcopy(draw(st.sampled_from(node.value))))
            case "move" if isinstance(node.value, list) and node.value:
                node.value.append(node.value.pop(draw(st.integers(0, len(node.value) - 1))))
            case "wrap":
                node.value = [Node(node.value)]
            case _:
                node.value = tree_of(draw(values)).value
    return root


@st.composite
def spliced(draw: st.DrawFn, documents: st.SearchStrategy[bytes], pieces: st.SearchStrategy[bytes]) -> bytes:
    """Draw a document in which a few stretches of bytes gave way to other bytes."""
    document = bytearray(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(document)))
        document[start : start + draw(st.integers(0, 8))] = draw(pieces)
    return bytes(document)
