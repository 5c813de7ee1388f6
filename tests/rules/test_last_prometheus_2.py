"""The alerts' unit tests on the last Prometheus 2, between both ends of the range."""

from pathlib import Path

import pytest

from tests.rules.promtool import ENTRIES, Entry, promtool, run_entry
from tests.servers import LAST_2

PROMTOOL = LAST_2 / "promtool"
LONGEST = ("bounces", "mailboxes", "no-stall", "recovery", "replies", "slow-burn")
"""Files that take minutes: they run on both ends of the range alone."""
SHORTER = {name: entry for name, entry in ENTRIES.items() if not name.startswith(LONGEST)}


def test_the_last_prometheus_2_is_what_debian_13_has() -> None:
    version = promtool("--version", program=PROMTOOL).stdout
    assert version.startswith("promtool, version 2.53"), version


@pytest.mark.parametrize("entry", SHORTER.values(), ids=SHORTER)
def test_the_unit_tests_of_the_rules_pass_on_the_last_prometheus_2(entry: Entry, tmp_path: Path) -> None:
    assert run_entry(entry, tmp_path, PROMTOOL) == ""
