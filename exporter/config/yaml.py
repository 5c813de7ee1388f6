"""YAML files, read strictly: plain values, no key twice, no expansion of aliases without bound."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from exporter.config import files

MAX_FILE_BYTES = 2**20
MAX_EXPANDED_VALUES = 200_000

_NUMBERS: Mapping[str, re.Pattern[str]] = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$"),
    "tag:yaml.org,2002:float": re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
    ),
}

# What PyYAML's constructors raise for values such as `2024-99-99`, `!!int x`, `!!timestamp x`.
_VALUE_ERRORS = (ValueError, LookupError, AttributeError, ArithmeticError)

_TABS = "a tab, where YAML takes spaces alone"


class _Loader(yaml.SafeLoader):
    """Reads numbers as people write them: `1:30` is no 90, and `010` is no 8."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, form) for tag, form in resolvers if tag not in _NUMBERS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _tag, _form in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, _form, list("-+.0123456789"))


class YamlFileError(Exception):
    """A file that cannot be used; `details` holds each fault with its line and column, and no value."""

    def __init__(self, message: str, details: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []


def read(path: Path) -> object:
    """Return what a YAML file holds (None when it is empty).

    Raises YamlFileError when it cannot be read, is no UTF-8, is no YAML, or repeats a key.
    """
    try:
        content = files.read(path, MAX_FILE_BYTES)
    except files.FileError as error:
        raise YamlFileError(str(error)) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlFileError(f"is not UTF-8 text (line {line})") from None
    return parse(text)


def parse(text: str) -> object:
    """Return what a YAML text holds; raises YamlFileError as `read` does."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_expansion(node)
        if repeated := list(_repeated_keys(node)):
            raise YamlFileError("repeats keys", repeated)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise YamlFileError("is not YAML", [_told(error, text)]) from None
    except RecursionError:
        raise YamlFileError("is nested too deeply") from None
    except _VALUE_ERRORS:
        raise YamlFileError("holds a value that does not fit its YAML tag") from None


def _children(node: Node) -> Iterator[Node]:
    """Yield the nodes right inside a node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif not isinstance(node, ScalarNode):
        yield from node.value


def _refuse_expansion(root: Node) -> None:
    """Refuse a tree that contains itself, or whose aliases make it huge when each is followed."""
    expanded: dict[Node, int] = {}

    def expand(node: Node) -> int:
        if node not in expanded:
            expanded[node] = MAX_EXPANDED_VALUES  # until the node is counted: one that holds itself
            expanded[node] = 1 + sum(map(expand, _children(node)))
        return expanded[node]

    if expand(root) > MAX_EXPANDED_VALUES:
        raise YamlFileError("holds aliases that expand without bound")


def _repeated_keys(root: Node) -> Iterator[str]:
    """Yield, for each key that a mapping has twice, its place."""
    seen: set[Node] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        waiting.extend(reversed([*_children(node)]))
        if isinstance(node, MappingNode):
            first_lines: dict[tuple[str, str], int] = {}
            for key in (key for key, _ in node.value if isinstance(key, ScalarNode)):
                line = key.start_mark.line + 1
                if (key.tag, key.value) in first_lines:
                    first = first_lines[key.tag, key.value]
                    yield f"line {line}: key {key.value[:60]!r} stands at line {first} already"
                first_lines.setdefault((key.tag, key.value), line)


def _told(error: yaml.YAMLError, text: str) -> str:
    """Return an error of syntax with its line and column, and without the text that is there."""
    problem: Any = getattr(error, "problem", None) or getattr(error, "reason", None) or "bad syntax"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    else:  # a reader's error has its place as an offset
        before = text[: getattr(error, "position", 0)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    if r"'\t'" in str(problem):
        problem = _TABS
    return f"line {line}, column {column}: " + re.sub(r"(['\"]).{2,}\1", "a text", str(problem))
