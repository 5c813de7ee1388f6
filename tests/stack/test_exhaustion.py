"""A daemon that runs out of what the system gives: descriptors, memory. It goes on once there is more."""

import asyncio
import gzip
import json
import re
import resource
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scripted_api import ScriptedApi, answer, answered, mailbox, raw
from tests.stack.processes import Process, Processes, scrape, start_exporter
from tests.waiting import until, wait_for

SPARE_BYTES = 48 * 2**20
LARGE_BYTES = 120 * 2**20
UNDER_A_LIMIT = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv.pop(1)), int(sys.argv.pop(1))))
runpy.run_module("exporter", run_name="__main__", alter_sys=True)
"""

pytestmark = pytest.mark.anyio


def settings(api: ScriptedApi, folder: Path, *names: str) -> dict[str, Any]:
    return {
        "api": {"base_url": api.url, "max_attempts": 1, "timeout": 10},
        "poll": {"interval": 0.5},
        "windows": [],
        "accounts": [{"name": name, "api_key": f"sk_{name}"} for name in names],
        "state": {"directory": str(folder)},
    }


@contextmanager
def limited(process: Process, kind: int, soft: int) -> Iterator[None]:
    """Limit what a running process may have."""
    before = resource.prlimit(process.popen.pid, kind)
    resource.prlimit(process.popen.pid, kind, (soft, before[1]))
    yield
    resource.prlimit(process.popen.pid, kind, before)


def limited_program(soft: int, hard: int) -> tuple[str, ...]:
    """Return the program, under a limit of descriptors."""
    return (sys.executable, "-c", UNDER_A_LIMIT, str(soft), str(hard))


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one(processes: Processes) -> None:
    """The soft one is 1,024 on most systems, for programs that use select()."""
    config = {"accounts": [{"name": "acme", "api_key": "sk_acme"}], "api": {"base_url": "http://127.0.0.1:9"}}
    exporter = start_exporter(processes, config, program=limited_program(256, 2048))
    assert resource.prlimit(exporter.popen.pid, resource.RLIMIT_NOFILE) == (2048, 2048)


async def failed(exporter: Process, workspace: str) -> float:
    """Return how many polls of a workspace failed."""
    samples = await asyncio.to_thread(scrape, exporter)
    return sum(samples.all_of("sendkit_poll_failures_total", workspace=workspace).values())


def is_up(exporter: Process, workspace: str) -> bool:
    return scrape(exporter).one("sendkit_up", workspace=workspace) == 1


async def until_up(exporter: Process, workspace: str) -> None:
    await asyncio.to_thread(wait_for, partial(is_up, exporter, workspace))


async def test_without_descriptors_polls_fail_and_scrapes_wait_until_there_are_some(
    processes: Processes, tmp_path: Path
) -> None:
    def descriptors() -> int:
        return len(list(Path(f"/proc/{exporter.popen.pid}/fd").iterdir()))

    api = ScriptedApi(default=answer(200, json.dumps({"success": True, "data": [mailbox("m1")]}).encode()))
    async with api:
        exporter = await asyncio.to_thread(
            start_exporter, processes, settings(api, tmp_path / "state", "acme")
        )
        await until_up(exporter, "acme")
        with ThreadPoolExecutor(1) as thread:
            with limited(exporter, resource.RLIMIT_NOFILE, await asyncio.to_thread(descriptors) - 3):
                api.default = raw(b"")  # what is open is closed
                await until(lambda: exporter.lines("poll failed", "reason=network"))
                api.default = answered(mailbox("m1", sentToday=4))
                late = asyncio.wrap_future(
                    thread.submit(httpx.get, f"{exporter.url}/metrics", timeout=30, trust_env=False)
                )
                await until(lambda: exporter.lines("connections cannot be accepted"))
                polls = len(api.requests)
                with pytest.raises(TimeoutError):  # for several polls' time
                    await asyncio.wait_for(asyncio.shield(late), 2)
                assert len(api.requests) == polls
            assert (await late).status_code == httpx.codes.OK
        assert await failed(exporter, "acme") >= 3
        assert len(exporter.lines("connections cannot be accepted")) == 1
        await until_up(exporter, "acme")
        samples = await asyncio.to_thread(scrape, exporter)
        assert samples.one("sendkit_mailbox_sent_today") == 4
        assert not exporter.lines("Traceback")
        exporter.assert_running()


async def test_hundreds_of_connections_leave_descriptors_for_polls(
    processes: Processes, tmp_path: Path
) -> None:
    """Of 100 descriptors, clients that never say anything take at most half."""
    api = ScriptedApi(
        default=answer(200, json.dumps({"success": True, "data": []}).encode(), connection="close")
    )
    async with api:
        program = limited_program(100, 100)
        exporter = await asyncio.to_thread(
            start_exporter, processes, settings(api, tmp_path / "state", "acme"), program=program
        )
        await until_up(exporter, "acme")
        host, _, port = exporter.url.removeprefix("http://").partition(":")
        with ExitStack() as idle:
            for _ in range(300):
                idle.enter_context(socket.create_connection((host, int(port)), timeout=10))
            polls = len(api.requests)
            await until(lambda: len(api.requests) >= polls + 3)
            await until_up(exporter, "acme")
        assert not exporter.lines("poll failed")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_an_answer_beyond_the_memory_there_is_costs_one_poll(
    processes: Processes, tmp_path: Path, encoding: str
) -> None:
    """The neighbour's polls, the scrapes and the next polls of its own go on."""
    api = ScriptedApi(default=answered(mailbox("m1")))
    large = b'{"success": true, "data": [' + b'{"_id": "m1"},' * (LARGE_BYTES // 14) + b"0]}"
    if encoding == "gzip":
        large = gzip.compress(large, 1)
    async with api:
        exporter = await asyncio.to_thread(
            start_exporter, processes, settings(api, tmp_path / "state", "acme", "globex")
        )
        await until_up(exporter, "acme")
        await until_up(exporter, "globex")
        status = await asyncio.to_thread(Path(f"/proc/{exporter.popen.pid}/status").read_text)
        [used_kib] = re.findall(r"^VmSize:\s*(\d+) kB", status, re.MULTILINE)
        with limited(exporter, resource.RLIMIT_AS, int(used_kib) * 1024 + SPARE_BYTES):
            api.behaviours["sk_acme"] = answer(200, large, content_encoding=encoding)
            await until(lambda: exporter.lines("poll failed", "workspace=acme"), 30)
            before = await failed(exporter, "globex")
            api.behaviours["sk_acme"] = answered(mailbox("m1", sentToday=9))
            await asyncio.to_thread(
                wait_for,
                lambda: scrape(exporter).one("sendkit_mailbox_sent_today", workspace="acme") == 9,
                what="the next poll that fits is shown",
            )
            assert await failed(exporter, "globex") == before
        assert not exporter.lines("a defect of the exporter")
