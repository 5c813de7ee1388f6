"""The simulated API on a port of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from exporter.simulator import Simulation, create_app, plans, population
from exporter.simulator.fleet import Workspace
from exporter.simulator.plans import Plans, drawn
from exporter.simulator.population import Era, build
from exporter.simulator.profiles import Profile
from tests.world import NOON

_built: dict[tuple[int, int, int, Era, int], tuple[Workspace, ...]] = {}
_drawn: dict[tuple[int, int], tuple[Workspace, Plans]] = {}


def _built_once(
    mailboxes: int, workspaces: int, seed: int, era: Era, profile: Profile
) -> tuple[Workspace, ...]:
    key = mailboxes, workspaces, seed, era, id(profile)  # profiles are constants
    if key not in _built:
        _built[key] = build(mailboxes, workspaces, seed, era, profile)
    return _built[key]


def _drawn_once(workspace: Workspace, day: int) -> Plans:
    key = id(workspace), day  # its own hash is that of all its mailboxes
    if key not in _drawn:
        _drawn[key] = workspace, drawn(workspace, day)
    return _drawn[key][1]


@pytest.fixture(autouse=True)
def _draws_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw a fleet and the mails of its days once for all tests: neither ever changes."""
    monkeypatch.setattr(population, "build", _built_once)
    monkeypatch.setattr(plans, "drawn", _drawn_once)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Starlette, httpx.Client]]:
    """The application on a port of its own, and a client of it."""
    app = create_app(Simulation(0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        port = listener.getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            yield app, client
        server.should_exit = True
        thread.join()


@pytest.fixture
def simulation() -> Simulation:
    """A small world in which no time passes, so that answers can be compared."""
    return Simulation(60, workspaces=3, start=NOON, clock=lambda: 0.0)


@pytest.fixture
def api(served: tuple[Starlette, httpx.Client], simulation: Simulation) -> httpx.Client:
    """A client of the API, which serves the test's own world."""
    app, client = served
    app.state.simulation = simulation
    return client


@pytest.fixture
def key(simulation: Simulation) -> dict[str, str]:
    """The headers that name the first workspace's key."""
    return {"X-Api-Key": simulation.workspaces[0].key}


@pytest.fixture
def other_key(simulation: Simulation) -> dict[str, str]:
    """The headers that name the second workspace's key."""
    return {"X-Api-Key": simulation.workspaces[1].key}
