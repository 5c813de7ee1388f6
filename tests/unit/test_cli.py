"""Commands, flags, environment variables, and the exit code of every way to end."""

import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from exporter.cli import main
from tests.commands import config_file

CANARY = "sk_canary-0123456789abcdef"
PLATFORM = "sk_user_canary-0123456789abcdef"
NOBODY = "http://127.0.0.1:9"  # the port of discard, at which nobody listens


@pytest.fixture(autouse=True)
def _restored_log() -> Iterator[None]:
    """Leave the log as other tests expect it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@contextmanager
def occupied_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def invoke(*arguments: str | Path, **environ: str) -> Result:
    """Run a command that needs no process of its own."""
    return CliRunner().invoke(main, list(map(str, arguments)), env=environ)


class TestUsage:
    def test_the_program_tells_its_version(self) -> None:
        told = invoke("--version")
        assert (told.exit_code, told.output.split()[-1]) == (0, metadata.version("sendkit-exporter"))

    @pytest.mark.parametrize("command", [[], ["run"], ["demo"], ["simulate"], ["check"], ["once"]])
    def test_each_command_shows_its_usage_when_asked_for_help(self, command: list[str]) -> None:
        for flag in ("--help", "-h"):
            helped = invoke(*command, flag)
            assert helped.exit_code == 0
            assert "Usage:" in helped.output

    @pytest.mark.parametrize("command", ["run", "demo", "simulate", "check", "once", "nothing"])
    def test_usage_that_is_wrong_exits_with_2(self, command: str) -> None:
        assert invoke(command, "--no-such-flag").exit_code == 2

    @pytest.mark.parametrize(
        "arguments",
        [
            ("run", "--log.level", "loud"),
            ("run", "--log.format", "xml"),
            ("demo", "--mailboxes", "0"),
            ("demo", "--mailboxes", "many"),
            ("demo", "--speed", "0"),
            ("demo", "--speed", "nan"),
            ("demo", "--speed", "inf"),
            ("demo", "--seed", "x"),
            ("demo", "--scenario", "no_such_thing"),
            ("demo", "--scenario", "api_down:workspace=nobody"),
            ("demo", "--scenario", "api_down@soon"),
            ("simulate", "--scenario", "mailbox_suspended:mailbox=nobody"),
            ("check", "--config.file", "/"),
            ("run", "--shard.total", "1001"),
            ("run", "--web.external-url", "sendkit.example"),
            ("run", "--web.external-url", "ftp://sendkit.example"),
        ],
    )
    def test_usage_of_a_bad_value_exits_with_2(self, arguments: tuple[str, ...]) -> None:
        listen = {"demo": ["--web.listen-address", "127.0.0.1:0"], "simulate": ["--listen-address", ":0"]}
        ended = invoke(*arguments, *listen.get(arguments[0], []), SENDKIT_API_KEY=CANARY)
        assert ended.exit_code == 2, ended.output
        assert isinstance(ended.exception, SystemExit)

    def test_usage_shows_the_variable_of_each_flag(self) -> None:
        helped = invoke("run", "--help").output
        for variable in (
            "CONFIG_FILE",
            "WEB_LISTEN_ADDRESS",
            "WEB_EXTERNAL_URL",
            "WEB_ENABLE_LIFECYCLE",
            "LOG_LEVEL",
            "LOG_FORMAT",
        ):
            assert f"SENDKIT_EXPORTER_{variable}" in helped


class TestAddress:
    @pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "::1"])
    def test_an_address_that_is_none_exits_with_2(self, address: str) -> None:
        for command, flag in (("run", "--web.listen-address"), ("simulate", "--listen-address")):
            ended = invoke(command, flag, address, SENDKIT_API_KEY=CANARY)
            assert ended.exit_code == 2
            assert f"error: {flag}: found {address!r}" in ended.stderr

    def test_an_address_that_is_taken_exits_with_1(self) -> None:
        with occupied_port() as port:
            for command, flag in (
                ("run", "--web.listen-address"),
                ("demo", "--web.listen-address"),
                ("simulate", "--listen-address"),
            ):
                ended = invoke(command, flag, f"127.0.0.1:{port}", SENDKIT_API_KEY=CANARY)
                assert ended.exit_code == 1
                assert "Address already in use" in ended.stderr
                assert "Traceback" not in ended.output


class TestConfiguration:
    def test_a_configuration_without_a_key_exits_with_2(self) -> None:
        for command in ("run", "check", "once"):
            ended = invoke(command)
            assert ended.exit_code == 2
            assert "SENDKIT_API_KEY" in ended.stderr

    def test_a_configuration_that_is_bad_exits_with_2_and_every_place(self, tmp_path: Path) -> None:
        path = config_file(
            tmp_path,
            poll={"interval": "often"},
            accounts=[{"name": "acme", "api_key": CANARY, "api_key_env": "X"}],
            windows=[{"name": "7d", "days": 0}],
            surprise=CANARY,
        )
        for command in ("run", "check", "once"):
            ended = invoke(command, "--config.file", path, X=CANARY)
            assert ended.exit_code == 2
            for place in ("poll.interval", "accounts.0", "windows.0.days", "surprise"):
                assert place in ended.stderr
            assert "canary" not in ended.output

    def test_a_configuration_file_that_is_missing_exits_with_2(self, tmp_path: Path) -> None:
        for command in ("run", "check", "once"):
            ended = invoke(command, "--config.file", tmp_path / "none.yaml")
            assert ended.exit_code == 2
            assert "none.yaml" in ended.stderr

    def test_a_hash_key_that_is_missing_exits_with_2(self, tmp_path: Path) -> None:
        path = config_file(
            tmp_path,
            accounts=[{"name": "acme", "api_key": CANARY}],
            privacy={"email": "hmac", "hmac_key_file": "none.key"},
        )
        for command in ("run", "check", "once"):
            ended = invoke(command, "--config.file", path)
            assert ended.exit_code == 2
            assert "privacy.hmac_key_file" in ended.stderr
            assert "valid" not in ended.stdout

    @pytest.mark.parametrize(
        "setting", [{"ALL_PROXY": "gopher://127.0.0.1:9"}, {"SSL_CERT_FILE": "/nowhere/certificates.pem"}]
    )
    def test_a_configuration_of_the_environment_that_cannot_be_used_exits_with_2(
        self, setting: Mapping[str, str]
    ) -> None:
        for arguments in (["run"], ["check", "--probe"], ["once"]):
            ended = invoke(*arguments, SENDKIT_API_KEY=CANARY, **setting)
            assert ended.exit_code == 2
            assert all(name in ended.stderr for name in setting)
            assert "Traceback" not in ended.output


class TestCheck:
    def test_check_of_a_good_file_exits_with_0(self, tmp_path: Path) -> None:
        path = config_file(tmp_path, accounts=[{"name": "acme", "api_key": CANARY}])
        checked = invoke("check", "--config.file", path)
        assert checked.exit_code == 0
        assert "valid" in checked.stdout
        assert "canary" not in checked.output

    def test_check_needs_no_file_with_a_key_in_the_environment(self) -> None:
        assert invoke("check", SENDKIT_API_KEY=CANARY).exit_code == 0

    def test_check_takes_its_flags_from_the_environment(self, tmp_path: Path) -> None:
        path = config_file(tmp_path, accounts=[{"name": "acme", "api_key": CANARY}], surprise=1)
        checked = invoke("check", SENDKIT_EXPORTER_CONFIG_FILE=str(path))
        assert checked.exit_code == 2
        assert "surprise" in checked.stderr

    def test_check_warns_of_what_is_hardly_meant(self, tmp_path: Path) -> None:
        poll = {"interval": "1h", "stale_after": "1m"}
        path = config_file(tmp_path, accounts=[{"name": "acme", "api_key": CANARY}], poll=poll)
        checked = invoke("check", "--config.file", path)
        assert checked.exit_code == 0
        assert "warning: poll.interval" in checked.stderr

    def test_check_warns_of_a_status_that_nobody_has(self, tmp_path: Path) -> None:
        account = {"name": "acme", "api_key": CANARY}
        path = config_file(tmp_path, accounts=[account], mailboxes={"statuses": ["aktive", "pending"]})
        checked = invoke("check", "--config.file", path)
        assert "mailboxes.statuses: 'aktive' is no status that is known of SendKit" in checked.stderr
        assert "'pending'" not in checked.stderr

    def test_check_tells_of_an_api_that_cannot_be_reached(self, tmp_path: Path) -> None:
        account = {"name": "acme", "api_key": CANARY}
        path = config_file(tmp_path, api={"base_url": NOBODY}, accounts=[account])
        probed = invoke("check", "--probe", "--config.file", path)
        assert probed.exit_code == 1
        assert "account acme: network" in probed.stdout
