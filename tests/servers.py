"""The servers that people run: the oldest ones that are meant, and today's (tests/install-servers)."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NEWEST = Path(__file__).parents[1] / "build/servers/usr/bin"
LAST_2 = NEWEST.parents[1] / "trixie/usr/bin"
"""The promtool of the last Prometheus 2, as Debian 13 has it: between both ends of the range."""
ALERTMANAGERS = ("prometheus-alertmanager", "alertmanager")
"""Its names: as Debian calls it, and as it is released."""
RANGE = {"system": None, "newest": NEWEST}
"""Where the programs are, where that is not on the path."""


@contextmanager
def on_path(end: str) -> Iterator[None]:
    """Put the programs of one end of the range first on the path, while the context lasts."""
    folder = RANGE[end]
    assert folder is None or (folder / "prometheus").exists(), "make servers installs today's servers"
    with pytest.MonkeyPatch.context() as patch:
        if folder:
            patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture(params=RANGE)
def servers(request: pytest.FixtureRequest) -> Iterator[str]:
    """Put the programs of one end of the range first on the path."""
    with on_path(request.param):
        yield request.param


def alertmanager_program() -> str:
    """Return the name that Alertmanager has on this machine."""
    return next((name for name in ALERTMANAGERS if shutil.which(name)), ALERTMANAGERS[-1])
