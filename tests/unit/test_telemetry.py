"""The exporter's own metrics, in both formats."""

import platform
from importlib import metadata

import pytest

from exporter.catalogue.own import METRICS
from exporter.exposition.telemetry import Telemetry, version
from exporter.textformat.lines import END, Format
from tests.samples import Samples


def samples_of(telemetry: Telemetry, format_: Format = Format.TEXT, *, process: bool = True) -> Samples:
    return Samples((telemetry.text(format_, process=process) + END[format_]).decode())


@pytest.fixture
def used() -> Telemetry:
    """Metrics after everything that is counted happened once."""
    telemetry = Telemetry()
    telemetry.api_requests.labels("200").inc(3)
    telemetry.api_requests.labels("error").inc()
    telemetry.api_retries.inc(2)
    telemetry.web_info.labels("https://sendkit.example").set(1)
    telemetry.series.set(12345)
    telemetry.render_duration.set(0.25)
    telemetry.reload_successful.set(1)
    telemetry.reload_timestamp.set(1_700_000_000.5)
    telemetry.discovery_up.labels('agency "1"\n\\').set(0)
    telemetry.discovery_last_success.labels('agency "1"\n\\').set(1_700_000_000)
    return telemetry


@pytest.mark.parametrize("format_", Format)
def test_every_metric_of_the_exporter_is_there_with_its_value(used: Telemetry, format_: Format) -> None:
    samples = samples_of(used, format_)

    account = 'agency "1"\n\\'
    assert samples.one("sendkit_api_requests_total", code="200") == 3
    assert samples.one("sendkit_api_requests_total", code="error") == 1
    assert samples.one("sendkit_api_retries_total") == 2
    assert samples.one("sendkit_exporter_web_info", external_url="https://sendkit.example") == 1
    assert samples.one("sendkit_exporter_series") == 12345
    assert samples.one("sendkit_exporter_render_duration_seconds") == 0.25
    assert samples.one("sendkit_exporter_config_last_reload_successful") == 1
    assert samples.one("sendkit_exporter_config_last_reload_success_timestamp_seconds") == 1_700_000_000.5
    assert samples.one("sendkit_discovery_up", account=account) == 0
    assert samples.one("sendkit_discovery_last_success_timestamp_seconds", account=account) == 1_700_000_000
    assert samples.by_name["sendkit_exporter_build_info"] == {
        frozenset({("version", version()), ("pythonversion", platform.python_version())}): 1
    }


@pytest.mark.parametrize("format_", Format)
def test_the_types_are_those_of_the_catalogue(used: Telemetry, format_: Format) -> None:
    types = samples_of(used, format_).types

    assert {metric.name: types[metric.name.removesuffix("_total")] for metric in METRICS} == {
        metric.name: metric.type for metric in METRICS
    }


@pytest.mark.parametrize("format_", Format)
def test_the_librarys_metrics_of_the_process_and_of_python_are_there_and_may_be_left_out(
    used: Telemetry, format_: Format
) -> None:
    everything, ours = samples_of(used, format_), samples_of(used, format_, process=False)

    assert {
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "python_info",
    } <= {*everything.by_name}
    assert {*ours.by_name} == {metric.name for metric in METRICS}
    assert {*ours} <= {*everything}
    assert all(
        name.startswith(("process_", "python_")) for name in everything.by_name.keys() - ours.by_name.keys()
    )


@pytest.mark.parametrize("format_", Format)
def test_no_time_of_creation_is_exposed(used: Telemetry, format_: Format) -> None:
    assert not [name for name in samples_of(used, format_).by_name if name.endswith("_created")]


@pytest.mark.parametrize("format_", Format)
def test_a_metric_of_which_nothing_is_known_is_left_out(format_: Format) -> None:
    text = Telemetry().text(format_).decode()

    assert "sendkit_discovery" not in text
    assert "sendkit_api_requests" not in text
    assert "sendkit_api_retries" in text


def test_a_sample_without_labels_is_its_name_alone(used: Telemetry) -> None:
    text = used.text(Format.TEXT).decode()

    assert "\nsendkit_exporter_series " in text
    assert "{}" not in text


def test_the_end_of_the_format_is_left_to_the_body(used: Telemetry) -> None:
    assert b"# EOF" not in used.text(Format.OPENMETRICS)


def test_what_is_shown_of_accounts_that_are_gone_is_dropped() -> None:
    telemetry = Telemetry()
    for account in ("stays", "goes"):
        telemetry.discovery_up.labels(account).set(1)
        telemetry.discovery_last_success.labels(account).set(1)

    telemetry.keep_accounts({"stays", "never there"})

    samples = samples_of(telemetry)
    for name in ("sendkit_discovery_up", "sendkit_discovery_last_success_timestamp_seconds"):
        assert samples.values_of("account", name) == {"stays"}


def test_two_exporters_in_one_process_do_not_share_metrics() -> None:
    one, other = Telemetry(), Telemetry()
    one.api_retries.inc()

    assert samples_of(other).one("sendkit_api_retries_total") == 0


def test_the_version_is_the_distributions() -> None:
    assert version() == metadata.version("sendkit-exporter")
