"""The work that many accounts make grows with their number, not with its square, and is spread over time."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import exporter
from exporter.fleet.key import Key
from exporter.fleet.labels import Labels
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answer
from tests.waiting import until

FEW, MANY = 60, 240
FOLDER = Path(exporter.__file__).parent
COUNTED = {str(FOLDER / name) for name in ("polling/tracking.py", "fleet/labels.py", "fleet/workspace.py")}
SELDOM = {"workspaces": {"refresh": 600}}


@dataclass
class Work:
    """How many steps of the interpreter the code took that keeps workspaces."""

    steps: int = 0

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:  # noqa: ANN401 - as the interpreter's
        """Count the steps of a function of that code."""
        if frame.f_code.co_filename not in COUNTED:
            return None
        frame.f_trace_opcodes = True
        self.steps += event == "opcode"
        return self.trace


@contextmanager
def counted() -> Iterator[Work]:
    work = Work()
    before = sys.gettrace()
    sys.settrace(work.trace)
    try:
        yield work
    finally:
        sys.settrace(before)


async def reloaded(number: int) -> int:
    """Return the steps of a reload of so many accounts."""
    keys = [f"sk_user_{each}" for each in range(number)]
    accounts = [{"name": key, "api_key": key, **SELDOM} for key in keys]
    api = ScriptedApi(workspaces={key: {f"w of {key}": "Default"} for key in keys}, default=answer(503))
    async with exporting(api, *accounts, poll={"interval": 1, "stale_after": 900}) as running:
        await until(lambda: len(running.exporter.fleet) == number, 30)
        running.settings["poll"] = {"interval": 600, "stale_after": 900}  # hardly any look meanwhile
        with counted() as work:
            await running.exporter.reload()
    return work.steps


@pytest.mark.anyio
async def test_a_reload_of_four_times_as_many_accounts_is_about_four_times_the_work() -> None:
    few, many = await reloaded(FEW), await reloaded(MANY)
    assert few > 1000
    assert many / few < 1.5 * MANY / FEW


def test_four_times_as_many_workspaces_of_one_name_are_four_times_the_work() -> None:
    """Each comes with an account of its own, so that labels are asked for after each."""

    def labelled(number: int) -> int:
        labels = Labels()
        with counted() as work:
            for each in range(number):
                labels.put(Key(f"w{each}"), "Default")
                labels.changed()
        return work.steps

    assert labelled(MANY) / labelled(FEW) < 1.5 * MANY / FEW


@pytest.mark.anyio
async def test_the_first_polls_of_many_accounts_are_spread_over_their_interval() -> None:
    """A few come at once, so that a small fleet shows soon; all at once would be an attack on the API."""
    accounts = [{"name": f"client {each}", "api_key": f"sk_{each}", **SELDOM} for each in range(MANY)]
    api = ScriptedApi(default=answer(503), listing={f"sk_{each}": answer(503) for each in range(MANY)})
    async with exporting(api, *accounts, poll={"interval": 60, "stale_after": 900}) as running:
        await until(lambda: len(api.requests) >= 8)
        began = api.requests[0].at
        await until(lambda: asyncio.get_running_loop().time() - began >= 3)
        assert running.exporter.poller.is_turning()

    # In 3 of 60 s: those at once and a twentieth of the rest, each a list and then the figures.
    assert 8 <= len(api.requests) <= 2 * (8 + MANY / 10)
