"""Restarts of every kind: no counter falls, none counts a rise twice, and the last answers stay."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.samples import Labels, Samples
from tests.scripted_api import ScriptedApi, answer, answered, mailbox
from tests.stack.killed import FALLING
from tests.stack.processes import Process, Processes, Simulator, scrape, start_exporter, start_simulator
from tests.waiting import wait_for

KILLS = int(os.environ.get("KILLS", "300"))
KILLS_OF_THE_DAEMON = 8
ROOT = Path(__file__).parents[2]


class Rising:
    """Answers whose totals rise each time; now and then one falls, a mailbox is missing, or all fails."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._totals = {"m1": 10, "m2": 2000, "m3": 0, FALLING: 500}

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        for name in self._totals:
            self._totals[name] += self._chance.choice([0, 0, 1, 7])
        if self._chance.random() < 0.2:
            self._totals[FALLING] -= 3  # so little that it is soon above where it was, from where it counts
        if self._chance.random() < 0.1:
            await answer(503)(writer)
            return
        there = [name for name in self._totals if self._chance.random() < 0.9]
        await answered(*(mailbox(name, performance={"sent": self._totals[name]}) for name in there))(writer)


@pytest.mark.anyio
async def test_counters_go_on_whenever_the_exporter_is_killed(tmp_path: Path) -> None:
    """At random moments of its start, its polls, its saving and its showing."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown with a failure
    async with ScriptedApi(default=Rising(seed)) as api:
        command = [sys.executable, "-m", "tests.stack.killed", api.url, str(tmp_path), str(KILLS), str(seed)]
        ended = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "damaged" not in ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["lives"] == KILLS
    assert figures["shown_in"] >= KILLS / 4, "else the kills came too early to mean anything"
    assert all(counter > 0 for counter in figures["counters"].values())


def counters(samples: Samples) -> dict[tuple[str, Labels], float]:
    """Return the counters of mailboxes."""
    return {
        (name, labels): value
        for name, labels, value in samples
        if name.startswith("sendkit_mailbox_") and name.endswith("_total")
    }


def settings(simulator: Simulator, folder: Path, **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    return {
        "api": {"base_url": simulator.url},
        "poll": {"interval": "1s"},
        "windows": [],
        "accounts": [
            {"name": "agency", "api_key": simulator.platform_key, "workspaces": {"refresh": "1s"}},
        ],
        "state": {"directory": str(folder)},
        **sections,
    }


def are_all_up(exporter: Process, simulator: Simulator) -> bool:
    ups = scrape(exporter).all_of("sendkit_up", window="all")
    return len(ups) == len(simulator.workspaces) and set(ups.values()) == {1}


def test_counters_of_the_daemon_are_the_rises_of_the_truth(processes: Processes, tmp_path: Path) -> None:
    """Over kills, at the end of which nothing is sent any more."""
    simulator = start_simulator(processes, "--mailboxes", "40", "--speed", "3000")
    config = settings(simulator, tmp_path / "state")
    chance = random.Random(1)
    last: dict[tuple[str, Labels], float] = {}
    began: dict[Labels, float] = {}

    def sent(samples: Samples) -> dict[Labels, float]:
        totals = samples.all_of("sendkit_mailbox_campaign_sent", window="all")
        return {labels - {("window", "all")}: total for labels, total in totals.items()}

    def hold(exporter: Process) -> None:
        """Hold a scrape against all before."""
        nonlocal last
        samples = scrape(exporter)
        now = counters(samples)
        assert now.keys() >= last.keys()
        assert not {series: (value, now[series]) for series, value in last.items() if now[series] < value}
        last = now
        rises, totals = samples.all_of("sendkit_mailbox_emails_sent_total"), sent(samples)
        assert len(rises) == len(totals) == 40
        for labels, rise in rises.items():
            assert rise == totals[labels] - began.setdefault(labels, totals[labels] - rise)

    for _ in range(KILLS_OF_THE_DAEMON):
        exporter = start_exporter(processes, config)
        wait_for(partial(are_all_up, exporter, simulator))
        time.sleep(chance.uniform(0, 1))
        hold(exporter)
        exporter.end(signal.SIGKILL)
    for workspace in simulator.workspaces:
        simulator.begin("sending_stalled", workspace=workspace["id"])
    exporter = start_exporter(processes, config)

    def truth() -> dict[str, float]:
        mailboxes = [mailbox for mailboxes in simulator.truth().values() for mailbox in mailboxes.values()]
        return {mailbox["_id"]: mailbox["performance"]["sent"] for mailbox in mailboxes}

    wait_for(
        lambda: {dict(own)["mailbox_id"]: total for own, total in sent(scrape(exporter)).items()} == truth()
    )
    hold(exporter)
    risen = sum(value for (name, _), value in last.items() if name == "sendkit_mailbox_emails_sent_total")
    assert risen == sum(truth().values()) - sum(began.values()) > 0


def test_the_last_answers_stay_over_a_kill_during_an_outage(processes: Processes, tmp_path: Path) -> None:
    """With their true age."""
    simulator = start_simulator(processes, "--mailboxes", "8")
    config = settings(simulator, tmp_path / "state")
    exporter = start_exporter(processes, config)
    wait_for(lambda: are_all_up(exporter, simulator))
    simulator.begin("api_down", mode="reset")
    wait_for(lambda: set(scrape(exporter).all_of("sendkit_up", window="all").values()) == {0})
    before = scrape(exporter)
    exporter.end(signal.SIGKILL)

    exporter = start_exporter(processes, config)
    assert exporter.answers("/-/ready")
    wait_for(lambda: set(scrape(exporter).all_of("sendkit_up", window="all").values()) == {0})
    after = scrape(exporter)
    for name in before.by_name:
        if name.startswith("sendkit_mailbox_") or name == "sendkit_workspace_mailboxes":
            assert after.by_name[name] == before.by_name[name], name
    for labels, moment in before.by_name["sendkit_last_success_timestamp_seconds"].items():
        assert abs(after.by_name["sendkit_last_success_timestamp_seconds"][labels] - moment) < 1
    assert exporter.answers("/-/ready")

    simulator.stop_all()
    wait_for(lambda: are_all_up(exporter, simulator))
