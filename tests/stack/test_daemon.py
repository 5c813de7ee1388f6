"""The running daemon: its signals, its reloads, and what it tells of a key that is refused."""

import http.server
import json
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.stack.processes import (
    EXPORTER,
    Processes,
    Simulator,
    ended_cleanly,
    free_port,
    scrape,
    start_exporter,
    start_simulator,
    write_config,
)
from tests.waiting import wait_for

CANARY = "sk_canary-0123456789abcdef"


class Hanging(http.server.ThreadingHTTPServer):
    """An API that takes requests and never ends its answers; `drips` says whether it begins them."""

    def __init__(self, *, drips: bool) -> None:
        self.drips = drips
        self.asked = threading.Event()
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _HangingAnswer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _HangingAnswer(http.server.BaseHTTPRequestHandler):
    server: Hanging

    def do_GET(self) -> None:
        self.server.asked.set()
        if self.server.drips:
            self.send_response(200)
            self.send_header("content-length", "1000000")
            self.end_headers()
        while not self.server.over.wait(0.05):
            if self.server.drips:
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[False, True], ids=["hangs", "drips"])
def hanging(request: pytest.FixtureRequest) -> Iterator[Hanging]:
    api = Hanging(drips=request.param)
    thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield api
    api.over.set()
    api.shutdown()
    thread.join()
    api.server_close()


@pytest.fixture(scope="module")
def shared_simulator(module_processes: Processes) -> Simulator:
    return start_simulator(module_processes)


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Iterator[Simulator]:
    """The module's simulator, in which nothing is wrong."""
    yield shared_simulator
    shared_simulator.stop_all()


