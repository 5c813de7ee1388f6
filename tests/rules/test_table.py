"""The table of rules, and the files that are written from it."""

from collections import Counter

import pytest

from prometheus import build, table
from prometheus.table import ALERTS
from prometheus.table.incidents import REASONS
from prometheus.table.rule import Record
from tests.yaml_files import from_yaml

FILES = build.files()


@pytest.mark.parametrize("path", FILES)
def test_a_committed_file_is_what_the_table_writes(path: str) -> None:
    """`make rules` writes it."""
    assert (build.ROOT / path).read_text() == FILES[path]


def test_no_file_of_rules_is_left_from_an_older_table() -> None:
    for folder in ("prometheus/rules", "prometheus/vmalert"):
        found = {f"{folder}/{path.name}" for path in (build.ROOT / folder).iterdir()}
        assert found == {path for path in FILES if path.startswith(f"{folder}/")}


def test_every_alert_that_inhibits_another_is_an_alert_and_says_why() -> None:
    named = {name for alert in ALERTS.values() for name in alert.inhibited_by}

    assert named <= set(ALERTS)
    assert named <= set(REASONS)


@pytest.mark.parametrize("path", [path for path in FILES if path.startswith("prometheus/rules/")])
def test_no_group_has_more_rules_than_mimir_takes(path: str) -> None:
    """Mimir refuses an upload in which a group has more than 20, its default limit."""
    for group in from_yaml(FILES[path])["groups"]:
        assert len(group["rules"]) <= 20, group["name"]


def test_every_series_is_recorded_by_one_rule() -> None:
    """Two rules would write two values of different ages under one name."""
    recorded = Counter(
        (rule.record, frozenset(rule.labels.items()))
        for file in table.FILES
        for group in file.groups
        for rule in group.rules
        if isinstance(rule, Record)
    )
    assert [name for name, times in recorded.items() if times > 1] == []
