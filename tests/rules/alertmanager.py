"""A real Alertmanager with the example configuration."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.servers import alertmanager_program
from tests.waiting import wait_for

CONFIG = Path(__file__).parents[2] / "prometheus/alertmanager.example.yml"


Labels = dict[str, str]


class Alertmanager:
    """A real Alertmanager with the example configuration."""

    def __init__(self, address: str) -> None:
        self.address = address

    def post(self, alerts: list[Labels]) -> None:
        url = f"{self.address}/api/v2/alerts"
        httpx.post(url, json=[{"labels": labels} for labels in alerts]).raise_for_status()

    def inhibited(self) -> list[tuple[Labels, bool]]:
        """Return every alert, with whether it is inhibited."""
        alerts = httpx.get(f"{self.address}/api/v2/alerts").json()
        return [(alert["labels"], bool(alert["status"]["inhibitedBy"])) for alert in alerts]


@contextlib.contextmanager
def started(folder: Path, config: Path) -> Iterator[Alertmanager]:
    """Start an Alertmanager that knows of no alert yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                alertmanager_program(),
                f"--config.file={config}",
                f"--storage.path={folder}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        server = Alertmanager(f"http://{address}")

        def ready() -> bool:
            try:
                return httpx.get(f"{server.address}/-/ready").is_success
            except httpx.TransportError:
                return False

        wait_for(ready)
        yield server
    finally:
        process.terminate()
        process.wait()
