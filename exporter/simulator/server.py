"""The simulated API over HTTP: the documented paths, and those under /simulator that steer it."""

import json
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.simulator import collectors, control
from exporter.simulator.caller import Caller, fault_of, response, window_of
from exporter.simulator.faults import faulty, refusal
from exporter.simulator.simulation import Answer, Simulation


def create_app(simulation: Simulation) -> Starlette:
    """Return the application that serves a simulation; uvicorn is to run it."""
    app = Starlette(
        routes=[
            Route("/v1/analytics/mailboxes", _mailboxes),
            Route("/v1/workspaces", _workspaces),
            *collectors.ROUTES,
            *control.ROUTES,
        ],
        exception_handlers={HTTPException: _refusal},
    )
    app.state.simulation = simulation
    return app


async def _mailboxes(request: Request) -> Response:
    """Answer GET /v1/analytics/mailboxes: all mailboxes of one workspace."""
    caller = Caller.of(request)
    fault = fault_of(request, caller)
    if (fault_response := await faulty(request, fault)) is not None:
        return fault_response
    workspace, window = caller.workspace_seen("figures"), window_of(request)
    shape = caller.simulation.shape(workspace)
    answer = await run_in_threadpool(caller.simulation.answer, workspace, window, shape)
    return response(request, fault, answer)


async def _workspaces(request: Request) -> Response:
    """Answer GET /v1/workspaces: those that the key may see."""
    caller = Caller.of(request)
    fault = fault_of(request, caller)
    if (fault_response := await faulty(request, fault)) is not None:
        return fault_response
    described = [workspace.described() for workspace in caller.workspaces()]
    for altering in caller.simulation.altering(caller.workspace_if_any()):
        if altering.name == "workspaces_missing":
            described = described[: round(altering.number("share") * len(described))]
    return response(request, fault, Answer.of(json.dumps({"success": True, "data": described}).encode()))


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(HTTPStatus(error.status_code), error.detail, error.headers)
