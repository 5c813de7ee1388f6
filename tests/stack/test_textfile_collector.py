"""`once` as cron runs it, the real node_exporter, which serves the file, and the real Prometheus."""

from pathlib import Path

import pytest

from tests.commands import config_file, run
from tests.samples import Samples
from tests.servers import NEWEST
from tests.stack.processes import Process, Processes, free_port, start_simulator
from tests.stack.prometheus_servers import scrape_job, start_prometheus
from tests.waiting import wait_for

NODE_EXPORTER = str(NEWEST / "prometheus-node-exporter")
FILE = "sendkit.prom"


def start_node_exporter(processes: Processes, folder: Path) -> Process:
    """Start node_exporter with its textfile collector alone."""
    port = free_port()
    process = processes.start(
        "node_exporter",
        (
            NODE_EXPORTER,
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
    )
    process.url = f"http://127.0.0.1:{port}"
    wait_for(lambda: process.answers("/metrics"), what="node_exporter answers")
    return process


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    return folder


def test_node_exporter_serves_the_file_and_prometheus_sees_counters_rise(
    processes: Processes, tmp_path: Path, texts: Path
) -> None:
    simulator = start_simulator(processes, "--mailboxes=10", "--workspaces=1", "--speed=3600")
    [workspace] = simulator.workspaces
    config = config_file(
        tmp_path,
        api={"base_url": simulator.url, "max_attempts": 1},
        accounts=[{"name": "acme", "api_key": workspace["key"]}],
        state={"directory": "state"},
    )
    node = start_node_exporter(processes, texts)
    job = scrape_job("node", node.url, scrape_interval="1s", scrape_timeout="1s")
    prometheus = start_prometheus(processes, {"scrape_configs": [job]})

    def cron(code: int = 0) -> Samples:
        """Run it as cron does, and wait until Prometheus has what it wrote."""
        ended = run("once", "--config.file", config, "--output", texts / FILE)
        assert ended.code == code, ended.err
        written = Samples((texts / FILE).read_text())
        polls = written.one("sendkit_polls_total", window="all")
        wait_for(lambda: prometheus.value('sendkit_polls_total{window="all"}') == polls)
        return written

    written = cron()
    assert "node_textfile_scrape_error 0" in node.get("/metrics").text
    assert prometheus.value("count(sendkit_mailbox_info)") == 10

    def mails_rise() -> bool:
        cron()
        return prometheus.value("sum(increase(sendkit_mailbox_emails_sent_total[1m])) > 0") is not None

    wait_for(mails_rise, what="mails are counted from run to run")
    assert prometheus.value("sum(increase(sendkit_poll_failures_total[1m]))") == 0

    simulator.begin("key_revoked", workspace=workspace["name"])
    for _ in range(2):
        written = cron(code=1)
    assert written.one("sendkit_poll_failures_total", window="all", reason="auth") == 2
    refused = 'increase(sendkit_poll_failures_total{window="all",reason="auth"}[1m]) > 0'
    wait_for(lambda: prometheus.value(refused), what="the refused key is counted")
    assert prometheus.value('sendkit_up{window="all"}') == 0
