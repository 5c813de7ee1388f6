"""The HTTP application: paths to answers."""

import asyncio
import re

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from exporter.config import ConfigError
from exporter.exporter import Exporter
from exporter.exposition import telemetry
from exporter.page import report, runbooks
from exporter.page import status as status_page
from exporter.page.templating import CONTENT_SECURITY_POLICY
from exporter.polling.board import now
from exporter.textformat.body import Body, coalesced
from exporter.textformat.lines import END, Format
from exporter.web.turns import Orderly

_CHUNK_BYTES = 256 * 1024
_PAGE_HEADERS = {"content-security-policy": CONTENT_SECURITY_POLICY}
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


class Exposition(Response):
    """A body in the format and encoding that the request accepts, sent in chunks as it is kept."""

    def __init__(self, body: Body, request: Request, format_: Format) -> None:
        """Choose the encoding by the request."""
        self._head_only = request.method == "HEAD"
        headers = {"content-type": format_.value, "vary": "accept, accept-encoding"}
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            chunks = body.gzip()
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(sum(map(len, chunks)))
            self._chunks = iter(chunks)
        else:
            self._chunks = body.plain
            headers["content-length"] = str(body.size)
        super().__init__(headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send the chunks, small ones joined."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for chunk in [] if self._head_only else coalesced(self._chunks, _CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)  # others have their say, and a client that is gone is noticed
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _weights(header: str) -> list[tuple[str, dict[str, str], float]]:
    """Return the values of an `Accept` or `Accept-Encoding` header: name, parameters and weight (q)."""
    values = []
    for value in header.lower().split(","):
        name, *pairs = (part.strip() for part in value.split(";"))
        parameters = {key: text for key, _, text in (pair.partition("=") for pair in pairs)}
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        values.append((name, parameters, weight))
    return values


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header asks for gzip."""
    weights = {name: weight for name, _, weight in _weights(header)}
    return weights.get("gzip", weights.get("*", 0)) > 0


def chosen_format(header: str) -> Format:
    """Return OpenMetrics if an `Accept` header asks for it, 1.0.0 or no version, and not for text more."""
    best = {Format.OPENMETRICS: 0.0, Format.TEXT: 0.0}
    for name, parameters, weight in _weights(header):
        version = parameters.get("version", "")
        if name == "application/openmetrics-text" and version in {"", "1.0.0"}:
            best[Format.OPENMETRICS] = max(best[Format.OPENMETRICS], weight)
        elif name == "text/plain" and version in {"", "0.0.4"}:
            best[Format.TEXT] = max(best[Format.TEXT], weight)
    wanted = best[Format.OPENMETRICS] > 0 and best[Format.OPENMETRICS] >= best[Format.TEXT]
    return Format.OPENMETRICS if wanted else Format.TEXT


def create_app(
    exporter: Exporter, *, enable_lifecycle: bool, refresh_seconds: int = status_page.REFRESH_SECONDS
) -> Starlette:
    """Return the application over an exporter; `enable_lifecycle` allows reloads by request.

    Pages reload themselves every `refresh_seconds`.
    """
    answers = _Answers(exporter, enable_lifecycle=enable_lifecycle, refresh_seconds=refresh_seconds)
    app = Starlette(
        routes=[
            Route("/", answers.page),
            Route("/metrics", answers.metrics),
            Route("/metrics/exporter", answers.own_metrics),
            Route("/workspaces/{name:path}", answers.workspace),
            Route("/api/v1/status", answers.status),
            Route("/runbooks/{alert}", answers.runbook),
            Route("/sd", answers.service_discovery),
            Route("/-/healthy", answers.healthy),
            Route("/-/ready", answers.ready),
            Route("/-/reload", answers.reload, methods=["POST"]),
        ],
        middleware=[Middleware(Orderly)],
    )
    app.router.redirect_slashes = False
    return app


class _Answers:
    """The answer to each path."""

    def __init__(self, exporter: Exporter, *, enable_lifecycle: bool, refresh_seconds: int) -> None:
        self._exporter = exporter
        self._refresh_seconds = refresh_seconds
        self._enable_lifecycle = enable_lifecycle

    async def metrics(self, request: Request) -> Response:
        format_ = chosen_format(request.headers.get("accept", ""))
        names = frozenset(request.query_params.getlist("workspace"))
        if not names:
            body = await self._exporter.store.latest(format_)
            own = self._exporter.own_metrics(format_)
            return Exposition(body.ended(own + END[format_]), request, format_)
        try:
            body = await self._exporter.store.chosen(format_, names)
        except KeyError as unknown:
            message = f"unknown workspace {unknown.args[0]!r}; GET /sd lists those there are"
            raise HTTPException(404, message) from None
        return Exposition(body.ended(END[format_]), request, format_)

    async def own_metrics(self, request: Request) -> Response:
        format_ = chosen_format(request.headers.get("accept", ""))
        own = self._exporter.own_metrics(format_)
        return Exposition(Body().ended(own + END[format_]), request, format_)

    async def page(self, request: Request) -> Response:
        view, host = self._view(), _host(request)
        html = await run_in_threadpool(
            status_page.render,
            view,
            host,
            telemetry.version(),
            request.url.scheme,
            self._refresh_seconds,
        )
        return HTMLResponse(html, headers=_PAGE_HEADERS)

    async def workspace(self, request: Request) -> Response:
        name = request.path_params["name"]
        view = self._view().of(name)
        if view is None:
            raise HTTPException(
                404, f"unknown workspace {name[:200]!r}; the status page lists those there are"
            )
        html = await run_in_threadpool(
            status_page.render_workspace, view, telemetry.version(), self._refresh_seconds
        )
        return HTMLResponse(html, headers=_PAGE_HEADERS)

    async def runbook(self, request: Request) -> Response:
        html = await run_in_threadpool(runbooks.render, request.path_params["alert"], telemetry.version())
        if html is None:
            raise HTTPException(404, "there is no runbook of this name")
        return HTMLResponse(html, headers=_PAGE_HEADERS)

    async def status(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(report.document, self._view()))

    def _view(self) -> status_page.View:
        exporter = self._exporter
        return status_page.look(exporter.fleet, now(), exporter.poller.disclosure, exporter.notices())

    async def healthy(self, _: Request) -> Response:
        if self._exporter.poller.is_turning():
            return PlainTextResponse("The exporter is healthy.\n")
        return PlainTextResponse("The poll loop has stopped turning.\n", 503)

    async def ready(self, _: Request) -> Response:
        if reason := self._exporter.unready_reason():
            return PlainTextResponse(f"{reason}\n", 503)
        return PlainTextResponse("The exporter is ready.\n")

    async def reload(self, request: Request) -> Response:
        if not self._enable_lifecycle:
            return PlainTextResponse("Reloading is not enabled; start with --web.enable-lifecycle.\n", 403)
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return PlainTextResponse("Another site may not reload.\n", 403)
        try:
            await self._exporter.reload()
        except ConfigError as error:
            return PlainTextResponse(f"{error}\n", 500)
        return PlainTextResponse("Reloaded.\n")

    async def service_discovery(self, request: Request) -> Response:
        host = _host(request)
        scheme = {"__scheme__": request.url.scheme}
        groups = [
            {"targets": [host], "labels": {**scheme, "__param_workspace": name, "instance": f"{host}/{name}"}}
            for name in self._exporter.store.labels()
        ]
        own = {"targets": [host], "labels": {**scheme, "__metrics_path__": "/metrics/exporter"}}
        return JSONResponse([*groups, own])


def _host(request: Request) -> str:
    """Return the host and port that the request was sent to."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise HTTPException(400, "expected a Host header such as exporter:19587")
    return host
