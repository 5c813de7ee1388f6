"""Clients of the application, with or without an exporter that polls behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from exporter.web.app import create_app
from exporter.web.server import http_server, listen, shown_address
from tests.exporting import Exporting, exporting
from tests.samples import Samples
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.waiting import PAUSE_SECONDS, until


@asynccontextmanager
async def serving(
    api: ScriptedApi,
    /,
    *accounts: dict[str, Any],
    enable_lifecycle: bool = False,
    **sections: Any,  # noqa: ANN401 - as in YAML
) -> AsyncIterator[tuple[Exporting, httpx.AsyncClient]]:
    """Run an exporter and serve it, once it has polled if the API answers; with a client of it."""
    async with exporting(api, *accounts, **sections) as running:
        app = create_app(running.exporter, enable_lifecycle=enable_lifecycle)
        listener = listen("127.0.0.1:0")
        http = http_server(app)
        task = asyncio.create_task(http.serve(sockets=[listener]))
        url = f"http://{shown_address(listener)}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
                client.headers["accept-encoding"] = "identity"
                yield running, client
        finally:
            http.should_exit = True
            await task


@asynccontextmanager
async def polled(*accounts: dict[str, Any], **sections: Any) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ANN401
    """Serve an exporter that has polled all its accounts once and polls no more."""
    api = ScriptedApi(default=answered(mailbox("m1"), mailbox("m2")))
    seldom = {"poll_interval": "1h", "workspaces": {"refresh": "1h"}}
    async with serving(api, *(account | seldom for account in accounts), **sections) as (running, client):
        await until(lambda: all(running.is_up(account["name"]) for account in accounts))
        await shown(client, *(account["name"] for account in accounts))
        yield client


async def shown(client: httpx.AsyncClient, *workspaces: str) -> None:
    """Scrape until the body that is assembled after polls shows that all of these are up."""
    async with asyncio.timeout(15):
        while True:
            samples = Samples((await client.get("/metrics")).text)
            if all(samples.one("sendkit_up", workspace=name, window="all") == 1 for name in workspaces):
                return
            await asyncio.sleep(PAUSE_SECONDS)
