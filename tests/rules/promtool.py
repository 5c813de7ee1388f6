"""Promtool, as the tests of rules call it."""

import os
import subprocess
from pathlib import Path

import yaml

from tests.yaml_files import from_yaml

PROMETHEUS = Path(__file__).parents[2] / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.test.yml"))

SPARING = {"GOGC": "400", "GOMAXPROCS": "1"}
"""Collect garbage a quarter as often, and on one processor: other tests use the others."""

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
        [program, *arguments],
        env={**os.environ, **SPARING},
        capture_output=True,
        text=True,
        check=False,
    )


def run_entry(entry: Entry, folder: Path, program: str | Path = "promtool") -> str:
    """Run one test of a file alone; return what promtool says of a failure, nothing when it passes."""
    path, place = entry
    loaded = from_yaml(path.read_text())
    rules = [str(path.parent / name) for name in loaded["rule_files"]]
    alone = loaded | {"rule_files": rules, "tests": [loaded["tests"][place]]}
    (folder / path.name).write_text(yaml.safe_dump(alone))
    run = promtool("test", "rules", folder / path.name, program=program)
    return "" if run.returncode == 0 else run.stdout + run.stderr or f"ended with {run.returncode}"
