"""A log that nobody reads, as behind a pager or a collector that hangs."""

import json
import os
import subprocess
import time
from contextlib import suppress

import httpx

from tests.commands import COMMAND
from tests.stack.processes import free_port
from tests.waiting import wait_for

LONGEST_SECONDS = 5.0
REQUESTS = 20


def test_a_log_that_nobody_reads_keeps_neither_scrapes_nor_the_end() -> None:
    """The pipe is full at once: at debug every poll is a line and more."""
    port = free_port()
    command = [*COMMAND, "demo", "--log.level", "debug", "--web.listen-address", f"127.0.0.1:{port}"]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stderr=writing) as process:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            try:
                return httpx.get(f"{url}/-/ready", timeout=2, trust_env=False).is_success
            except httpx.TransportError:
                return False

        wait_for(answers, 60, what="it answers with a log that nobody reads")
        for _ in range(REQUESTS):
            assert httpx.get(f"{url}/metrics", timeout=2, trust_env=False).status_code == 200
        began = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0
        assert time.monotonic() - began < LONGEST_SECONDS
    os.close(reading)
    os.close(writing)


def test_the_log_says_how_many_lines_were_lost_once_it_is_read_again() -> None:
    program = """
import json, logging, sys
from exporter import log
log.MOST_WAITING_CHARACTERS = 20_000
log.configure("info", "json")
logger = logging.getLogger("x")
for number in range(5_000):
    logger.info("line %d %s", number, "x" * 100)
print("full", flush=True)
sys.stdin.readline()
log._writer.flush(30)
logger.info("the last line")
log.flush()
"""
    with subprocess.Popen(
        [COMMAND[0], "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"full\n", "it goes on while nobody reads"
        _, errors = process.communicate(b"\n", timeout=60)
    messages = [json.loads(line)["msg"] for line in errors.splitlines()]
    lost = [int(message.rpartition(": ")[2]) for message in messages if message.startswith("log lines lost")]
    assert messages[-1] == "the last line"
    lines = [message for message in messages if message.startswith("line ")]
    assert sum(lost) > 0
    assert len(lines) + sum(lost) == 5_000
