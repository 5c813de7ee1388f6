"""The simulated API over HTTP: the documented paths, and those under /simulator that steer it."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import isinf
from typing import Self

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.simulator.faults import dripped, faulty, refusal
from exporter.simulator.fleet import Workspace
from exporter.simulator.scenarios import Scenario, ScenarioRequest
from exporter.simulator.simulation import Answer, Simulation
from exporter.simulator.troubles import SCENARIOS
from exporter.simulator.windows import Window


def create_app(simulation: Simulation) -> Starlette:
    """Return the application that serves a simulation; uvicorn is to run it."""
    app = Starlette(
        routes=[
            Route("/v1/analytics/mailboxes", _mailboxes),
            Route("/v1/workspaces", _workspaces),
            Route("/simulator", _description),
            Route("/simulator/truth", _truth),
            Route("/simulator/scenarios", _stop_all, methods=["DELETE"]),
            Route("/simulator/scenarios/{name}", _start, methods=["POST"]),
            Route("/simulator/scenarios/{id}", _stop, methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: _refusal},
    )
    app.state.simulation = simulation
    return app


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who sent a request, by its key and its X-Workspace-Id."""

    simulation: Simulation
    key: str
    workspace_id: str | None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the headers of a request."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = request.headers.get("X-Api-Key") or (token.strip() if scheme.lower() == "bearer" else "")
        return cls(_simulation(request), key, request.headers.get("X-Workspace-Id"))

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

    def workspace_if_any(self) -> Workspace | None:
        """Return the one workspace the request is about, or None where the API would refuse."""
        try:
            return self.workspace()
        except HTTPException:
            return None


async def _mailboxes(request: Request) -> Response:
    """Answer GET /v1/analytics/mailboxes: all mailboxes of one workspace."""
    caller = _Caller.of(request)
    fault = _fault(request, caller)
    if (response := await faulty(request, fault)) is not None:
        return response
    workspace, window = caller.workspace(), _window(request)
    shape = caller.simulation.shape(workspace)
    answer = await run_in_threadpool(caller.simulation.answer, workspace, window, shape)
    return _response(request, fault, answer)


async def _workspaces(request: Request) -> Response:
    """Answer GET /v1/workspaces: those that the key may see."""
    caller = _Caller.of(request)
    fault = _fault(request, caller)
    if (response := await faulty(request, fault)) is not None:
        return response
    described = [workspace.described() for workspace in caller.workspaces()]
    for altering in caller.simulation.altering(caller.workspace_if_any()):
        if altering.name == "workspaces_missing":
            described = described[: round(altering.number("share") * len(described))]
    return _response(request, fault, Answer.of(json.dumps({"success": True, "data": described}).encode()))


async def _description(request: Request) -> Response:
    """Answer GET /simulator: what this world is, and how to steer it."""
    simulation = _simulation(request)
    return JSONResponse(
        {
            "now": simulation.now().isoformat(),
            "seed": simulation.seed,
            "speed": simulation.speed,
            "profile": simulation.profile,
            "platformKey": simulation.platform_key,
            "foreignWorkspaceId": simulation.foreign_workspace_id,
            "workspaces": [
                {
                    "id": workspace.id,
                    "name": workspace.name,
                    "key": workspace.key,
                    "mailboxes": len(workspace.mailboxes),
                    "domains": workspace.domains,
                }
                for workspace in simulation.workspaces
            ],
            "scenarios": [_described(scenario, simulation) for scenario in simulation.scenarios()],
            "available": {
                name: {
                    "about": kind.about,
                    "level": kind.level,
                    "parameters": {key: value.described() for key, value in kind.parameters.items()},
                }
                for name, kind in SCENARIOS.items()
            },
        }
    )


async def _truth(request: Request) -> Response:
    """Answer GET /simulator/truth: what the API would say now without faults, and who asked how often."""
    simulation, window = _simulation(request), _window(request)
    requests: dict[str, dict[str, int]] = defaultdict(dict)
    for (workspace_id, path), count in simulation.requests.items():
        requests[workspace_id][path] = count
    answers = {
        workspace.id: json.loads((await run_in_threadpool(simulation.answer, workspace, window)).plain)
        for workspace in simulation.workspaces
    }
    mailboxes = {
        workspace_id: {mailbox["_id"]: mailbox for mailbox in answer["data"]}
        for workspace_id, answer in answers.items()
    }
    now = simulation.now().isoformat()
    return JSONResponse({"now": now, "workspaces": mailboxes, "requests": requests})


async def _start(request: Request) -> Response:
    """Answer POST /simulator/scenarios/NAME, with the parameters as a JSON object in the body, if any."""
    simulation, name, body = _simulation(request), request.path_params["name"], await request.body()
    if name not in SCENARIOS:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no scenario is called {name!r}: {', '.join(SCENARIOS)}")
    try:
        parameters = json.loads(body or b"{}")
        if not isinstance(parameters, dict):
            raise ValueError("the parameters of a scenario are a JSON object")  # noqa: TRY301, TRY004 - told below
        scenario = await run_in_threadpool(simulation.start, ScenarioRequest(name, parameters))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
    return JSONResponse(_described(scenario, simulation), HTTPStatus.CREATED)


async def _stop(request: Request) -> Response:
    """Answer DELETE /simulator/scenarios/ID."""
    simulation, wanted = _simulation(request), request.path_params["id"]
    for scenario in simulation.scenarios():
        if str(scenario.id) == wanted:
            await run_in_threadpool(simulation.stop, scenario.id)
            return JSONResponse(_described(scenario, simulation))
    raise HTTPException(HTTPStatus.NOT_FOUND, f"no active scenario has the id {wanted!r}")


async def _stop_all(request: Request) -> Response:
    """Answer DELETE /simulator/scenarios."""
    simulation = _simulation(request)
    stopped = simulation.scenarios()
    for scenario in stopped:
        await run_in_threadpool(simulation.stop, scenario.id)
    return JSONResponse([_described(scenario, simulation) for scenario in stopped])


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(HTTPStatus(error.status_code), error.detail, error.headers)


def _simulation(request: Request) -> Simulation:
    simulation = request.app.state.simulation
    assert isinstance(simulation, Simulation)
    return simulation


def _fault(request: Request, caller: _Caller) -> Scenario | None:
    """Count a request to the API and return the fault it meets, if any."""
    workspace = caller.workspace_if_any()
    caller.simulation.requests[workspace.id if workspace else "", request.url.path] += 1
    return caller.simulation.fault(workspace)


def _window(request: Request) -> Window:
    try:
        return Window.parsed(request.query_params.get("from"), request.query_params.get("to"))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error


def _response(request: Request, fault: Scenario | None, answer: Answer) -> Response:
    """Return an answer as the client accepts it and the fault lets it."""
    if fault and fault.name == "slow" and fault.text("mode") == "drip":
        return dripped(answer.plain, fault.number("delay"))
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.gzip, headers=headers, media_type="application/json")
    return Response(answer.plain, headers=headers, media_type="application/json")


def _described(scenario: Scenario, simulation: Simulation) -> dict[str, object]:
    """Return a scenario as the control paths show it."""
    period = scenario.period
    return {
        "id": scenario.id,
        "name": scenario.name,
        "parameters": scenario.values,
        "workspaceId": scenario.workspace_id,
        "startsAt": None if isinf(period.start) else datetime.fromtimestamp(period.start, UTC).isoformat(),
        "endsAt": None if isinf(period.end) else datetime.fromtimestamp(period.end, UTC).isoformat(),
        "isActive": period.covers(simulation.now().timestamp()),
    }
