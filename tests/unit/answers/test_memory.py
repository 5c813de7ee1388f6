"""Memory that runs out while an answer is read is an error of that answer, and not the end of the process."""

import subprocess
import sys

import pytest

FREE_MEBIBYTES = [1, 8, 17, 20, 24, 28, 512]
READING = """
import json, os, re, resource, sys
from pathlib import Path
from exporter.answers.parse import parse
from exporter.sendkit.feeds import analytics
from tests.answers import envelope, mailbox

feed = analytics.all_time(60)
body = envelope([mailbox(_id=f"m{number}") for number in range(20_000)])
parse(envelope([mailbox()]), feed)

def read(free_mebibytes):
    taken = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
    resource.setrlimit(resource.RLIMIT_AS, (taken + free_mebibytes * 2**20,) * 2)
    for _ in range(3):
        try:
            print(len(parse(body, feed)))
        except MemoryError:
            print("MemoryError")

for free_mebibytes in map(int, sys.argv[1:]):
    print("free", free_mebibytes, flush=True)
    child = os.fork()  # each has the same memory
    if not child:
        read(free_mebibytes)
        sys.stdout.flush()
        os._exit(0)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def read() -> dict[str, list[str]]:
    """What each reading with so little memory printed, by the mebibytes that were free."""
    ran = subprocess.run(
        [sys.executable, "-c", READING, *map(str, FREE_MEBIBYTES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = [part.split() for part in ran.stdout.split("free ")[1:]]
    return {free: words for free, *words in printed}


@pytest.mark.parametrize("free_mebibytes", FREE_MEBIBYTES)
def test_memory_that_runs_out_is_an_error_of_the_answer_alone(
    read: dict[str, list[str]], free_mebibytes: int
) -> None:
    *answers, _, code = read[str(free_mebibytes)]
    assert code == "0"
    assert {*answers} <= {"20000", "MemoryError"}
    assert len(answers) == 3


def test_memory_runs_out_with_little_and_is_enough_with_more(read: dict[str, list[str]]) -> None:
    """Otherwise these readings show nothing."""
    assert "MemoryError" in read[str(FREE_MEBIBYTES[0])]
    assert "20000" in read[str(FREE_MEBIBYTES[-1])]
