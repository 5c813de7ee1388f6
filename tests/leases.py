"""A regular file that hangs, as one on a dead network mount does: whoever opens it waits for its lease."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = f"""
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(descriptor, {fcntl.F_SETLEASE}, {fcntl.F_WRLCK})
print("held", flush=True)
sys.stdin.read()
"""
"""The kernel keeps others waiting for /proc/sys/fs/lease-break-time, 45 s, while the holder says nothing."""


@contextmanager
def hanging(path: Path) -> Iterator[None]:
    """Have a file hang for whoever opens it."""
    assert int(Path("/proc/sys/fs/lease-break-time").read_text()) >= 30
    command = [sys.executable, "-c", _HOLD, os.fspath(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.kill()
