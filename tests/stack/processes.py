"""Servers as processes of their own: started, waited for, asked, and ended whatever happens.

Each logs to a file of its own, whose end is printed as it ends, so that a failed test shows it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.collectors import OFF
from tests.samples import Samples
from tests.waiting import wait_for

EXPORTER = (sys.executable, "-m", "exporter")
SIMULATOR = (*EXPORTER, "simulate", "--listen-address", "127.0.0.1:0")
END_SECONDS = 10.0
STOP_SECONDS = 5.0
"""Within which a signal ends each command: what the contract promises, not a measurement."""
SHOWN_LOG_CHARACTERS = 8000


def free_port() -> int:
    """Return a port that nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(slots=True)
class Process:
    """A running process; `url` is where it serves, if it does."""

    name: str
    command: Sequence[str]
    popen: subprocess.Popen[bytes]
    log_file: Path
    url: str = ""

    @property
    def address(self) -> str:
        """Return host and port of `url`."""
        return self.url.removeprefix("http://")

    def log(self) -> str:
        """Return what it wrote to standard output and standard error."""
        return self.log_file.read_text(errors="replace")

    def lines(self, *words: str) -> list[str]:
        """Return the lines of the log that hold all these words."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def get(self, path: str = "/", **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's options
        """Return the answer to a GET."""
        return httpx.get(self.url + path, timeout=10, trust_env=False, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's options
        """Return the answer to a POST."""
        return httpx.post(self.url + path, timeout=10, trust_env=False, **options)

    def answers(self, path: str = "/") -> bool:
        """Whether a GET is answered 200; raise AssertionError when the process has ended."""
        self.assert_running()
        try:
            return self.get(path).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def assert_running(self) -> None:
        """Raise AssertionError, with the log, when the process has ended."""
        code = self.popen.poll()
        assert code is None, f"{self.name} ended with {code}:\n{self.log()[-SHOWN_LOG_CHARACTERS:]}"

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = END_SECONDS) -> int:
        """End it by a signal and return its exit code; raise AssertionError when it takes longer."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.name} did not end within {seconds:g} s of {number.name}") from None


@dataclass(slots=True)
class Processes:
    """The processes of a test, with a folder for their logs, configurations and data."""

    folder: Path
    running: list[Process] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> Process:
        """Start a command; `environ` is added to a small environment without keys or proxies."""
        log_file = self.folder / f"{name}-{len(self.running)}.log"
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with log_file.open("wb") as log:
            popen = subprocess.Popen(
                command,
                env={**clean, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        process = Process(name, command, popen, log_file)
        self.running.append(process)
        return process

    def serve(self, name: str, command: Sequence[str], address: str) -> Process:
        """Start a server that listens at an address, and wait until it is ready."""
        process = self.start(name, command)
        process.url = f"http://{address}"
        wait_for(lambda: process.answers("/-/ready"), what=f"{name} is ready")
        return process

    def restart(self, process: Process) -> None:
        """End a process, start its command again, which says where it serves, and wait until it is ready."""
        process.end()
        again = self.start(process.name, process.command)
        self.running.remove(again)
        process.popen, process.log_file = again.popen, again.log_file
        wait_for(lambda: process.answers("/-/ready"), what=f"{process.name} is ready again")

    def end(self) -> None:
        """End all of them, the last one first, and print the ends of their logs."""
        for process in reversed(self.running):
            try:
                process.end()
            except AssertionError as error:
                print(error)  # noqa: T201 - pytest shows it with a test that failed
            print(f"--- {process.name} ---\n{process.log()[-SHOWN_LOG_CHARACTERS:]}")  # noqa: T201


def served_at(process: Process, pattern: str) -> str:
    """Wait for the line of the log that tells where a process serves, and return that."""

    def told() -> re.Match[str] | None:
        process.assert_running()
        return re.search(pattern, process.log())

    found = wait_for(told, what=f"{process.name} listens")
    assert found
    return found[1]


@dataclass(slots=True)
class Simulator:
    """A running simulated SendKit API."""

    process: Process
    url: str
    description: dict[str, Any]

    @property
    def platform_key(self) -> str:
        """Return the key that sees every workspace."""
        return str(self.description["platformKey"])

    @property
    def workspaces(self) -> list[dict[str, Any]]:
        """Return the workspaces, each with its id, name, key, mailboxes and domains."""
        return list(self.description["workspaces"])

    def begin(self, scenario: str, **parameters: object) -> int:
        """Start a scenario and return its id."""
        started = self.process.post(f"/simulator/scenarios/{scenario}", json=parameters)
        assert started.status_code == httpx.codes.CREATED, started.text
        return int(started.json()["id"])

    def stop_all(self) -> None:
        """Stop every scenario."""
        httpx.delete(f"{self.url}/simulator/scenarios", timeout=10, trust_env=False).raise_for_status()

    def truth(self, **window: str) -> dict[str, dict[str, Any]]:
        """Return what is true now, by workspace id and mailbox id."""
        answer = self.process.get("/simulator/truth", params=window).raise_for_status().json()
        workspaces: dict[str, dict[str, Any]] = answer["workspaces"]
        return workspaces

    def days(self, number: int) -> tuple[str, str]:
        """Return the first and the last of so many days up to today, the exporter's and the simulator's."""
        today = datetime.now(UTC).date()
        return (today - timedelta(days=number - 1)).isoformat(), today.isoformat()


def start_simulator(processes: Processes, *flags: str) -> Simulator:
    """Start `sendkit-exporter simulate`; at a speed of almost 0 unless `--speed` is given."""
    speed = () if "--speed" in flags else ("--speed", "0.000001")
    return run_simulator(processes, (*SIMULATOR, *speed, *flags))


def run_simulator(processes: Processes, command: Sequence[str]) -> Simulator:
    """Start a command that serves a simulated SendKit API."""
    process = processes.start("simulator", command)
    process.url = served_at(process, r"url=(http://\S+?)/simulator\b")
    wait_for(lambda: process.answers("/simulator"), what="the simulator answers")
    return Simulator(process, process.url, process.get("/simulator").json())


def start_exporter(
    processes: Processes,
    config: Mapping[str, Any],
    *flags: str,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = EXPORTER,
) -> Process:
    """Start `sendkit-exporter run` with a configuration, which is written to `exporter.yaml`."""
    write_config(processes, config)
    command = (
        *program,
        "run",
        "--config.file",
        str(processes.folder / "exporter.yaml"),
        "--web.listen-address",
        "127.0.0.1:0",
        *flags,
    )
    process = processes.start("exporter", command, environ)
    process.url = "http://" + served_at(process, r'\baddress"?(?:=|: )"?([0-9.]+:[0-9]+)')
    return process


def write_config(processes: Processes, config: Mapping[str, Any]) -> Path:
    """Write the exporter's configuration, for a start or a reload, and return where.

    Collectors are off unless it names them: many of these APIs have no other endpoint.
    """
    path = processes.folder / "exporter.yaml"
    path.touch(mode=0o600)  # it holds keys
    path.write_text(yaml.safe_dump({"collectors": OFF, **config}))
    return path


def scrape(process: Process, path: str = "/metrics", accept: str = "text/plain") -> Samples:
    """Return what a scrape gets."""
    return Samples(process.get(path, headers={"accept": accept}).raise_for_status().text)


def ended_cleanly(process: Process, number: signal.Signals = signal.SIGTERM) -> None:
    """End a process by a signal, in time and with 0."""
    began = time.monotonic()
    assert process.end(number) == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert "Traceback" not in process.log()
