"""The exporter behind its web configuration: the real Prometheus comes in, strangers and crowds do not."""

import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
import yaml

from tests.certificates import Authority, Certificate, authority
from tests.stack.processes import EXPORTER, Process, Processes, start_exporter, start_simulator
from tests.stack.prometheus_servers import Prometheus, start_prometheus
from tests.waiting import wait_for

CROWD = Path(__file__).with_name("crowd.py")
SCRAPE_TIMEOUT = 10.0  # Prometheus's own default
USER = ("prometheus", "secret")
PATHS = ["/", "/metrics", "/metrics/exporter", "/sd", "/-/healthy", "/-/ready", "/nothing"]


@dataclass
class Guarded:
    """A running exporter that asks for a certificate and a password."""

    process: Process
    signer: Authority
    client: Certificate
    web_file: Path

    @property
    def port(self) -> int:
        return httpx.URL(self.process.url).port or 0

    def get(
        self,
        path: str = "/metrics",
        user: tuple[str, str] | None = USER,
        context: ssl.SSLContext | None = None,
    ) -> httpx.Response:
        """Ask over a new connection, with the right password and certificate unless others are given."""
        return httpx.get(
            self.process.url + path,
            auth=user,
            verify=context or self.signer.client_context(self.client),
            timeout=SCRAPE_TIMEOUT,
            trust_env=False,
        )

    def serial(self) -> object:
        """Return the serial number of the certificate that the exporter shows."""
        context = self.signer.client_context(self.client)
        plain = socket.create_connection(("127.0.0.1", self.port))
        with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
            return (encrypted.getpeercert() or {})["serialNumber"]


@pytest.fixture
def guarded(processes: Processes) -> Guarded:
    """Run an exporter over a simulated fleet, with mutual TLS, a user and a header."""
    signer = authority(processes.folder / "certificates")
    signer.sign("server")
    client = signer.sign("client")
    web_file = processes.folder / "certificates" / "web.yml"
    web_file.write_text(yaml.safe_dump(web_config()))
    simulator = start_simulator(processes, "--mailboxes", "200")
    exporter = start_exporter(
        processes,
        {
            "api": {"base_url": simulator.url},
            "accounts": [{"name": "fleet", "api_key": simulator.platform_key}],
            "poll": {"interval": 1},
        },
        "--web.config.file",
        str(web_file),
        "--log.level",
        "debug",
    )
    exporter.url = exporter.url.replace("http://127.0.0.1", "https://localhost")
    guarded = Guarded(exporter, signer, client, web_file)
    wait_for(lambda: guarded.get("/-/ready").status_code == httpx.codes.OK, what="the exporter is ready")
    return guarded


def web_config() -> dict[str, Any]:
    """Return the web configuration, its files beside it."""
    return {
        "tls_server_config": {
            "cert_file": "server.pem",
            "key_file": "server.key",
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": "authority.pem",
            "min_version": "TLS12",
        },
        "basic_auth_users": {USER[0]: bcrypt.hashpw(USER[1].encode(), bcrypt.gensalt(10)).decode()},
        "http_server_config": {"headers": {"X-Content-Type-Options": "nosniff"}},
    }


def prometheus_config(guarded: Guarded) -> dict[str, Any]:
    """Return a Prometheus that finds the workspaces by /sd, and has jobs that may not come in."""
    tls = {
        "ca_file": str(guarded.signer.file),
        "cert_file": str(guarded.client.file),
        "key_file": str(guarded.client.key_file),
        "server_name": "localhost",
    }
    user = {"username": USER[0], "password": USER[1]}
    target = [{"targets": [f"localhost:{guarded.port}"]}]

    def job(
        name: str, tls_config: Mapping[str, str], password: str, discovery: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "job_name": name,
            "scheme": "https",
            "tls_config": dict(tls_config),
            "basic_auth": {**user, "password": password},
            **discovery,
        }

    static = {"static_configs": target}
    discovered = {
        "http_sd_configs": [
            {
                "url": f"https://localhost:{guarded.port}/sd",
                "refresh_interval": "1s",
                "tls_config": tls,
                "basic_auth": user,
            }
        ]
    }
    uncertified = {name: tls[name] for name in ("ca_file", "server_name")}
    return {
        "global": {"scrape_interval": "2s"},
        "scrape_configs": [
            job("sendkit-exporter", tls, USER[1], discovered),
            job("wrong-password", tls, "guessed", static),
            job("no-certificate", uncertified, USER[1], static),
            job("old-version", {**tls, "min_version": "TLS10", "max_version": "TLS11"}, USER[1], static),
        ],
    }


