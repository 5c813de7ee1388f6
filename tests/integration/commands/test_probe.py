"""`check --probe` as a user meets it: a table of what each key may see, and what it may not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Simulation
from tests.commands import Outcome, config_file, run
from tests.scripted_api import ScriptedApi, answer, answered, mailbox
from tests.simulated_api import SimulatedApi
from tests.world import NOON

CANARY = "sk_canary-0123456789abcdef"
PLATFORM = "sk_user_canary-0123456789abcdef"
PERCENT = answered(
    mailbox("m1", "a@acme.example", bounceRate=25, totalSent=4),
    mailbox("m2", "b@acme.example", bounceRate=16.67, status="suspended"),
)

pytestmark = pytest.mark.anyio


async def probed(
    api: ScriptedApi,
    /,
    folder: Path,
    *accounts: dict[str, Any],
    **sections: Any,  # noqa: ANN401 - as in YAML
) -> Outcome:
    async with api:
        called = {"base_url": api.url, "timeout": 5, "max_attempts": 1, **sections.pop("api", {})}
        path = config_file(folder, api=called, accounts=[*accounts], **sections)
        return await asyncio.to_thread(run, "check", "--probe", "--config.file", path)


def cells(outcome: Outcome, start: str) -> list[str]:
    """Return the cells of the one row that starts so."""
    [row] = [line for line in outcome.out.splitlines() if line.strip().startswith(start)]
    return row.split()


async def test_the_probe_tells_workspaces_mailboxes_and_the_unit_that_is_proven(tmp_path: Path) -> None:
    api = ScriptedApi({PLATFORM: {"w1": "acme"}}, default=PERCENT)
    outcome = await probed(api, tmp_path, {"name": "agency", "api_key": PLATFORM})
    assert outcome.code == 0, outcome.out
    assert cells(outcome, "acme ") == ["acme", "w1", "2", "1", "percent", "nothing"]
    assert "acme.example" not in outcome.out


async def test_the_probe_tells_what_is_refused_and_why(tmp_path: Path) -> None:
    """A key may see the list of workspaces and not their figures."""
    api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, behaviours={"w1": answer(403)})
    outcome = await probed(api, tmp_path, {"name": "agency", "api_key": PLATFORM})
    assert outcome.code == 1
    refused = "all, 7d, mailboxes, overview, warmup"
    assert cells(outcome, "one ") == ["one", "w1", "-", "-", "-", *refused.split()]
    assert "one: all: auth: the API answered 403" in outcome.out
    assert cells(outcome, "two ")[-1] == "nothing"


async def test_the_probe_tells_a_workspace_key_that_may_not_list(tmp_path: Path) -> None:
    api = ScriptedApi(listing={CANARY: answer(403)})
    outcome = await probed(api, tmp_path, {"name": "acme", "api_key": CANARY})
    assert outcome.code == 0
    assert "its workspace cannot be listed, auth: the API answered 403" in outcome.out
    assert cells(outcome, "acme ")[:3] == ["acme", "-", "1"]


async def test_the_probe_tells_by_which_account_a_workspace_is_polled_that_two_see(tmp_path: Path) -> None:
    """The first one in the file, and nothing is said of a workspace that one alone sees."""
    api = ScriptedApi({CANARY: {"w1": "one"}, PLATFORM: {"w1": "one", "w2": "two"}})
    accounts = [{"name": "acme", "api_key": CANARY}, {"name": "agency", "api_key": PLATFORM}]
    outcome = await probed(api, tmp_path, *accounts)
    assert outcome.code == 0
    told = [line for line in outcome.out.splitlines() if "polled: " in line and "by account" in line]
    assert told == ["  one: polled: by account acme, which comes first and sees it, too"]


@pytest.mark.parametrize(
    ("workspaces", "told"),
    [({}, "it has no workspace"), ({"w1": "one"}, "no workspace matches workspaces.include and exclude")],
)
async def test_the_probe_tells_an_account_without_workspaces_from_a_refused_key(
    tmp_path: Path, workspaces: dict[str, str], told: str
) -> None:
    account = {"name": "agency", "api_key": PLATFORM, "workspaces": {"include": ["client-.*"]}}
    outcome = await probed(ScriptedApi({PLATFORM: workspaces}), tmp_path, account)
    assert outcome.code == 0
    assert f"warning: {told}, nothing is polled" in outcome.out
    refused = await probed(ScriptedApi(listing={PLATFORM: answer(401)}), tmp_path, account)
    assert refused.code == 1
    assert "account agency: auth: the API answered 401" in refused.out


async def test_patterns_that_no_mailbox_matches_are_warned_of(tmp_path: Path) -> None:
    account = {"name": "acme", "api_key": CANARY}
    nobody = {"include": ["nobody@.*"]}
    outcome = await probed(ScriptedApi(default=PERCENT), tmp_path, account, mailboxes=nobody)
    assert outcome.code == 0
    assert "acme: warning: mailboxes.include, exclude and statuses leave all mailboxes out\n" in outcome.out


@pytest.mark.parametrize(("unit", "warned"), [("ratio", True), ("percent", False), ("auto", False)])
async def test_a_unit_that_the_figures_contradict_is_warned_of(
    tmp_path: Path, unit: str, *, warned: bool
) -> None:
    account = {"name": "acme", "api_key": CANARY}
    outcome = await probed(ScriptedApi(default=PERCENT), tmp_path, account, api={"bounce_rate_unit": unit})
    warning = "acme: warning: api.bounce_rate_unit is ratio, and the API's figures prove percent\n"
    assert (warning in outcome.out) is warned
    assert cells(outcome, "acme ")[4] == "percent"


async def test_the_probe_tells_the_names_of_rate_limit_headers_alone(tmp_path: Path) -> None:
    headers = {"X-RateLimit-Remaining": "remaining-17", "X-Other": "18"}
    api = ScriptedApi(default=answer(200, b'{"success": true, "data": []}', **headers))
    outcome = await probed(api, tmp_path, {"name": "acme", "api_key": CANARY})
    assert "rate-limit headers of the API: x-ratelimit-remaining\n" in outcome.out
    assert "remaining-17" not in outcome.out


async def test_names_of_the_api_reach_the_terminal_without_control_characters(tmp_path: Path) -> None:
    api = ScriptedApi({PLATFORM: {"w1": "a\x1b[31mb\nc" + "d" * 400}})
    outcome = await probed(api, tmp_path, {"name": "agency", "api_key": PLATFORM})
    assert "\x1b" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) < 200


async def test_the_probe_tells_what_each_collector_sees_or_why_it_sees_nothing(tmp_path: Path) -> None:
    simulation = Simulation(130, workspaces=1, start=NOON, clock=lambda: 0.0)
    api = SimulatedApi(simulation)
    api.start("collector_refused", endpoint="warmup")
    async with api:
        path = config_file(
            tmp_path,
            api={"base_url": api.url},
            accounts=[{"name": "acme", "api_key": simulation.workspaces[0].key}],
            collectors={"tests": {"enabled": True}},
        )
        outcome = await asyncio.to_thread(run, "check", "--probe", "--config.file", path)
    assert outcome.code == 0, outcome.out
    assert cells(outcome, "acme ")[-1] == "warmup"
    assert "acme: collector mailboxes: 130 mailboxes\n" in outcome.out
    assert "acme: collector warmup: refused: auth: the API answered 403" in outcome.out
    assert "acme: collector overview: campaigns " in outcome.out
    assert "acme: collector tests: blacklist_checked 130" in outcome.out
    assert "@" not in outcome.out


Scenario = tuple[str, dict[str, object]]


@pytest.mark.parametrize(
    ("scenario", "code", "told"),
    [
        (None, 0, "collector overview: campaigns "),
        (("key_revoked", {"key": "platform"}), 1, "account agency: auth: the API answered 401: "),
        (("figures_refused", {}), 1, ": all: auth: the API answered 403: You don't have permission"),
        (("rate_limited", {}), 1, "account agency: rate_limited: the API answered 429: "),
    ],
    ids=["good", "refused", "sees the list alone", "rate-limited"],
)
async def test_a_platform_key_over_the_simulated_api(
    tmp_path: Path, scenario: Scenario | None, code: int, told: str
) -> None:
    simulation = Simulation(30, workspaces=2, start=NOON, clock=lambda: 0.0)
    api = SimulatedApi(simulation)
    key = simulation.platform_key
    if scenario:
        name, parameters = scenario
        api.start(name, **{each: key if value == "platform" else value for each, value in parameters.items()})
    async with api:
        account = {"name": "agency", "api_key": key}
        path = config_file(tmp_path, api={"base_url": api.url}, accounts=[account])
        outcome = await asyncio.to_thread(run, "check", "--probe", "--config.file", path)
    assert outcome.code == code, outcome.out
    assert told in outcome.out
    assert key not in outcome.out + outcome.err
    limits = "retry-after" if scenario and scenario[0] == "rate_limited" else "none"
    assert outcome.out.endswith(f"rate-limit headers of the API: {limits}\n")
    listed = not scenario or scenario[0] == "figures_refused"
    assert [it.id in outcome.out for it in simulation.workspaces] == [listed, listed]
    assert outcome.out.count(" nothing\n") == (0 if scenario else 2)
