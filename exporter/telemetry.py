"""The exporter's own metrics, kept by the client library."""

import platform
from collections.abc import Collection
from importlib import metadata

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    exposition,
)
from prometheus_client.openmetrics import exposition as openmetrics

from exporter import metrics
from exporter.exposition import END, Format
from exporter.metrics import Metric

# Creation times are series that no one asked for, and that the text format has no place for.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Telemetry:
    """The catalogue's metrics of the exporter, and the library's of the process and of Python."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.api_requests = self._counter(metrics.API_REQUESTS)
        self.api_retries = self._counter(metrics.API_RETRIES)
        self.series = self._gauge(metrics.SERIES)
        self.render_duration = self._gauge(metrics.RENDER_DURATION)
        self.reload_successful = self._gauge(metrics.RELOAD_SUCCESSFUL)
        self.reload_timestamp = self._gauge(metrics.RELOAD_TIMESTAMP)
        self.discovery_up = self._gauge(metrics.DISCOVERY_UP)
        self.discovery_last_success = self._gauge(metrics.DISCOVERY_LAST_SUCCESS)
        self._gauge(metrics.BUILD_INFO).labels(version(), platform.python_version()).set(1)
        self._of_this_process = CollectorRegistry()
        ProcessCollector(registry=self._of_this_process)
        PlatformCollector(registry=self._of_this_process)
        GCCollector(registry=self._of_this_process)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help_text, metric.labels, registry=self._registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help_text, metric.labels, registry=self._registry)

    def keep_accounts(self, names: Collection[str]) -> None:
        """Drop what is told of all other accounts."""
        for gauge in (self.discovery_up, self.discovery_last_success):
            for sample in [sample for family in gauge.collect() for sample in family.samples]:
                if sample.labels["account"] not in names:
                    gauge.remove(sample.labels["account"])

    def text(self, format_: Format, *, process: bool = True) -> bytes:
        """Return the metrics' lines without the format's end; `process` with the library's own."""
        registries = [self._registry, self._of_this_process] if process else [self._registry]
        generate = (
            openmetrics.generate_latest if format_ is Format.OPENMETRICS else exposition.generate_latest
        )
        return b"".join(generate(registry).removesuffix(END[format_]) for registry in registries)


def version() -> str:
    """Return the version of the installed distribution."""
    return metadata.version("sendkit-exporter")
