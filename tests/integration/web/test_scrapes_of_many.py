"""Scrapes of many small workspaces over HTTP: they get bytes that are ready, and take no memory for good."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from exporter.exposition.assembly import Assembly
from exporter.web.app import create_app
from tests.exporting import Exporting, exporting
from tests.samples import Samples
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.serving import served
from tests.waiting import PAUSE_SECONDS, until

pytestmark = pytest.mark.anyio
WORKSPACES = {f"id{number}": f"client {number}" for number in range(20)}
AGENCY = {"name": "agency", "api_key": "sk_user_canary-agency"}


@asynccontextmanager
async def scraped() -> AsyncIterator[tuple[Exporting, httpx.AsyncClient]]:
    """Run an exporter of all the workspaces behind its server, once each of them is polled."""
    api = ScriptedApi({"sk_user_canary-agency": WORKSPACES}, default=answered(mailbox("m1"), mailbox("m2")))
    async with (
        exporting(api, AGENCY, poll={"interval": 1}) as running,
        served(create_app(running.exporter, enable_lifecycle=False)) as port,
    ):
        await until(lambda: [workspace.all_time.up for workspace in running.exporter.fleet] == [True] * 20)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False
        ) as client:
            yield running, client


async def test_a_scrape_is_answered_while_the_next_body_is_assembled(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scraped() as (_, client):
        async with asyncio.timeout(15):
            while True:
                if (await client.get("/metrics")).text.count("sendkit_mailbox_sent_today{") == 40:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
        going_on, is_held = threading.Event(), threading.Event()
        assemble = Assembly.assemble

        def held(assembly: Assembly, workspaces: Any) -> object:  # noqa: ANN401
            is_held.set()
            going_on.wait(20)
            return assemble(assembly, workspaces)

        monkeypatch.setattr(Assembly, "assemble", held)
        await until(is_held.is_set)
        try:
            answers = await asyncio.gather(*(client.get("/metrics") for _ in range(10)))
            one = await client.get("/metrics", params={"workspace": "client 7"})
        finally:
            going_on.set()
        for response in answers:
            samples = Samples(response.text)
            assert samples.values_of("workspace", "sendkit_mailbox_sent_today") == {*WORKSPACES.values()}
        assert Samples(one.text).values_of("workspace", "sendkit_up") == {"client 7"}


async def test_many_workspaces_by_name_are_those_and_no_others() -> None:
    async with scraped() as (_, client):
        named = [*WORKSPACES.values()][:12]
        response = await client.get("/metrics", params={"workspace": named})
        assert Samples(response.text).values_of("workspace", "sendkit_mailbox_sent_today") == {*named}
        assert (await client.get("/metrics", params={"workspace": [*named, "nobody"]})).status_code == 404
