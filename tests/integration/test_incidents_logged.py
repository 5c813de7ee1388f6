"""A bounce spike, from the API's totals to the page, the log and the state."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter import atomic
from exporter.fleet import state as state_module
from exporter.polling import poller
from exporter.web.app import create_app
from tests.accounts import ACME, AGENCY, PLATFORM
from tests.exporting import Exporting, exporting
from tests.scripted_api import ScriptedApi, answer, answered, mailbox
from tests.waiting import until


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as events:
        yield events


def totals(sent: int, bounced: int) -> Any:  # noqa: ANN401 - a behaviour
    performance = {"sent": sent, "bounced": bounced}
    return answered(mailbox("m1", "anna@acme.example", performance=performance, dailySendLimit=500))


async def get(running: Exporting, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(running.exporter, enable_lifecycle=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://exporter:19587") as client:
        return await client.get(path)


async def state(running: Exporting) -> str:
    return str((await get(running, "/api/v1/status")).json()["mail"]["state"])


@pytest.mark.anyio
async def test_a_spike_is_on_the_page_in_the_log_and_after_a_restart(
    tmp_path: Path, logged: list[EventDict]
) -> None:
    kept = {"directory": str(tmp_path / "state")}
    api = ScriptedApi(default=totals(1000, 20))
    async with exporting(api, ACME, state=kept) as running:
        await until(lambda: running.is_up("acme"))
        assert await state(running) == "ok"
        api.default = totals(1106, 48)
        await until(lambda: list(running.exporter.fleet.incidents) != [])
        assert await state(running) == "critical"
        page = await get(running, "/")
        assert "acme bounces: 28 of 106 in 24 h, at least 15 %" in page.text
        own = await get(running, "/workspaces/acme")
        assert (own.status_code, "28 of 106" in own.text) == (200, True)
        assert own.headers["content-security-policy"] == page.headers["content-security-policy"]
        assert (await get(running, "/workspaces/nobody")).status_code == 404
    spikes = [event for event in logged if event["event"] == "incident began"]
    assert [(event["workspace"], event["found"], event["of"]) for event in spikes] == [("acme", 28, 106)] * 2
    assert {event.get("domain") for event in spikes} == {None, "acme.example"}

    async with exporting(api, ACME, state=kept) as running:
        assert await state(running) == "critical", "before the first poll"
        await until(lambda: running.is_polled("acme", 3))
        assert await state(running) == "critical"
        assert [each.until for each in running.exporter.fleet.incidents] == [None, None]
    assert len([event for event in logged if event["event"] == "incident began"]) == 2
    assert not [event for event in logged if event["event"] == "incident ended"]


@pytest.mark.anyio
async def test_a_folder_that_hangs_as_an_incident_begins_keeps_no_poll_and_no_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it hangs."""
    hangs, goes_on, replace = threading.Event(), threading.Event(), atomic.replace

    def replace_or_hang(path: Path, content: bytes, *more: int, **others: bool) -> None:
        if path.name.startswith("incidents"):
            hangs.set()
            goes_on.wait()
        replace(path, content, *more, **others)

    monkeypatch.setattr(atomic, "replace", replace_or_hang)
    monkeypatch.setattr(state_module, "ANSWER_SECONDS", 3600)
    monkeypatch.setattr(poller, "SAVE_SECONDS", 0.1)
    api = ScriptedApi(default=totals(1000, 20))
    async with exporting(api, ACME, state={"directory": str(tmp_path / "state")}) as running:
        await until(lambda: running.is_up("acme"))
        api.default = totals(1106, 48)
        try:
            await until(hangs.is_set)
            polls = int(running.one("sendkit_polls_total", "acme") or 0)
            await until(lambda: running.is_polled("acme", polls + 5))
            assert await state(running) == "critical"
        finally:
            goes_on.set()
        await until((tmp_path / "state/incidents.kept").exists)


@pytest.mark.anyio
async def test_many_incidents_at_once_are_saved_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, replace = list[str](), atomic.replace

    def count(path: Path, content: bytes, *more: int, **others: bool) -> None:
        saved.append(path.name)
        replace(path, content, *more, **others)

    monkeypatch.setattr(atomic, "replace", count)
    workspaces = {f"w{number}": f"workspace {number}" for number in range(50)}
    api = ScriptedApi({PLATFORM: workspaces}, default=totals(1000, 20))
    async with exporting(api, AGENCY, state={"directory": str(tmp_path / "state")}) as running:
        await until(lambda: all(running.is_up(name) for name in workspaces.values()))
        api.default = totals(1106, 48)
        await until(lambda: len(list(running.exporter.fleet.incidents)) >= len(workspaces))
    assert 1 <= saved.count("incidents.kept") <= 10


@pytest.mark.anyio
async def test_a_key_that_cannot_be_read_is_not_said_to_be_refused(
    tmp_path: Path, logged: list[EventDict]
) -> None:
    key = tmp_path / "acme.key"
    key.write_text("sk_acme")
    async with exporting(
        ScriptedApi(default=totals(1000, 20)), {"name": "acme", "api_key_file": str(key)}
    ) as running:
        await until(lambda: running.is_up("acme"))
        key.unlink()
        await until(lambda: list(running.exporter.fleet.incidents) != [])
        assert "acme has no new data: it has no usable key" in (await get(running, "/")).text
    [began] = [event for event in logged if event["event"] == "incident began"]
    assert began["what"] == "no usable key"
    assert not began.keys() & {"found", "of", "hours"}


@pytest.mark.anyio
async def test_a_refused_key_is_an_incident_until_it_is_taken_again(logged: list[EventDict]) -> None:
    api = ScriptedApi(default=totals(1000, 20))
    async with exporting(api, ACME) as running:
        await until(lambda: running.is_up("acme"))
        api.default = answer(401)
        await until(lambda: list(running.exporter.fleet.incidents) != [])
        assert "acme has no new data: the key is refused" in (await get(running, "/")).text
        assert await state(running) == "ok", "nothing is wrong with the mail"
        api.default = totals(1000, 20)
        await until(lambda: [each.until for each in running.exporter.fleet.incidents] != [None])
    assert [event["what"] for event in logged if event["event"].startswith("incident")] == ["key refused"] * 2
