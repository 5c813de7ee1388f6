"""Prometheus asked over its HTTP API."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from exporter.commands.flags import without_password

_TIMEOUT_SECONDS = 120.0
_SHOWN_CHARACTERS = 200


class PrometheusError(Exception):
    """Why Prometheus gave no answer that can be used."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A series with its value."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A Prometheus, or what answers as one; an async context manager."""

    def __init__(self, url: str) -> None:
        self.shown = without_password(url)
        """Its address without user and password."""
        self._client = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=_TIMEOUT_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def at(self, expression: str, time: float) -> Sequence[Sample]:
        """Return an expression's value at a time (Unix seconds); raises `PrometheusError`."""
        try:
            answer = await self._client.post(
                "/api/v1/query", data={"query": expression, "time": f"{time:.3f}"}
            )
            found: Any = answer.json()
        except httpx.HTTPError as error:
            raise PrometheusError(f"{self.shown}: {str(error) or type(error).__name__}") from None
        except ValueError:
            raise PrometheusError(
                f"{self.shown} answers {answer.status_code} and no JSON: expected the address of a Prometheus"
            ) from None
        try:
            if found["status"] != "success":
                raise PrometheusError(f"{self.shown}: {str(found['error'])[:_SHOWN_CHARACTERS]}")
            samples = [Sample(each["metric"], float(each["value"][1])) for each in found["data"]["result"]]
        except (KeyError, IndexError, TypeError, ValueError):
            raise PrometheusError(f"{self.shown} does not answer as Prometheus") from None
        return [sample for sample in samples if math.isfinite(sample.value)]
