"""The rooms of the package: imports go one way, and what is pure stays so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "exporter"
FLOORS = (
    ("atomic", "catalogue", "hanging", "lifetime", "nouns", "simulator", "wilson"),
    ("config",),
    ("answers", "background", "log", "vital"),
    ("textformat", "sendkit"),
    ("fleet",),
    ("exposition",),
    ("page", "polling"),
    ("exporter",),
    ("web",),
    ("daemon",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
"""From the ground up; a room imports from the floors below its own."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PURE = ("catalogue", "answers", "textformat", "fleet", "exposition")
CLOCKS_AND_SERVERS = {"httpx", "apscheduler", "starlette", "uvicorn", "time", "datetime.datetime"}


def _imports(path: Path) -> Iterator[str]:
    """Yield the names that a file imports, as `module` and as `module.name`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in FLOOR_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below_its_own(path: Path) -> None:
    own = _room(path)
    rooms = {name.split(".")[1] for name in _imports(path) if name.startswith("exporter.")} - {own}
    assert {room: FLOOR_OF[room] for room in rooms if FLOOR_OF[room] >= FLOOR_OF[own]} == {}


def test_every_room_has_a_floor() -> None:
    rooms = {_room(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms == FLOOR_OF.keys()


@pytest.mark.parametrize(
    "path", [path for path in FILES if _room(path) in PURE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_what_is_known_and_shown_needs_no_clock_and_no_server(path: Path) -> None:
    assert {*_imports(path)} & CLOCKS_AND_SERVERS == set()


UNIT = Path(__file__).parent
OF_WHOLE_EXPORTERS = {
    "tests.exporting",
    "tests.commands.run",
    "tests.commands.run_beside",
    "tests.commands.COMMAND",
}


def test_no_unit_test_runs_a_whole_exporter() -> None:
    """Such tests are slow, and have the folder `tests/integration`."""
    found = {str(path): {*_imports(path)} & OF_WHOLE_EXPORTERS for path in UNIT.rglob("*.py")}
    assert {path for path, imports in found.items() if imports} == set()
