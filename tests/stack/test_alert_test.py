"""`alert-test` through the real Alertmanager of both ends of the range, to a receiver that listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.commands import run
from tests.servers import servers
from tests.stack.processes import Process, Processes, free_port, start_simulator
from tests.stack.prometheus_servers import start_alertmanager
from tests.stack.webhook import Webhook, webhook
from tests.waiting import wait_for

__all__ = ["servers"]
pytestmark = pytest.mark.usefixtures("servers")


@contextmanager
def alertmanager(processes: Processes, **more: Any) -> Iterator[tuple[Process, Webhook]]:  # noqa: ANN401
    """Run Alertmanager with a receiver for pages and another one for the rest."""
    with webhook() as hook:
        config = {
            "route": {
                "receiver": "tickets",
                "group_wait": "0s",
                "routes": [{"receiver": "pager", "matchers": ['severity="critical"']}],
            },
            "receivers": [
                {"name": "pager", "webhook_configs": [{"url": f"{hook.url}/page"}]},
                {"name": "tickets", "webhook_configs": [{"url": f"{hook.url}/ticket"}]},
            ],
            **more,
        }
        yield start_alertmanager(processes, config), hook


@pytest.mark.parametrize(("flags", "receiver", "path"), [
    ((), "pager", "/page"),
    (("--severity", "warning", "--workspace", "acme"), "tickets", "/ticket"),
])  # fmt: skip
def test_the_receiver_that_is_named_gets_the_alert_marked_as_a_test(
    processes: Processes, flags: tuple[str, ...], receiver: str, path: str
) -> None:
    with alertmanager(processes) as (server, hook):
        sent = run("alert-test", "--alertmanager.url", server.url, *flags)
        assert (sent.code, sent.err) == (0, "")
        assert sent.out.splitlines() == [f"sent: SendKitTest to {server.url}", f"receiver: {receiver}"]
        [notification] = wait_for(lambda: hook.received(path, alertname="SendKitTest", test="true"))
        [alert] = notification.alerts
        assert alert["annotations"]["summary"] == "This is a test of the SendKit alerts"


def test_a_silence_is_named_that_keeps_the_alert_from_its_receiver(processes: Processes) -> None:
    with alertmanager(processes) as (server, hook):
        now = datetime.now(UTC)
        silence = {
            "matchers": [{"name": "workspace", "value": "acme", "isRegex": False, "isEqual": True}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "test",
            "comment": "planned",
        }
        made = server.post("/api/v2/silences", json=silence).json()["silenceID"]
        sent = run("alert-test", "--alertmanager.url", server.url, "--workspace", "acme")
        assert sent.code == 0
        assert f"but silenced by: {made}" in sent.out
        assert not hook.notifications


def test_it_is_said_when_an_exporter_that_is_down_mutes_everything(processes: Processes) -> None:
    rule = {
        "source_matchers": ['alertname="SendKitExporterDown"'],
        "target_matchers": ['alertname="SendKitTest"'],
    }
    with alertmanager(processes, inhibit_rules=[rule]) as (server, _):
        server.post("/api/v2/alerts", json=[{"labels": {"alertname": "SendKitExporterDown"}}])
        wait_for(lambda: server.get("/api/v2/alerts").json())
        sent = run("alert-test", "--alertmanager.url", server.url)
        assert "but inhibited by another alert" in sent.out


def test_an_alertmanager_that_does_not_answer_is_an_error_without_the_password(processes: Processes) -> None:
    port = free_port()
    sent = run("alert-test", "--alertmanager.url", f"http://me:secret@127.0.0.1:{port}")
    assert sent.code == 1
    assert sent.err.startswith(f"error: http://127.0.0.1:{port}: ")
    assert "secret" not in sent.out + sent.err


def test_a_server_that_is_no_alertmanager_is_an_error_that_says_what_is_expected(
    processes: Processes,
) -> None:
    sent = run("alert-test", "--alertmanager.url", start_simulator(processes).url)
    assert sent.code == 1
    assert "expected the address of an Alertmanager" in sent.err


@pytest.mark.parametrize("url", ["127.0.0.1:9093", "ftp://host", "http://", "http://host:x", "http://h?a=b"])
def test_what_is_no_address_is_bad_usage(url: str) -> None:
    sent = run("alert-test", "--alertmanager.url", url)
    assert sent.code == 2
    assert f"found '{url}', expected an address such as" in sent.err.replace("\n", " ")
