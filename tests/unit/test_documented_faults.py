"""docs/faults.md names a test for each fault, and none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTED = (ROOT / "docs/faults.md").read_text()


def test_each_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?(?:::(\w+))?`", DOCUMENTED)
    assert len(named) >= 20
    for path, *names in named:
        text = (ROOT / path).read_text()
        for name in filter(None, names):
            assert re.search(rf"^\s*(async def|def|class) {name}\b", text, re.MULTILINE), f"{path}: {name}"


def test_each_row_has_a_fault_what_shows_it_how_it_ends_and_a_test() -> None:
    rows = [
        line for line in DOCUMENTED.splitlines() if line.startswith("| ") and not line.startswith("| fault")
    ]
    assert len(rows) >= 20
    for row in rows:
        fault, *cells = (cell.strip() for cell in row.strip("|").split(" | "))
        assert len(cells) == 3, fault
        assert all(cells), fault
        assert "`tests/" in cells[-1], fault
