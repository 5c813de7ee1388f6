"""What a process holds: memory, descriptors, threads, and asyncio tasks if it says how many."""

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.stack.processes import Process
from tests.waiting import wait_for

SPARE = 3
"""More descriptors, threads or tasks than at first that are no leak: a connection or poll under way."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the exporter's process holds."""

    resident_kib: int
    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def by(cls, process: Process) -> "Held":
        """Return what a process of `tests/soaked.py` holds now."""
        told = len(process.lines("tasks="))
        process.send(signal.SIGUSR1)
        wait_for(lambda: len(process.lines("tasks=")) > told, what="the exporter tells its tasks")
        tasks = int(process.lines("tasks=")[-1].rpartition("=")[2])
        descriptors = len(list(Path(f"/proc/{process.popen.pid}/fd").iterdir()))
        return cls(status(process, "VmRSS"), descriptors, status(process, "Threads"), tasks)

    def is_no_more_than(self, other: "Held") -> bool:
        """Tell whether nothing but memory has grown since then."""
        return (
            self.descriptors <= other.descriptors + SPARE
            and self.threads <= other.threads + SPARE
            and self.tasks <= other.tasks + SPARE
        )

    def __str__(self) -> str:
        return (
            f"{self.resident_kib / 1024:.1f} MiB resident, {self.descriptors} descriptors, "
            f"{self.threads} threads, {self.tasks} tasks"
        )


def status(process: Process, name: str) -> int:
    """Return a number of /proc/PID/status."""
    found = re.search(
        rf"^{name}:\s*(\d+)", Path(f"/proc/{process.popen.pid}/status").read_text(), re.MULTILINE
    )
    assert found, name
    return int(found[1])
