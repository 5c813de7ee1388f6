"""Questions to a Prometheus, at any time of the past."""

from dataclasses import dataclass
from typing import Any

import httpx

Labels = dict[str, str]
Samples = list[tuple[int, str]]
SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Queries:
    """What a Prometheus at `url` is asked; a refused question raises AssertionError."""

    url: str

    def instant(self, expr: str, time: float) -> list[tuple[Labels, float]]:
        """Return the series of an instant query with their values."""
        found = self._ask("query", query=expr, time=time)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def span(self, expr: str, start: float, end: float, step: float) -> list[tuple[Labels, Samples]]:
        """Return the series of a range query with their samples (second, value as text)."""
        found = self._ask("query_range", query=expr, start=start, end=end, step=step)["result"]
        return [(series["metric"], [(int(t), v) for t, v in series["values"]]) for series in found]

    def series(self, selector: str, start: float, end: float) -> list[Labels]:
        """Return the labels of the series that a selector finds within a time."""
        found: list[Labels] = self._ask("series", start=start, end=end, **{"match[]": selector})
        return found

    def _ask(self, path: str, **parameters: str | float) -> Any:  # noqa: ANN401 - as in JSON
        answer = httpx.post(f"{self.url}/api/v1/{path}", data=parameters, timeout=SECONDS, trust_env=False)
        told = answer.json()
        assert told["status"] == "success", f"{told.get('error')}: {parameters}"
        return told["data"]
