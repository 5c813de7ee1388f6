"""Do what the README tells, as a new user would: every command, in a copy of the checkout without a setup.

`python tests/walkthrough.py` runs it. The SendKit API is the simulated one, and all addresses are free ports.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVERS = ("make run", "sendkit-exporter run", "docker run")
ELSEWHERE = ("make test", "make lint", "make bench")
"""What .ci/run does beside this."""
LOCAL = ("venv", ".*", "build", "dist", "__pycache__", "config.yaml", "secrets")
PATIENCE_SECONDS = 300
STOP_SECONDS = 5


def blocks(readme: str) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of the README's blocks, in order."""
    yield from BLOCK.findall(readme)


def main() -> None:
    """Walk through the README from its top to its end; raises where it fails."""
    with tempfile.TemporaryDirectory() as folder, _simulated_api() as (api, key):
        checkout = Path(folder, "checkout")
        shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*LOCAL))
        for language, text in blocks((checkout / "README.md").read_text()):
            if language == "yaml":
                _write(checkout, text, api, key)
            else:
                for command in text.splitlines():
                    _do(checkout, command, key)


def _write(checkout: Path, text: str, api: str, key: str) -> None:
    """Put a piece of YAML where the README says, with the simulated API in SendKit's place."""
    if text.startswith("scrape_configs:"):
        (checkout / "prometheus.yml").write_text(text)
        _run(checkout, "promtool check config --syntax-only prometheus.yml")
        return
    (checkout / "config.yaml").write_text(f"{text}api:\n  base_url: {api}\n")
    (checkout / "secrets").mkdir()
    (checkout / "secrets/acme.key").write_text(key)


def _do(checkout: Path, command: str, key: str) -> None:
    if command in ELSEWHERE:
        return
    if command.startswith("docker ") and not _docker_answers():
        _tell(f"skipped, no container engine answers: {command}")
    elif command.startswith(SERVERS):
        _serve(checkout, command, key)
    else:
        _run(checkout, command)


def _docker_answers() -> bool:
    """Whether there is a container engine; a client alone is none."""
    docker = shutil.which("docker")
    return (
        docker is not None
        and not subprocess.run([docker, "info"], capture_output=True, check=False).returncode
    )


def _run(checkout: Path, command: str) -> None:
    _tell(command)
    subprocess.run(_shell(command), cwd=checkout, stdin=subprocess.DEVNULL, check=True)


def _shell(command: str) -> list[str]:
    """Return a command as a shell does it in which the README's environment is active, once it is there."""
    return ["bash", "-ec", f"if [ -e venv ]; then . venv/bin/activate; fi\n{command}"]


def _serve(checkout: Path, command: str, key: str) -> None:
    """Run a command until it is ready, scrape it and stop it, which it must do well and soon."""
    _tell(command)
    address = "127.0.0.1:19587" if command.startswith("docker ") else f"127.0.0.1:{_free_port()}"
    environ = os.environ | {"SENDKIT_EXPORTER_WEB_LISTEN_ADDRESS": address, "SENDKIT_API_KEY": key}
    with subprocess.Popen(_shell(command), cwd=checkout, env=environ, stdin=subprocess.DEVNULL) as process:
        try:
            # A container reaches no API here: it is well when it answers.
            _wait(process, f"http://{address}/-/{'healthy' if command.startswith('docker ') else 'ready'}")
            text = _get(f"http://{address}/metrics")
            subprocess.run(["promtool", "check", "metrics"], input=text, check=True)
            _tell(f"ready, {len(text.splitlines())} lines of metrics")
            os.kill(_innermost(process.pid), signal.SIGTERM)
            code = process.wait(STOP_SECONDS)
        except BaseException:
            os.kill(_innermost(process.pid), signal.SIGKILL)
            raise
    if code:
        raise SystemExit(f"{command}: exit code {code} after SIGTERM")


def _innermost(pid: int) -> int:
    """Return the process that others, such as make and a shell, only wait for."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            child, _, rest = stat.read_text().partition(" ")
        except OSError:  # it ended meanwhile
            continue
        parents[int(rest.rpartition(")")[2].split()[1])] = int(child)
    while pid in parents:
        pid = parents[pid]
    return pid


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait until a path answers 200."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _get(url)
        except OSError as error:  # refused, or a status such as 503
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{url}: {error}") from None
            time.sleep(0.1)
        else:
            return


def _get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


@contextmanager
def _simulated_api() -> Iterator[tuple[str, str]]:
    """Serve the simulated API; yield its address and a workspace's key."""
    address = f"127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "exporter.cli", "simulate", "--listen-address", address]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            _wait(process, f"http://{address}/simulator")
            world = json.loads(_get(f"http://{address}/simulator"))
            yield f"http://{address}", world["workspaces"][0]["key"]
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _tell(text: str) -> None:
    sys.stdout.write(f"README: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
