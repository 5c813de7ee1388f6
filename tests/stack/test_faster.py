"""Faster time changes durations alone, and all of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.faster import KEYS, SPAN, expression, faster, span
from tests.yaml_files import from_yaml

SHIPPED = Path(__file__).parents[2] / "prometheus"
FILES = sorted(
    path for folder in ("rules/*.yml", "vmalert/*.yml", "*.example.yml") for path in SHIPPED.glob(folder)
)
FACTOR = 60
TEXT = re.compile(r'"[^"]*"')
DURATION = re.compile(rf'(?<![\w"]){SPAN}|(?<=\)\), )[\d.]+|(?<=:seconds, )[\d.]+|(?<=:seconds > )[\d.]+')


@pytest.mark.parametrize(
    ("shipped", "shorter"),
    [
        ("increase(x_total[1d])", "increase(x_total[1440000ms])"),
        ("sum_over_time(a:b:increase1h[167h59m:1h])", "sum_over_time(a:b:increase1h[10079000ms:60000ms])"),
        ("x[2h] offset 7d", "x[120000ms] offset 10080000ms"),
        ('x{window="1d"} > 0.5', 'x{window="1d"} > 0.5'),
        ("clamp_min(3 * a:b:seconds, 300)", "clamp_min(3 * a:b:seconds, 5)"),
        ("a:b:seconds > 1200", "a:b:seconds > 20"),
        ("3.0902 ^ 2 / (x >= 20)", "3.0902 ^ 2 / (x >= 20)"),
        ("sends within 24 h", "sends within 24 h"),
    ],
)
def test_an_expression_changes_by_its_durations(shipped: str, shorter: str) -> None:
    assert expression(shipped, FACTOR) == shorter


def test_a_tree_changes_by_its_durations() -> None:
    rule = {"expr": "x[5m] > 3", "for": "5m", "labels": {"window": "1d"}}
    tree = {"groups": [{"interval": "1m", "limit": 7, "rules": [rule]}]}
    shorter = {"expr": "x[5000ms] > 3", "for": "5000ms", "labels": {"window": "1d"}}
    assert faster(tree, FACTOR) == {"groups": [{"interval": "1000ms", "limit": 7, "rules": [shorter]}]}


def test_what_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="found 'soon'"):
        span("soon", FACTOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_duration_of_a_shipped_file_is_missed(path: Path) -> None:
    """Looked for in another way: words that look like durations, and seconds as numbers beside `time()`."""
    for key, text in strings(faster(from_yaml(path.read_text()), FACTOR)):
        if key in KEYS:
            assert re.fullmatch(r"\d+ms", text)
        if key == "expr":
            bare = TEXT.sub("", text)
            assert [found for found in re.findall(rf"\b{SPAN}\b", bare) if not found.endswith("ms")] == []
            if "time()" in bare:
                assert [number for number in re.findall(r"[ (](\d+)\b", bare) if int(number) >= FACTOR] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_else_of_a_shipped_file_is_touched(path: Path) -> None:
    shipped = from_yaml(path.read_text())
    before, after = (
        [(key, DURATION.sub("...", text)) for key, text in strings(tree)]
        for tree in (shipped, faster(shipped, FACTOR))
    )
    assert before == after


def strings(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - as YAML gives it
    """Yield the texts of a tree, each with the key that it is under."""
    if isinstance(tree, dict):
        for name, part in tree.items():
            yield from strings(part, name)
    elif isinstance(tree, list):
        for part in tree:
            yield from strings(part, key)
    elif isinstance(tree, str):
        yield key, tree
