"""What every test against real servers is given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import servers
from tests.stack.processes import Processes

__all__ = ["module_processes", "processes", "servers"]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """The processes of this test; all of them end with it."""
    started = Processes(tmp_path)
    yield started
    started.end()


@pytest.fixture(scope="module")
def module_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """The processes that the tests of a module share; all of them end with it."""
    started = Processes(tmp_path_factory.mktemp("processes"))
    yield started
    started.end()
