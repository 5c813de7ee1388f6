"""The paths under /simulator: what the simulated world is, what is true in it, and its scenarios."""

import json
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from math import isinf

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.simulator.caller import simulation_of, window_of
from exporter.simulator.scenarios import Scenario, ScenarioRequest
from exporter.simulator.simulation import Simulation
from exporter.simulator.troubles import SCENARIOS


async def _description(request: Request) -> Response:
    """Answer GET /simulator: what this world is, and how to steer it."""
    simulation = simulation_of(request)
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
    simulation, window = simulation_of(request), window_of(request)
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
    simulation, name, body = simulation_of(request), request.path_params["name"], await request.body()
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
    simulation, wanted = simulation_of(request), request.path_params["id"]
    for scenario in simulation.scenarios():
        if str(scenario.id) == wanted:
            await run_in_threadpool(simulation.stop, scenario.id)
            return JSONResponse(_described(scenario, simulation))
    raise HTTPException(HTTPStatus.NOT_FOUND, f"no active scenario has the id {wanted!r}")


async def _stop_all(request: Request) -> Response:
    """Answer DELETE /simulator/scenarios."""
    simulation = simulation_of(request)
    stopped = simulation.scenarios()
    for scenario in stopped:
        with suppress(KeyError):  # it has ended by itself meanwhile
            await run_in_threadpool(simulation.stop, scenario.id)
    return JSONResponse([_described(scenario, simulation) for scenario in stopped])


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


ROUTES = (
    Route("/simulator", _description),
    Route("/simulator/truth", _truth),
    Route("/simulator/scenarios", _stop_all, methods=["DELETE"]),
    Route("/simulator/scenarios/{name}", _start, methods=["POST"]),
    Route("/simulator/scenarios/{id}", _stop, methods=["DELETE"]),
)
