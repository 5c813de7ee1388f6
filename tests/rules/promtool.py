"""Promtool, as the tests of rules call it."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from prometheus.table import bounce_alerts, bounces, settings
from tests.rules.needed import Group, Test, needed
from tests.yaml_files import from_yaml

PROMETHEUS = Path(__file__).parents[2] / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
BOUNCE_FILES = tuple(
    PROMETHEUS / "rules" / f"{file.name}.yml" for file in (settings.FILE, bounces.FILE, bounce_alerts.FILE)
)
"""What the bounce alerts are made of."""
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.test.yml"))

SPARING = {"GOGC": "400", "GOMAXPROCS": "1"}
"""Collect garbage a quarter as often, and on one processor: other tests use the others."""
GIVING_WAY = ("nice", "-n", "10")
"""It computes for long, and other tests wait for servers whose time runs 20 or 60 times as fast."""

Entry = tuple[Path, int]
"""A file of unit tests, and the place of one test in it."""

ENTRIES: dict[str, Entry] = {
    f"{path.name.removesuffix('.test.yml')}: {test['name']}": (path, place)
    for path in TEST_FILES
    for place, test in enumerate(from_yaml(path.read_text())["tests"])
}
"""Every test of the files by its file and name. Each is run alone, so that several run at once."""


def promtool(*arguments: str | Path, program: str | Path = "promtool") -> subprocess.CompletedProcess[str]:
    """Run promtool and return how it ended."""
    return subprocess.run(
        [*GIVING_WAY, program, *arguments],
        env={**os.environ, **SPARING},
        capture_output=True,
        text=True,
        check=False,
    )


def groups_of(paths: Iterable[Path]) -> list[Group]:
    """Return the groups of files of rules, in order."""
    return [group for path in paths for group in from_yaml(path.read_text())["groups"]]


def run_test(
    test: Test, groups: Iterable[Group], folder: Path, *, program: str | Path = "promtool", **settings: object
) -> str:
    """Run a unit test on those of the rules that it needs; return what promtool says of a failure.

    The settings are those of a file of unit tests, such as `evaluation_interval`.
    """
    (folder / "rules.yml").write_text(json.dumps({"groups": needed(groups, test)}))  # JSON is YAML
    file = {**settings, "rule_files": ["rules.yml"], "tests": [test]}
    (folder / "unit.test.yml").write_text(json.dumps(file))
    run = promtool("test", "rules", folder / "unit.test.yml", program=program)
    return "" if run.returncode == 0 else run.stdout + run.stderr or f"ended with {run.returncode}"


def run_entry(entry: Entry, folder: Path, program: str | Path = "promtool") -> str:
    """Run one test of a file alone; return what promtool says of a failure, nothing when it passes."""
    path, place = entry
    file = from_yaml(path.read_text())
    groups = groups_of(path.parent / name for name in file.pop("rule_files"))
    return run_test(file.pop("tests")[place], groups, folder, program=program, **file)
