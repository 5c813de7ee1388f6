"""The exporter's own metrics, kept by the client library."""

import platform
from collections.abc import Collection
from importlib import metadata
from typing import Literal

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from exporter.catalogue import own as metrics
from exporter.catalogue.kinds import Metric
from exporter.textformat.lines import Format, encode_samples, header

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
        self.web_info = self._gauge(metrics.WEB_INFO)
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
        """Drop the samples of all other accounts."""
        for gauge in (self.discovery_up, self.discovery_last_success):
            for sample in [sample for family in gauge.collect() for sample in family.samples]:
                if sample.labels["account"] not in names:
                    gauge.remove(sample.labels["account"])

    def text(self, format_: Format, *, process: bool = True) -> bytes:
        """Return the metrics' lines without the format's end; `process` with the library's own."""
        registries = [self._registry, self._of_this_process] if process else [self._registry]
        families = [family for registry in registries for family in registry.collect()]
        return b"".join(_family_text(family, format_) for family in families if family.samples)


def _family_text(family: prometheus_client.Metric, format_: Format) -> bytes:
    """Return a family of the library's gauges and counters; our encoder is much faster than its own."""
    name = family.samples[0].name
    kind: Literal["gauge", "counter"] = "counter" if family.type == "counter" else "gauge"
    samples = ((sample.labels, sample.value) for sample in family.samples)
    return header(Metric(name, kind, family.documentation), format_) + encode_samples(name, samples)


def version() -> str:
    """Return the version of the installed distribution."""
    return metadata.version("sendkit-exporter")
