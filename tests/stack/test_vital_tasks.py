"""A part of the daemon that cannot go on ends the process, which says so: a supervisor starts it again."""

import subprocess
import sys
from contextlib import suppress

import httpx
import pytest

from tests.stack.processes import Processes, served_at
from tests.waiting import wait_for

ONCE_WITHOUT_MEMORY = """
import sys
from importlib import import_module
module, _, name = sys.argv.pop(1).rpartition(".")
holder = getattr(import_module(module.rpartition(".")[0]), module.rpartition(".")[2])

async def fail(*_):
    raise MemoryError

def soon(*_):
    raise MemoryError

setattr(holder, name, soon if name == "_admit" else fail)
from exporter.__main__ import main
main()
"""

WITH_FEW_THREADS = """
import os, resource, sys, threading
from exporter.__main__ import main
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
os.setgid(65534)
os.setuid(65534)
main()
"""


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("exporter.web.gate.Gate._admit", "taking in connections"),
        ("exporter.polling.schedule.Schedule._watch_heartbeat", "the watch over the schedule"),
    ],
)
def test_a_task_that_runs_out_of_memory_ends_the_process_with_1_and_a_line(
    processes: Processes, place: str, part: str
) -> None:
    command = [sys.executable, "-c", ONCE_WITHOUT_MEMORY, place]
    exporter = processes.start("exporter", [*command, "run", "--web.listen-address", "127.0.0.1:0"], KEY)
    address = served_at(exporter, r'\baddress"?(?:=|: )"?([0-9.]+:[0-9]+)')

    def has_ended() -> bool:
        with suppress(httpx.TransportError):
            httpx.get(f"http://{address}/metrics", timeout=1, trust_env=False)
        return exporter.popen.poll() is not None

    wait_for(has_ended, what="the process ends")
    assert exporter.popen.returncode == 1
    assert exporter.lines("the exporter cannot go on", part, "MemoryError")


KEY = {"SENDKIT_API_KEY": "sk_canary-0123456789abcdef"}


@pytest.mark.parametrize("processes_at_most", [1, 2, 4])
def test_too_few_threads_are_an_error_in_one_line(processes_at_most: int) -> None:
    """Root may have any number, so this goes on as nobody, who can read no file of root's."""
    ended = subprocess.run(
        [sys.executable, "-c", WITH_FEW_THREADS, str(processes_at_most), "run"],
        env=KEY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "ulimit -u" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
