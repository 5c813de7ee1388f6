"""The simulated API on a port of its own, in the test's own process."""

import asyncio
from dataclasses import dataclass
from typing import Self

from exporter.simulator import ScenarioRequest, Simulation, create_app
from exporter.web.server import Server, http_server, listen, shown_address


@dataclass(slots=True)
class SimulatedApi:
    """An async context manager that serves a simulation at `url`."""

    simulation: Simulation
    url: str = ""
    _server: Server | None = None
    _serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listener = listen("127.0.0.1:0")
        self.url = f"http://{shown_address(listener)}"
        self._server = http_server(create_app(self.simulation))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        assert self._serving
        self._server.should_exit = True
        await self._serving

    def start(self, name: str, **parameters: object) -> None:
        """Start a scenario."""
        self.simulation.start(ScenarioRequest(name, parameters))

    def asked(self, path: str) -> int:
        """Return how many requests for a path the first workspace there were."""
        return self.simulation.requests[self.simulation.workspaces[0].id, path]
