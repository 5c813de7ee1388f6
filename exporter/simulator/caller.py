"""Who sent a request, and what it is answered in the form that the client accepts."""

from collections.abc import Container
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from exporter.simulator.faults import dripped
from exporter.simulator.fleet import Workspace
from exporter.simulator.scenarios import Scenario
from exporter.simulator.simulation import Answer, Simulation
from exporter.simulator.troubles import COLLECTORS
from exporter.simulator.windows import Window


def simulation_of(request: Request) -> Simulation:
    """Return the simulation that the application serves."""
    simulation = request.app.state.simulation
    assert isinstance(simulation, Simulation)
    return simulation


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, by its key and its X-Workspace-Id."""

    simulation: Simulation
    key: str
    workspace_id: str | None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the headers of a request."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = request.headers.get("X-Api-Key") or (token.strip() if scheme.lower() == "bearer" else "")
        return cls(simulation_of(request), key, request.headers.get("X-Workspace-Id"))

    def workspaces(self) -> tuple[Workspace, ...]:
        """Return the workspaces that the key may see; raises HTTPException where the API would refuse."""
        if not self.key or self.simulation.is_revoked(self.key):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "Missing, unknown or revoked API key")
        if self.key == self.simulation.platform_key:
            return self.simulation.workspaces
        for workspace in self.simulation.workspaces:
            if workspace.key == self.key:
                if self.workspace_id is not None:
                    raise HTTPException(HTTPStatus.BAD_REQUEST, "A workspace key goes without X-Workspace-Id")
                return (workspace,)
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "Missing, unknown or revoked API key")

    def workspace(self) -> Workspace:
        """Return the one workspace the request is about; raises HTTPException where the API would refuse."""
        visible = self.workspaces()
        if self.key != self.simulation.platform_key:
            return visible[0]
        if self.workspace_id is None:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "A platform key needs X-Workspace-Id")
        if self.workspace_id == self.simulation.foreign_workspace_id:
            raise HTTPException(HTTPStatus.FORBIDDEN, "You don't have permission to access this resource")
        for workspace in visible:
            if workspace.id == self.workspace_id:
                return workspace
        raise HTTPException(HTTPStatus.NOT_FOUND, "Workspace not found")

    def workspace_seen(self, endpoint: str) -> Workspace:
        """Return the workspace as `workspace` does, unless a scenario closes an endpoint to the key."""
        workspace = self.workspace()
        for scenario in self.simulation.altering(workspace):
            status = ""
            if scenario.name == "figures_refused":
                status = "403"
            elif scenario.name == "collector_refused" and endpoint in _reach(scenario):
                status = scenario.text("status")
            if status:
                message = "You don't have permission to access this resource"
                raise HTTPException(HTTPStatus(int(status)), message)
        return workspace

    def workspace_if_any(self) -> Workspace | None:
        """Return the one workspace the request is about, or None where the API would refuse."""
        try:
            return self.workspace()
        except HTTPException:
            return None


def _reach(scenario: Scenario) -> Container[str]:
    """Return the collectors that a scenario is about."""
    endpoint = scenario.text("endpoint")
    return COLLECTORS if endpoint == "all" else {endpoint}


def fault_of(request: Request, caller: Caller) -> Scenario | None:
    """Count a request to the API and return the fault it meets, if any."""
    workspace = caller.workspace_if_any()
    caller.simulation.requests[workspace.id if workspace else "", request.url.path] += 1
    return caller.simulation.fault(workspace)


def window_of(request: Request) -> Window:
    """Return the window of `from` and `to`; raises HTTPException when they are bad."""
    try:
        return Window.parsed(request.query_params.get("from"), request.query_params.get("to"))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error


def response(request: Request, fault: Scenario | None, answer: Answer) -> Response:
    """Return an answer as the client accepts it and the fault lets it."""
    if fault and fault.name == "slow" and fault.text("mode") == "drip":
        return dripped(answer.plain, fault.number("delay"))
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.gzip, headers=headers, media_type="application/json")
    return Response(answer.plain, headers=headers, media_type="application/json")
