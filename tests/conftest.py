"""What every test relies on, and which tests run in the same process."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("sendkit", deadline=None)  # a busy machine is no failure
settings.load_profile("sendkit")

TESTS = Path(__file__).parent
FOLDERS = ("stack", "rules", "fuzz", "unit")
"""Slow tests first: with several processes, none of them works on alone in the end."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the tests of a file in one process where they share servers.

    A unit test needs no company. A test with a mark `xdist_group` of its own keeps that.
    """
    path = item.path.relative_to(TESTS)
    if path.parts[0] != "unit" and not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(path.with_suffix("").as_posix()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first; within a folder, the order is random."""
    items.sort(key=lambda item: FOLDERS.index(item.path.relative_to(TESTS).parts[0]))
