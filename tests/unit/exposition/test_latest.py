"""A scrape of everything gets the last body, however long the next one takes to assemble."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from exporter.exposition import store as store_module
from exporter.exposition.assembly import Assembly
from exporter.exposition.store import Store
from exporter.fleet.key import Key
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import families
from exporter.textformat.body import Piece, assemble
from exporter.textformat.lines import Format
from tests.samples import Samples
from tests.waiting import PAUSE_SECONDS

pytestmark = pytest.mark.anyio


class Shown:
    """A fleet of workspaces that show one sample each, and its store."""

    def __init__(self, *labels: str) -> None:
        self.fleet = Fleet()
        self.store = Store(self.fleet, families())
        self.workspaces = {label: Workspace(Key(label), "agency", label, label) for label in labels}
        for workspace in self.workspaces.values():
            self.fleet.add(workspace)
            self.put(workspace)

    def put(self, workspace: Workspace, value: int = 1) -> None:
        """Show a workspace with that value."""
        line = b'sendkit_up{workspace="%s",window="all"} %d\n' % (workspace.label.encode(), value)
        workspace.own = {"sendkit_up": Piece.of([line])}
        self.store.changed(workspace.label)

    async def latest(self) -> dict[str, float]:
        """Return the value of every workspace as a scrape gets it."""
        body = await self.store.latest(Format.TEXT)
        samples = Samples(b"".join(body.plain).decode())
        return {dict(labels)["workspace"]: value for _, labels, value in samples}

    async def shows(self, values: dict[str, float]) -> None:
        """Wait until a scrape gets exactly these values."""
        async with asyncio.timeout(5):
            while True:
                if await self.latest() == values:
                    return
                await asyncio.sleep(PAUSE_SECONDS)


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let assemblies hang while the event is not set; it is set at first."""
    going_on = threading.Event()
    going_on.set()
    during(monkeypatch, lambda: going_on.wait(20))
    yield going_on
    going_on.set()


def during(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something in each assembly."""
    assemble = Assembly.assemble

    def doing(assembly: Assembly, workspaces: Sequence[Any]) -> object:
        do()
        return assemble(assembly, workspaces)

    monkeypatch.setattr(Assembly, "assemble", doing)


async def test_the_last_body_is_handed_out_while_the_next_one_is_assembled(hold: threading.Event) -> None:
    shown = Shown("acme", "beta")
    assert await shown.latest() == {"acme": 1, "beta": 1}

    hold.clear()
    shown.put(shown.workspaces["acme"], 0)
    for _ in range(20):
        assert await asyncio.wait_for(shown.latest(), 1) == {"acme": 1, "beta": 1}
        await asyncio.sleep(PAUSE_SECONDS)

    hold.set()
    await shown.shows({"acme": 0, "beta": 1})


async def test_the_first_scrape_waits_for_the_first_body_and_blocks_nothing(hold: threading.Event) -> None:
    hold.clear()
    shown = Shown("acme")
    scrape = asyncio.create_task(shown.latest())
    await asyncio.sleep(0.2)  # the loop turns
    assert not scrape.done()
    hold.set()
    assert await scrape == {"acme": 1}


async def test_a_scrape_is_not_held_up_for_ever_by_the_first_body(
    hold: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.exposition.store._FIRST_BODY_SECONDS", 0.1)
    hold.clear()
    assert await Shown("acme").latest() == {}


async def test_no_workspace_at_all_is_nothing_to_wait_for() -> None:
    assert await Shown().latest() == {}


async def test_any_number_of_changes_is_one_assembly_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assemblies: list[int] = []
    during(monkeypatch, lambda: assemblies.append(1))
    shown = Shown(*(f"w{number}" for number in range(100)))
    for value in range(10):
        for workspace in shown.workspaces.values():
            shown.put(workspace, value)
        await asyncio.sleep(0)
    await shown.shows(dict.fromkeys(shown.workspaces, 9))
    assert len(assemblies) <= 2


async def test_assemblies_take_a_fifth_of_a_core_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assemblies: list[float] = []
    clock = asyncio.get_running_loop().time

    def slow() -> None:
        assemblies.append(clock())
        began = time.thread_time()
        while time.thread_time() - began < 0.1:
            pass

    during(monkeypatch, slow)
    shown = Shown("acme")
    while len(assemblies) < 4:
        shown.put(shown.workspaces["acme"], len(assemblies))
        await asyncio.sleep(PAUSE_SECONDS)
    assert all(after - before >= 0.5 for before, after in pairwise(assemblies))


async def test_an_assembly_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [MemoryError(), ValueError()]

    def fail() -> None:
        if failures:
            raise failures.pop()

    during(monkeypatch, fail)
    assert await Shown("acme").latest() == {"acme": 1}
    assert failures == []


async def test_workspaces_that_go_or_swap_their_labels_are_shown_so_and_never_twice() -> None:
    shown = Shown("acme", "beta", "gamma")
    await shown.shows({"acme": 1, "beta": 1, "gamma": 1})
    acme, beta, gamma = shown.workspaces.values()

    shown.fleet.forget(gamma, now=0)
    shown.store.changed(gamma.label)
    await shown.shows({"acme": 1, "beta": 1})

    for workspace, label in ((acme, "beta"), (beta, "acme")):
        shown.store.changed(workspace.label)
        workspace.label = label
    shown.put(acme, 2)
    shown.put(beta, 3)
    await shown.shows({"beta": 2, "acme": 3})


async def test_many_workspaces_by_name_are_assembled_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    shown = Shown(*(f"w{number}" for number in range(50)))

    def noting(*arguments: Any) -> object:  # noqa: ANN401
        threads.append(threading.current_thread())
        return assemble(*arguments)

    monkeypatch.setattr(store_module, "assemble", noting)
    labels = frozenset(shown.workspaces)
    body = await shown.store.chosen(Format.TEXT, labels)
    assert len(Samples(b"".join(body.plain).decode()).by_name["sendkit_up"]) == 50
    assert threading.main_thread() not in threads
    with pytest.raises(KeyError, match="nobody"):
        await shown.store.chosen(Format.TEXT, labels | {"nobody"})