def account(base_url: str, *keys: str, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    """Return a configuration with an account of each key, polled every second."""
    accounts = [{"name": f"account{number}", "api_key": key} for number, key in enumerate(keys)]
    return {"api": {"base_url": base_url}, "poll": {"interval": "1s"}, "accounts": accounts, **settings}


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_the_daemon_quickly_and_cleanly(
        self, processes: Processes, simulator: Simulator, number: signal.Signals
    ) -> None:
        exporter = start_exporter(processes, account(simulator.url, simulator.platform_key))
        wait_for(lambda: exporter.answers("/-/ready"))
        ended_cleanly(exporter, number)
        assert exporter.lines("msg=stopped")
        assert not exporter.lines("level=error")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_the_simulator_ends_as_quickly_and_cleanly(
        self, processes: Processes, number: signal.Signals
    ) -> None:
        ended_cleanly(start_simulator(processes).process, number)

    def test_the_end_comes_whatever_the_api_does(self, processes: Processes, hanging: Hanging) -> None:
        exporter = start_exporter(processes, account(hanging.url, CANARY))
        assert hanging.asked.wait(20)
        ended_cleanly(exporter)
        assert not exporter.lines("level=error")

    def test_the_end_comes_whatever_a_client_does(self, processes: Processes, simulator: Simulator) -> None:
        """One holds a connection it has used, one never sends its request, one never reads its answer."""
        exporter = start_exporter(processes, account(simulator.url, simulator.platform_key))
        wait_for(lambda: exporter.answers("/-/ready"))
        address = exporter.url.removeprefix("http://")
        host, port = address.split(":")
        with (
            httpx.Client(base_url=exporter.url, trust_env=False) as idle,
            socket.create_connection((host, int(port))) as silent,
            socket.create_connection((host, int(port))) as greedy,
        ):
            assert idle.get("/-/healthy").status_code == httpx.codes.OK
            silent.sendall(b"GET /metrics HT")
            greedy.sendall(f"GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n".encode() * 50)
            greedy.recv(1)
            ended_cleanly(exporter)

    def test_the_end_comes_whatever_hangs_in_a_thread(self, processes: Processes) -> None:
        """A look-up of a name cannot be cancelled; here one that never ends."""
        site = processes.folder / "site"
        site.mkdir()
        site.joinpath("sitecustomize.py").write_text(
            "import socket, time\n"
            "def hang(*_, **__):\n"
            "    print('looking up', flush=True)\n"
            "    time.sleep(3600)\n"
            "socket.getaddrinfo = hang\n"
        )
        config = account("https://api.example", CANARY)
        exporter = start_exporter(processes, config, environ={"PYTHONPATH": str(site)})
        wait_for(lambda: exporter.lines("looking up"))
        ended_cleanly(exporter)


class TestReload:
    def test_sighup_reloads_the_configuration(self, processes: Processes, simulator: Simulator) -> None:
        first, second = simulator.workspaces[:2]
        exporter = start_exporter(processes, account(simulator.url, first["key"]))
        wait_for(lambda: exporter.answers("/-/ready"))
        polls = scrape(exporter).one("sendkit_polls_total", workspace="account0", window="all") or 0

        write_config(processes, account(simulator.url, first["key"], second["key"]))
        exporter.send(signal.SIGHUP)
        wait_for(lambda: scrape(exporter).one("sendkit_up", workspace="account1", window="all") == 1)
        kept = scrape(exporter).one("sendkit_polls_total", workspace="account0", window="all") or 0
        assert kept >= polls

        write_config(processes, account(simulator.url, second["key"]) | {"surprise": 1})
        exporter.send(signal.SIGHUP)
        wait_for(lambda: exporter.lines("level=error", "surprise"))
        assert scrape(exporter).one("sendkit_exporter_config_last_reload_successful") == 0
        assert scrape(exporter).one("sendkit_up", workspace="account0", window="all") == 1

    def test_a_request_reloads_the_configuration(self, processes: Processes, simulator: Simulator) -> None:
        config = account(simulator.url, simulator.workspaces[0]["key"])
        exporter = start_exporter(processes, config, "--web.enable-lifecycle")
        wait_for(lambda: exporter.answers("/-/ready"))

        write_config(processes, config | {"poll": {"interval": "often"}})
        refused = exporter.post("/-/reload")
        assert refused.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        assert "poll.interval" in refused.text
        assert exporter.answers("/-/ready")

        write_config(processes, config | {"poll": {"interval": "2s"}})
        assert exporter.post("/-/reload").status_code == httpx.codes.OK
        labels = {"workspace": "account0", "window": "all"}
        wait_for(lambda: scrape(exporter).one("sendkit_poll_interval_seconds", **labels) == 2)
        assert scrape(exporter).one("sendkit_exporter_config_last_reload_successful") == 1


def test_a_revoked_key_is_reported_by_every_means(processes: Processes, simulator: Simulator) -> None:
    workspace = simulator.workspaces[0]
    exporter = start_exporter(
        processes, account(simulator.url, workspace["key"], windows=[]), "--log.level", "debug"
    )
    wait_for(lambda: exporter.answers("/-/ready"))

    def of_polls(name: str, **labels: str) -> float:
        return scrape(exporter).one(f"sendkit_{name}", workspace="account0", window="all", **labels) or 0

    def warnings() -> list[str]:
        return exporter.lines("level=warning", "poll failed")

    revoked = simulator.begin("key_revoked", workspace=workspace["id"])
    assert revoked
    wait_for(lambda: of_polls("poll_failures_total", reason="auth") >= 1)
    last_success = of_polls("last_success_timestamp_seconds")
    wait_for(lambda: of_polls("poll_failures_total", reason="auth") >= 3)
    assert of_polls("up") == 0
    assert of_polls("last_success_timestamp_seconds") == last_success
    unready = exporter.get("/-/ready")
    assert unready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "account0: auth: the API answered 401" in unready.text
    [line] = warnings()
    assert "reason=auth" in line
    assert "workspace=account0" in line

    simulator.stop_all()
    wait_for(lambda: exporter.answers("/-/ready"))
    assert of_polls("up") == 1
    assert of_polls("last_success_timestamp_seconds") > last_success
    polls = of_polls("polls_total")
    wait_for(lambda: of_polls("polls_total") >= polls + 2)
    assert len(exporter.lines("polls succeed again")) == 1
    assert len(warnings()) == 1
    assert workspace["key"] not in exporter.log()


def test_no_output_ever_holds_a_key(processes: Processes, simulator: Simulator) -> None:
    """At the most talkative, through each kind of failure, on every path."""
    keys = [workspace["key"] for workspace in simulator.workspaces] + [simulator.platform_key, CANARY]
    config = account(simulator.url, *keys, windows=[])
    config["api"]["max_attempts"] = 1
    exporter = start_exporter(processes, config, "--log.level", "debug", "--log.format", "json")

    def failures(reason: str) -> int:
        found = scrape(exporter).all_of("sendkit_poll_failures_total", window="all", reason=reason)
        return sum(count > 0 for count in found.values())

    for scenario, reason in (
        ("malformed", "malformed"),
        ("api_down", "server_error"),
        ("redirect", "client_error"),
        ("rate_limited", "rate_limited"),
    ):
        simulator.begin(scenario)
        wait_for(lambda reason=reason: failures(reason) > len(simulator.workspaces))  # type: ignore[misc]
        simulator.stop_all()
    simulator.begin("key_revoked")
    wait_for(lambda: failures("auth") >= 2)
    shown = "".join(exporter.get(path).text for path in ("/", "/metrics", "/-/ready", "/sd"))
    exporter.send(signal.SIGHUP)
    wait_for(lambda: exporter.lines("configuration reloaded"))
    assert exporter.end() == 0
    for line in exporter.log().splitlines():
        json.loads(line)
    for key in keys:
        assert key not in exporter.log() + shown


def test_the_external_url_is_shown_to_the_rules(processes: Processes, simulator: Simulator) -> None:
    """By the flag or its environment variable; without either there is no such series."""
    key = {"accounts": [{"name": "acme", "api_key": simulator.platform_key}]}
    config = {"api": {"base_url": simulator.url}, **key}
    url = "https://sendkit.example/exporter"
    of_flag = start_exporter(processes, config, "--web.external-url", f"{url}/")
    of_variable = start_exporter(processes, config, environ={"SENDKIT_EXPORTER_WEB_EXTERNAL_URL": url})
    without = start_exporter(processes, config)
    line = f'sendkit_exporter_web_info{{external_url="{url}"}} 1'
    assert line in of_flag.get("/metrics").text.splitlines()
    assert line in of_variable.get("/metrics/exporter").text.splitlines()
    assert "sendkit_exporter_web_info{" not in without.get("/metrics").text


@pytest.mark.parametrize("by", ["flags", "environment"])
def test_it_listens_at_every_address_that_is_named(processes: Processes, by: str) -> None:
    config = write_config(processes, {"accounts": [{"name": "acme", "api_key": CANARY}]})
    addresses = [f"127.0.0.1:{free_port()}", f"127.0.0.2:{free_port()}"]
    flags = [part for each in addresses for part in ("--web.listen-address", each)]
    process = processes.start(
        "exporter",
        [*EXPORTER, "run", "--config.file", str(config), *(flags if by == "flags" else ())],
        {} if by == "flags" else {"SENDKIT_EXPORTER_WEB_LISTEN_ADDRESS": " ".join(addresses)},
    )
    for address in addresses:
        wait_for(lambda address=address: process.lines("listening", address))  # type: ignore[misc]
        assert httpx.get(f"http://{address}/-/healthy", trust_env=False).status_code == 200
    assert process.end() == 0
