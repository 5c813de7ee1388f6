"""The dashboards as Grafana loads them, and what they hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "grafana/dashboards"
FILES = sorted(FOLDER.glob("*.json"))
Object = dict[str, Any]


def shipped_rules() -> Iterator[Object]:
    """Yield the rules, which record what dashboards read and lead to them."""
    for path in (ROOT / "prometheus/rules").glob("*.yml"):
        for group in from_yaml(path.read_text())["groups"]:
            yield from group["rules"]


def dashboards() -> dict[str, Object]:
    """Return every dashboard by its uid."""
    return {content["uid"]: content for content in map(json.loads, (file.read_text() for file in FILES))}


def panels(dashboard: Object) -> list[Object]:
    """Return a dashboard's panels, without the rows that head them."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets() -> Iterator[tuple[str, Object, Object]]:
    """Yield the uid, the panel and the target of every query."""
    for uid, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield uid, panel, target


def variables(dashboard: Object) -> dict[str, Object]:
    """Return a dashboard's variables by their name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def values(value: object, key: str) -> Iterator[Any]:
    """Yield every value under a key, however deep."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from values(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from values(item, key)


def used_variables(text: str) -> set[str]:
    """Return the names of the variables that a text refers to, without Grafana's own."""
    names = {first or second for first, second in re.findall(r"\$(?:(\w+)|\{(\w+)[^}]*\})", text)}
    return {name for name in names if not name.startswith("__") and not name.isdigit()}


def titles(panel: Object) -> set[str]:
    """Return the titles of a table's columns."""
    organized = (step for step in panel.get("transformations", ()) if step["id"] == "organize")
    return {title for step in organized for title in step["options"]["renameByName"].values()}
