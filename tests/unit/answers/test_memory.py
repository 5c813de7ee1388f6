"""Memory that runs out while an answer is read is an error of that answer, and not the end of the process."""

import subprocess
import sys

import pytest

READING = """
import json, re, resource
from pathlib import Path
from exporter.answers.parse import parse
from exporter.sendkit.feeds import analytics
from tests.answers import envelope, mailbox

feed = analytics.all_time(60)
body = envelope([mailbox(_id=f"m{number}") for number in range(20_000)])
parse(envelope([mailbox()]), feed)
taken = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
resource.setrlimit(resource.RLIMIT_AS, (taken + %d * 2**20,) * 2)
for _ in range(3):
    try:
        print(len(parse(body, feed)))
    except MemoryError:
        print("MemoryError")
"""


@pytest.mark.parametrize("free_mebibytes", [1, 8, 17, 20, 24, 28])
def test_that_runs_out_is_an_error_of_the_answer_alone(free_mebibytes: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", READING % free_mebibytes], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert {*ran.stdout.split()} <= {"20000", "MemoryError"}
    assert len(ran.stdout.split()) == 3
