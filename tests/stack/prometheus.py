"""A real Prometheus on a free port, over a directory of its own."""

import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.waiting import wait_for

Labels = dict[str, str]
Samples = list[tuple[int, str]]


class Prometheus:
    """A running Prometheus that scrapes nothing; its TSDB is `directory`/tsdb and stays."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self._directory, self._flags = directory, flags
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"

    def __enter__(self) -> Self:
        config = self._directory / "prometheus.yml"
        if not config.exists():
            config.write_text("{}\n")
        log = self._directory / "prometheus.log"
        with log.open("a") as output:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._directory / 'tsdb'}",
                    "--storage.tsdb.retention.time=10y",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    *self._flags,
                ],
                stdout=output,
                stderr=output,
            )
        self._client = httpx.Client(base_url=self.url, timeout=120, trust_env=False)
        wait_for(self._is_ready, what=f"Prometheus: {log.read_text()[-2000:]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._directory / "prometheus.log").read_text()[-2000:]
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def query(self, expr: str, time: float) -> list[tuple[Labels, float]]:
        """Return the series of an instant query with their values; raise AssertionError for a refused one."""
        found = self._ask("query", query=expr, time=time)
        return [(series["metric"], float(series["value"][1])) for series in found]

    def query_range(self, expr: str, start: int, end: int, step: int) -> list[tuple[Labels, Samples]]:
        """Return the series of a range query with their samples (second, value as text)."""
        found = self._ask("query_range", query=expr, start=start, end=end, step=step)
        return [(series["metric"], [(int(t), v) for t, v in series["values"]]) for series in found]

    def label_values(self, selector: str, label: str, start: float, end: float) -> list[str]:
        """Return the values of a label in the series of a selector."""
        values: list[str] = self._ask(
            f"label/{label}/values", "GET", **{"match[]": selector, "start": start, "end": end}
        )
        return values

    def _ask(self, path: str, method: str = "POST", **parameters: str | float) -> Any:  # noqa: ANN401 - JSON
        asked = {"params": parameters} if method == "GET" else {"data": parameters}
        answer = self._client.request(method, f"/api/v1/{path}", **asked).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {parameters}"
        return answer["data"]["result"] if path.startswith("query") else answer["data"]