def test_prometheus_scrapes_over_mutual_tls_as_a_user(guarded: Guarded, processes: Processes) -> None:
    prometheus = start_prometheus(processes, prometheus_config(guarded))
    workspaces = {target["labels"].get("__param_workspace") for target in guarded.get("/sd").json()}
    assert {target["labels"]["__scheme__"] for target in guarded.get("/sd").json()} == {"https"}
    wait_for(lambda: prometheus.value('sum(up{job="sendkit-exporter"})') == len(workspaces))
    assert prometheus.value("count(sendkit_mailbox_info)") == 200
    for job, error in {
        "wrong-password": "401 Unauthorized",
        "no-certificate": "certificate required",
        "old-version": "protocol version not supported",
    }.items():
        wait_for(partial(is_refused, prometheus, job, error), what=f"{job} is refused")
        assert prometheus.value(f'max_over_time(up{{job="{job}"}}[1h])') == 0
    wait_for(lambda: guarded.process.lines("PEER_DID_NOT_RETURN_A_CERTIFICATE"))
    wait_for(lambda: guarded.process.lines("UNSUPPORTED_PROTOCOL"))
    assert USER[1] not in guarded.process.log()


def is_refused(prometheus: Prometheus, job: str, error: str) -> bool:
    """Whether a job's scrapes fail with this error."""
    (target,) = (target for target in prometheus.targets() if target["labels"]["job"] == job)
    return target["health"] == "down" and error in target["lastError"]


def test_every_path_asks_for_certificate_and_password(guarded: Guarded) -> None:
    for path in PATHS:
        assert guarded.get(path).status_code in (200, 404), path
        assert guarded.get(path).headers["x-content-type-options"] == "nosniff", path
        for user in (None, (USER[0], "guessed"), ("nobody", USER[1])):
            refused = guarded.get(path, user)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Basic"), path
        with pytest.raises(httpx.TransportError):
            guarded.get(path, context=guarded.signer.client_context())
    assert httpx.get(guarded.process.url.replace("https", "http"), trust_env=False).status_code == 400


def test_a_renewed_certificate_is_shown_without_a_restart(guarded: Guarded) -> None:
    before = guarded.serial()
    guarded.signer.sign("server")
    assert guarded.serial() != before
    assert guarded.get().status_code == httpx.codes.OK


def test_a_change_that_cannot_be_used_is_logged_and_leaves_the_old(guarded: Guarded) -> None:
    guarded.web_file.write_text("basic_auth_users: {prometheus: guessed}")
    assert guarded.get(user=(USER[0], "guessed")).status_code == httpx.codes.UNAUTHORIZED
    assert guarded.get().status_code == httpx.codes.OK
    (told,) = guarded.process.lines("web configuration not reloaded")
    assert "basic_auth_users.prometheus: found a text (not shown), expected a bcrypt hash" in told


def test_a_bad_file_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: absent.pem, key_file: absent.key}\nbasic_auth_user: {}")
    command = (*EXPORTER, "run", "--web.config.file", str(path))
    environ = {"SENDKIT_API_KEY": "sk_canary"}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    absent = "(No such file or directory), expected a file that can be read"
    assert ended.stderr.splitlines() == [
        f"error: {path}: 3 errors",
        f"  tls_server_config.cert_file: found '{tmp_path}/absent.pem' {absent}",
        f"  tls_server_config.key_file: found '{tmp_path}/absent.key' {absent}",
        "  basic_auth_user: found an unknown key, expected basic_auth_users or another known key",
    ]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(["silent:2000", "slow:200"], id="idle and slow ones"),
        pytest.param(["flood:100"], id="floods of requests"),
        pytest.param(["guess:100"], id="floods of guesses"),
    ],
)
def test_crowds_leave_scrapes_served(guarded: Guarded, processes: Processes, kinds: list[str]) -> None:
    """Whatever they do, each scrape is answered within Prometheus's own time for one."""
    files = guarded.signer.file, guarded.client.file, guarded.client.key_file
    command = (sys.executable, str(CROWD), str(guarded.port), *map(str, files), *kinds)
    crowd = processes.start("crowd", command)
    wait_for(lambda: crowd.lines("ready"), 60, what="the crowd is there")
    statuses = [guarded.get().status_code for _ in range(10)]
    crowd.assert_running()
    assert statuses == [httpx.codes.OK] * 10
    crowd.end(signal.SIGKILL)
    assert guarded.process.end() == 0
