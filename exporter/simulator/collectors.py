"""The endpoints beside the analytics of mailboxes: details, warm-up, the overview and tests."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.simulator.caller import Caller, fault_of, response
from exporter.simulator.faults import faulty
from exporter.simulator.operations import Operations
from exporter.simulator.paging import Page
from exporter.simulator.scenarios import Scenario
from exporter.simulator.simulation import Answer

MOST_DAYS = 90
_DAYS = 7

_Body = dict[str, object]
_Question = Callable[[Operations, float, float], _Body]


@dataclass(frozen=True, slots=True)
class _Query:
    """What a request asks for, the scenarios that alter its answer, and how many there were of its kind."""

    parameters: QueryParams
    altering: Sequence[Scenario]
    requests: int

    def page(self) -> Callable[[int], tuple[range, _Body]]:
        """Return what selects rows and `pagination` of a list of a size; raises ValueError for a bad page."""
        page = Page.parsed(self.parameters.get("cursor"), self.parameters.get("limit"))
        return lambda size: page.answered(size, self.altering, self.requests)


def _mailboxes(query: _Query) -> _Question:
    """Ask for GET /v1/mailboxes: details, in pages."""
    page = query.page()

    def question(operations: Operations, now: float, shared: float) -> _Body:
        rows, pagination = page(len(operations.workspace.mailboxes))
        return {"data": operations.mailboxes(rows, now, shared), "pagination": pagination}

    return question


def _warmup(query: _Query) -> _Question:
    """Ask for GET /v1/warmup/stats: where the warm-up mail of the last days landed, in pages."""
    page, text = query.page(), query.parameters.get("days", str(_DAYS))
    days = int(text) if text.isdecimal() else 0
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days must be a number from 1 to {MOST_DAYS}, not {text!r}")

    def question(operations: Operations, now: float, shared: float) -> _Body:
        rows, pagination = page(len(operations.workspace.mailboxes))
        return {"data": operations.warmup_stats(rows, days, now, shared), "pagination": pagination}

    return question


def _overview(_query: _Query) -> _Question:
    """Ask for GET /v1/analytics/overview: the campaigns of a workspace."""
    return lambda operations, now, _shared: {"data": operations.overview(now)}


def _blacklist(query: _Query) -> _Question:
    """Ask for GET /v1/blacklist-tests, in pages."""
    return _tests(query, lambda operations, now: operations.checkups.blacklist_tests(now))


def _placement(query: _Query) -> _Question:
    """Ask for GET /v1/inbox-placement, in pages."""
    return _tests(query, lambda operations, now: operations.checkups.placement_tests(now))


def _tests(query: _Query, found: Callable[[Operations, float], list[_Body]]) -> _Question:
    page = query.page()

    def question(operations: Operations, now: float, _shared: float) -> _Body:
        tests = found(operations, now)
        rows, pagination = page(len(tests))
        return {"data": [tests[row] for row in rows], "pagination": pagination}

    return question


def _endpoint(name: str, asked: Callable[[_Query], _Question]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a collector, which refuses and misbehaves as scenarios have it."""

    async def answer(request: Request) -> Response:
        caller = Caller.of(request)
        fault = fault_of(request, caller)
        if (fault_response := await faulty(request, fault)) is not None:
            return fault_response
        workspace = caller.workspace_seen(name)
        altering = list(caller.simulation.altering(workspace))
        requests = caller.simulation.requests[workspace.id, request.url.path]
        try:
            question = asked(_Query(request.query_params, altering, requests))
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
        body = await run_in_threadpool(caller.simulation.asked, workspace, question)
        return response(request, fault, Answer.of(json.dumps({"success": True, **body}).encode()))

    return answer


ROUTES = (
    Route("/v1/mailboxes", _endpoint("mailboxes", _mailboxes)),
    Route("/v1/warmup/stats", _endpoint("warmup", _warmup)),
    Route("/v1/analytics/overview", _endpoint("overview", _overview)),
    Route("/v1/blacklist-tests", _endpoint("blacklist", _blacklist)),
    Route("/v1/inbox-placement", _endpoint("placement", _placement)),
)
