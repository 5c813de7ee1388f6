"""Signals to every command, from its first instruction on, whatever hangs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import COMMAND
from tests.stack.processes import Processes, Simulator, start_exporter, start_simulator
from tests.waiting import wait_for

CANARY = "sk_canary-0123456789abcdef"
LONGEST_SECONDS = 5.0
AS_PROCESS_1 = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

ENDING = (signal.SIGTERM, signal.SIGINT)
COMMANDS = {
    "run": ["run", "--web.listen-address", "127.0.0.1:0"],
    "demo": ["demo", "--web.listen-address", "127.0.0.1:0"],
    "simulate": ["simulate", "--listen-address", "127.0.0.1:0"],
    "once": ["once"],
    "check": ["check", "--probe"],
}


def is_blocked(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
    return bool(int(blocked, 16) >> (number - 1) & 1)


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    environ = {"PATH": os.environ["PATH"], "SENDKIT_API_KEY": CANARY}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, float, str]:
    """Return the exit code, the seconds until then and what was written to standard error."""
    began = time.monotonic()
    _, errors = process.communicate(timeout=20)
    return process.returncode, time.monotonic() - began, errors.decode()


def held_at_first(pid: int) -> None:
    """Wait for a process to hold its signals, and assert that it has imported next to nothing then."""
    wait_for(lambda: is_blocked(pid, signal.SIGTERM), what="signals are held")
    assert "pydantic_core" not in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_during_the_imports_ends_any_command_with_0(command: str, number: signal.Signals) -> None:
    with started(*COMMAND, *COMMANDS[command]) as process:
        held_at_first(process.pid)
        process.send_signal(signal.SIGHUP)
        process.send_signal(number)
        code, seconds, errors = ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors
    assert seconds < LONGEST_SECONDS


def test_the_installed_program_holds_signals_first() -> None:
    program = Path(sys.executable).with_name("sendkit-exporter")
    with started(sys.executable, str(program), *COMMANDS["run"]) as process:
        held_at_first(process.pid)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0


@pytest.mark.parametrize("number", ENDING)
def test_as_process_1_of_a_container_it_ends_at_the_first_signal_too(number: signal.Signals) -> None:
    with started(*AS_PROCESS_1, *COMMAND, *COMMANDS["run"]) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        child = int(wait_for(children.read_text, what="the command runs"))
        # Before that it is still `unshare`, which holds signals for a moment, too.
        wait_for(lambda: "python" in Path(f"/proc/{child}/exe").readlink().name, what="it is Python")
        held_at_first(child)
        os.kill(child, number)
        code, seconds, errors = ended(process)
    assert code == 0, errors
    assert seconds < LONGEST_SECONDS


def test_a_hangup_during_the_imports_reloads_as_soon_as_that_can_be(processes: Processes) -> None:
    simulator = start_simulator(processes, "--mailboxes", "4", "--workspaces", "1")
    process = processes.start(
        "exporter",
        [*COMMAND, *COMMANDS["run"], "--config.file", str(config(processes, simulator))],
    )
    held_at_first(process.popen.pid)
    process.send(signal.SIGHUP)
    wait_for(lambda: process.lines("configuration reloaded"), what="it reloads")
    assert process.end() == 0


def config(processes: Processes, simulator: Simulator) -> Path:
    path = processes.folder / "exporter.yaml"
    path.write_text(
        f"api: {{base_url: '{simulator.url}'}}\n"
        f"accounts: [{{name: acme, api_key: {simulator.workspaces[0]['key']}}}]\n"
    )
    return path


@pytest.mark.parametrize("number", ENDING)
def test_a_running_daemon_ends_with_0_and_outlives_every_hangup(
    processes: Processes, number: signal.Signals
) -> None:
    simulator = start_simulator(processes, "--mailboxes", "4", "--workspaces", "1")
    account = {"name": "acme", "api_key": simulator.workspaces[0]["key"]}
    exporter = start_exporter(processes, {"api": {"base_url": simulator.url}, "accounts": [account]})
    for _ in range(5):
        exporter.send(signal.SIGHUP)
    wait_for(lambda: exporter.lines("configuration reloaded"), what="it reloads")
    assert exporter.answers("/metrics")
    assert exporter.end(number, LONGEST_SECONDS) == 0
