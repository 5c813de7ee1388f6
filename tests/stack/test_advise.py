"""`advise` over the real Prometheus, which knows weeks of a fleet whose incidents are known."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config import Thresholds
from tests.commands import Outcome, run
from tests.servers import RANGE, on_path
from tests.stack.days_before import DAY_SECONDS, HOUR_SECONDS, write_blocks
from tests.stack.processes import Processes, free_port, start_simulator
from tests.stack.prometheus_servers import start_prometheus

DAYS = 20
SENT_AN_HOUR = 5
BAD_DAYS = (5, 12)
"""Days before now on which every fourth mail of one domain bounced."""
DOMAINS = ("good.example", "bad.example")


def samples(now: float) -> Iterator[str]:
    """Yield what a Prometheus would have of a workspace of two domains with two mailboxes each."""
    for name, value in Thresholds().model_dump().items():
        yield f'sendkit_alert_threshold{{workspace="acme",threshold="{name}"}} {value} {now:.0f}'
    for domain in DOMAINS:
        for mailbox in (1, 2):
            labels = f'workspace="acme",domain="{domain}",mailbox_id="{domain}-{mailbox}"'
            sent = bounced = 0
            for hour in range(DAYS * 24 + 1):
                at = now - DAYS * DAY_SECONDS + hour * HOUR_SECONDS
                sent += SENT_AN_HOUR
                ago = (now - at) / DAY_SECONDS
                is_bad = domain == "bad.example" and any(day < ago < day + 1 for day in BAD_DAYS)
                bounced += (hour % 4 == 0) * SENT_AN_HOUR if is_bad else 0
                yield f"sendkit_mailbox_emails_sent_total{{{labels}}} {sent} {at:.0f}"
                yield f"sendkit_mailbox_emails_bounced_total{{{labels}}} {bounced} {at:.0f}"
                yield f"sendkit_mailbox_emails_replied_total{{{labels}}} {sent // 50} {at:.0f}"
                yield f"sendkit_mailbox_sent_today{{{labels}}} {38 if ago > 3 else 41} {at:.0f}"
                yield f"sendkit_mailbox_daily_send_limit{{{labels}}} 40 {at:.0f}"


@pytest.fixture(scope="module", params=RANGE)
def advice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """What it says of weeks on the Prometheus of each end of the range."""
    processes = Processes(tmp_path_factory.mktemp("processes"))
    write_blocks(
        processes.folder / "prometheus", sorted(samples(time.time()), key=lambda line: line.split("{")[0])
    )
    with on_path(request.param):
        prometheus = start_prometheus(processes, {}, "--storage.tsdb.retention.time=10y")
    yield run("advise", "--prometheus.url", prometheus.process.url, "--weeks", "3")
    processes.end()


def row(advice: Outcome, threshold: str) -> str:
    [found] = [line for line in advice.out.splitlines() if line.startswith(f"{threshold} ")]
    return " ".join(found.split())


def test_advise_says_how_often_a_domain_would_have_called(advice: Outcome) -> None:
    assert (advice.code, advice.err) == (0, "")
    assert advice.out.startswith("Days with mail: 20, workspaces: 1.")
    found = row(advice, "domain_bounce_ratio_critical")
    assert found.startswith("domain_bounce_ratio_critical 0.03 2 times 0.15 0.015: 2,"), found


def test_a_threshold_that_called_nobody_fits(advice: Outcome) -> None:
    assert row(advice, "reply_ratio_drop").startswith("reply_ratio_drop 0.4 0 times yes")


def test_advise_names_the_lowest_value_that_fits(advice: Outcome) -> None:
    """Four mailboxes send 38 of 40, and for three days 41."""
    assert row(advice, "daily_limit_usage").startswith("daily_limit_usage 0.9 4 times none of these")
    assert row(advice, "minimum_bounces").split(" ")[1:4] == ["3", "4", "times"]


def test_a_prometheus_without_the_exporter_is_an_error(processes: Processes) -> None:
    prometheus = start_prometheus(processes, {})
    found = run("advise", "--prometheus.url", prometheus.process.url)
    assert found.code == 1
    assert "has no sendkit_alert_threshold" in found.err


def test_a_server_that_is_no_prometheus_is_an_error(processes: Processes) -> None:
    found = run("advise", "--prometheus.url", start_simulator(processes).url)
    assert found.code == 1
    assert "does not answer as Prometheus" in found.err
    away = run("advise", "--prometheus.url", f"http://me:secret@127.0.0.1:{free_port()}")
    assert (away.code, "secret" in away.err) == (1, False)


def test_advise_without_an_address_is_bad_usage(tmp_path: Path) -> None:
    assert run("advise").code == 2
    assert run("advise", "--prometheus.url", str(tmp_path)).code == 2
