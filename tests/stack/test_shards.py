"""Shards of one account divide its workspaces among them."""

from typing import Any

from tests.stack.processes import Process, Processes, Simulator, scrape, start_exporter, start_simulator
from tests.waiting import wait_for

WORKSPACES = 24
SECONDS = 60.0


def start_shard(processes: Processes, simulator: Simulator, index: int, total: int) -> Process:
    account = {"name": "agency", "api_key": simulator.platform_key, "workspaces": {"refresh": "1s"}}
    config: dict[str, Any] = {
        "api": {"base_url": simulator.url},
        "poll": {"interval": "1s"},
        "windows": [],
        "accounts": [account],
    }
    flags = ("--shard.index", f"sendkit-exporter-{index}", "--shard.total", str(total))
    return start_exporter(processes, config, *flags)


def polled(shard: Process) -> set[str]:
    samples = scrape(shard).all_of("sendkit_up")
    return {dict(labels)["workspace"] for labels, up in samples.items() if up == 1}


def test_shards_poll_every_workspace_and_none_twice(processes: Processes) -> None:
    simulator = start_simulator(
        processes, "--workspaces", str(WORKSPACES), "--mailboxes", str(2 * WORKSPACES)
    )
    names = {workspace["name"] for workspace in simulator.workspaces}
    shards = [start_shard(processes, simulator, index, 3) for index in range(3)]

    wait_for(lambda: set().union(*map(polled, shards)) == names, SECONDS, what="every workspace is polled")
    parts = [polled(shard) for shard in shards]
    assert all(parts)
    assert sum(map(len, parts)) == WORKSPACES

    before = [scrape(shard).all_of("sendkit_polls_total") for shard in shards]
    wait_for(
        lambda: all(
            count > counts[labels]
            for shard, counts in zip(shards, before, strict=True)
            for labels, count in scrape(shard).all_of("sendkit_polls_total").items()
        ),
        SECONDS,
        what="every shard goes on with its own",
    )
    assert [polled(shard) for shard in shards] == parts
