"""What every test relies on, and which tests run in the same process."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

settings.register_profile("sendkit", deadline=None)  # a busy machine is no failure
settings.register_profile("quick", deadline=None, max_examples=25)  # of 100, for `make unit`
settings.load_profile("sendkit")

TESTS = Path(__file__).parent
FOLDERS = ("stack", "rules", "fuzz", "integration", "unit")
"""The folders of tests, the one with the slowest tests first."""
SHORT = ("unit",)
"""The folders of thousands of tests that take milliseconds."""


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines as the exporter does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _authorities_are_read_once() -> Iterator[None]:
    """Read the public certificate authorities once, unless the environment names other ones.

    Each client has them read, which takes it longer than most tests take.
    """
    create, names = httpx.create_ssl_context, ("SSL_CERT_FILE", "SSL_CERT_DIR")
    public = functools.cache(create)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", lambda: create() if {*names} & {*os.environ} else public())
        yield


@pytest.hookimpl(trylast=True)  # the seed is known then
def pytest_configure(config: pytest.Config) -> None:
    """Give the processes of a run the same order of sets, on which names of tests may depend."""
    os.environ.setdefault("PYTHONHASHSEED", str(config.getoption("randomly_seed", 0) % 2**32))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep tests that share a module's fixture, such as a running server, in one process.

    So are the short ones of a file, as each group costs time to hand out. Other tests run in any process,
    unless they have a mark `xdist_group` of their own.
    """
    is_short = item.path.relative_to(TESTS).parts[0] in SHORT
    if not item.get_closest_marker("xdist_group") and (is_short or shares_with_its_module(item)):
        item.add_marker(pytest.mark.xdist_group(item.path.relative_to(TESTS).with_suffix("").as_posix()))


def shares_with_its_module(item: pytest.Item) -> bool:
    """Whether a test uses a fixture that lives as long as the module's tests run."""
    return isinstance(item, pytest.Function) and any(
        fixture.scope == "module" and fixture.baseid  # not a plugin's
        for fixtures in item._fixtureinfo.name2fixturedefs.values()  # noqa: SLF001 - known nowhere else
        for fixture in fixtures
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start what takes longest first, so that no process works on alone in the end.

    That is what has the longest time limit, and then the slow folders. Among equals, the order is random.
    """
    items.sort(
        key=lambda item: (-time_limit(item), FOLDERS.index(item.path.relative_to(TESTS).parts[0])),
    )


def time_limit(item: pytest.Item) -> float:
    """Return the seconds of a test's own time limit; 0 when it has none."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0
