"""Loading the configuration: what is accepted, what every error says, and that no key is ever shown."""

import textwrap
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from exporter.config import (
    AccountConfig,
    ApiConfig,
    Config,
    ConfigError,
    KeyUnavailable,
    MailboxesConfig,
    ShardConfig,
    Thresholds,
    WindowConfig,
    WorkspacesConfig,
    default,
    load,
)
from exporter.config import reference as config_reference
from exporter.config.patterns import Pattern
from exporter.config.values import Duration, Size, parse_duration, parse_size

ROOT = Path(__file__).parents[2]
UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no failure
CANARY = "sk_canary-0123456789abcdef"
ACCOUNT = "accounts: [{name: acme, api_key: sk_canary-acme}]"

ALL_ERRORS = """\
api.timeout: found 'x', expected a duration such as 90s, 15m, 2h, 1d or seconds
api.max_attempts: found true, expected a whole number from 1
api.nope: found an unknown key, expected one of allow_insecure_http, base_url, timeout, \
max_response_bytes, max_concurrent_requests, max_attempts, bounce_rate_unit
poll.interval: found nan, expected a duration such as 90s, 15m, 2h, 1d or seconds
accounts.0.api_key_env: found 'NOT_SET', which is not set in the environment, expected a \
variable that holds the API key
accounts.0.poll_interval: found 'fast', expected a duration such as 90s, 15m, 2h, 1d or \
seconds
accounts.1.workspaces.include.0: found '(', expected a regular expression of RE2, \
without look-around and back-references
accounts.1.thresholds.minimum_bounces: found 0, expected a number above 0
accounts.2.name: found nothing, expected a value: this key is required
accounts.2.api_key: found api_key_file and api_key, expected exactly one of api_key_env, \
api_key_file, api_key
accounts.3.api_key: found none, expected exactly one of api_key_env, api_key_file, api_key
accounts.3.api_kex: found an unknown key, expected api_key or another known key
accounts.1.name: found 'a', expected a name that no other one has (item 0 has it)
windows.0.name: found 'all', expected a name of letters, digits and underscores other than \
'all'
windows.0.days: found 0, expected a whole number of days from 1 to 3660
windows.2.name: found 'x', expected a name that no other one has (item 1 has it)
mailboxes.include: found a text (not shown), expected a list
mailboxes.statuses.0: found 1, expected a text, not empty, without control characters
privacy.hmac_key_file: found nothing, expected a path, because privacy.email is hmac
state: found 5, expected a mapping
shard.total: found 2, expected more than shard.index, which is 2
1: found an unknown key, expected one of api, poll, accounts, windows, collectors, timezone, \
mailboxes, privacy, thresholds, state, shard
"""

Load = Callable[..., Config]
Fail = Callable[..., list[str]]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Return what loads a text, with a sound account unless it has accounts of its own."""

    def load_text(text: str, **environ: str) -> Config:
        path = tmp_path / "config.yaml"
        text = textwrap.dedent(text)
        path.write_text(text if "accounts" in text else f"{ACCOUNT}\n{text}")
        return load(path, environ)

    return load_text


@pytest.fixture
def failed(loaded: Load) -> Fail:
    """Return what loads a text that must fail: the error's details, after a look for keys in all of it."""

    def fail(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **environ)
        assert "canary" not in "".join(traceback.format_exception(caught.value))
        assert "canary" not in repr(caught.value)
        return caught.value.details or [caught.value.message]

    return fail


class TestDefaults:
    def test_are_those_of_the_reference(self, loaded: Load) -> None:
        config = loaded(ACCOUNT)
        assert config.api.base_url == "https://api.sendkit.ai"
        assert config.api.timeout == timedelta(seconds=30)
        assert config.api.max_response_bytes == 256 * 1024 * 1024
        assert (config.api.max_concurrent_requests, config.api.max_attempts) == (4, 3)
        assert config.poll.interval == timedelta(seconds=60)
        assert config.poll.stale_after == timedelta(minutes=15)
        assert config.windows == (WindowConfig(name="7d", days=7, interval=timedelta(minutes=15)),)
        assert config.timezone is UTC
        assert config.mailboxes.statuses == ()
        assert (config.privacy.email, config.privacy.display_name) == ("plain", False)
        assert config.state.directory is None
        assert config.shard == ShardConfig(index=0, total=1)
        assert config.thresholds.model_dump() == {
            "mailbox_bounce_ratio_warning": 0.03,
            "mailbox_bounce_ratio_critical": 0.05,
            "domain_bounce_ratio_critical": 0.03,
            "workspace_bounce_ratio_critical": 0.03,
            "minimum_bounces": 3,
            "domain_minimum_bounces": 5,
            "daily_limit_usage": 0.9,
            "reply_ratio_drop": 0.4,
            "unhealthy_mailboxes_warning": 0.3,
            "unhealthy_mailboxes_critical": 0.5,
            "spam_ratio_warning": 0.15,
        }

    def test_without_a_file_are_one_account_with_its_key_in_the_environment(self) -> None:
        config = default({"SENDKIT_API_KEY": CANARY})
        [account] = config.accounts
        assert account.name == "default"
        assert account.read_key({"SENDKIT_API_KEY": CANARY}) == CANARY

    @pytest.mark.parametrize("environ", [{}, {"SENDKIT_API_KEY": " "}])
    def test_without_file_and_key_say_what_to_do(self, environ: dict[str, str]) -> None:
        with pytest.raises(
            ConfigError, match=r"set the environment variable SENDKIT_API_KEY.*--config\.file"
        ):
            default(environ)

    def test_serve_a_configuration_made_in_python(self) -> None:
        account = AccountConfig(name="demo", api_key=SecretStr(CANARY), poll_interval=timedelta(seconds=1))
        config = Config(api=ApiConfig(base_url="http://127.0.0.1:8080"), accounts=(account,))
        assert config.poll_interval_for(account) == timedelta(seconds=1)
        assert config.accounts[0].read_key({}) == CANARY


class TestExample:
    def test_is_a_valid_configuration(self) -> None:
        assert [account.name for account in load(ROOT / "config.example.yaml", {}).accounts] == [
            "acme",
            "agency",
        ]

    def test_shows_each_key_with_its_default(self, loaded: Load) -> None:
        example = load(ROOT / "config.example.yaml", {})
        assert example.model_dump(exclude={"accounts"}) == loaded(ACCOUNT).model_dump(exclude={"accounts"})
        for account in example.accounts:
            assert account == AccountConfig(name=account.name, api_key_file=account.api_key_file)

    def test_shows_every_key(self) -> None:
        text = (ROOT / "config.example.yaml").read_text()
        shown = set(keys_of(yaml.safe_load(text)))
        known = set(keys_of_model(Config))
        assert {"api", "base_url", "api_key_file", "include"} <= known
        commented = {"api_key_env", "api_key"}
        assert known - shown == commented
        assert all(f"# {key}: " in text for key in commented)


def test_the_reference_is_made_from_the_model() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text()
    assert written == config_reference.markdown(), (
        "run python -m exporter.config.reference > docs/configuration.md"
    )


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def keys_of_model(annotation: object) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from annotation.model_fields
        for field in annotation.model_fields.values():
            yield from keys_of_model(field.annotation)
    for part in get_args(annotation):
        yield from keys_of_model(part)


class TestForms:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [
            ("90s", 90),
            ("15m", 900),
            ("2h", 7200),
            ("1d", 86400),
            ("1.5h", 5400),
            ("45", 45),
            (45, 45),
            (0.5, 0.5),
        ],
    )
    def test_of_durations(self, written: object, seconds: float) -> None:
        assert parse_duration(written) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "written",
        [
            "", "s", "0", "0s", 0, -1, "-5m", "5 m", "5M", "1w", "1h30m", "1e3", "٣s", "5s\n", "inf", "nan",
            float("inf"), float("nan"), 1e-9, "367d", "9" * 12 + "d", 10**400, "9" * 400, True, None, [], {},
        ],
    )  # fmt: skip
    def test_of_durations_are_no_others(self, written: object) -> None:
        with pytest.raises(ValidationError, match="a duration such as 90s, 15m, 2h, 1d or seconds"):
            TypeAdapter(Duration).validate_python(written)

    @UNTIMED
    @given(st.integers(1, 86_400), st.sampled_from("smhd"))
    def test_of_durations_are_counts_of_their_unit(self, count: int, unit: str) -> None:
        one = parse_duration(f"1{unit}")
        if count * one <= timedelta(days=366):
            assert parse_duration(f"{count}{unit}") == count * one

    @pytest.mark.parametrize(
        ("written", "size_bytes"),
        [("256MiB", 2**28), ("64KiB", 2**16), ("1GiB", 2**30), ("10B", 10), ("10", 10), (10, 10)],
    )
    def test_of_sizes(self, written: object, size_bytes: int) -> None:
        assert parse_size(written) == size_bytes

    @pytest.mark.parametrize(
        "written", ["", "0", 0, -1, 1.5, "1MB", "1 MiB", "-1KiB", "1mib", True, None, 2**63]
    )
    def test_of_sizes_are_no_others(self, written: object) -> None:
        with pytest.raises(ValidationError, match="a size such as 64KiB, 256MiB, 1GiB or bytes"):
            TypeAdapter(Size).validate_python(written)

    @pytest.mark.parametrize(
        ("written", "zone"), [("UTC", UTC), ("Europe/Berlin", ZoneInfo("Europe/Berlin"))]
    )
    def test_of_time_zones(self, loaded: Load, written: str, zone: tzinfo) -> None:
        assert loaded(f"timezone: {written}").timezone == zone

    @pytest.mark.parametrize(
        "written", ["Europe", "Europe/Nowhere", "../../etc/passwd", "''", "2", "null", '"a\\0b"']
    )
    def test_of_time_zones_are_no_others(self, failed: Fail, written: str) -> None:
        [error] = failed(f"timezone: {written}")
        assert error.endswith("expected a time zone name such as UTC or Europe/Berlin")


class TestPrivacy:
    @pytest.mark.parametrize("mode", ["plain", "masked", "hmac", "off", '"off"', "'off'"])
    def test_takes_each_mode_as_the_reference_writes_it(self, loaded: Load, mode: str) -> None:
        config = loaded(f"privacy: {{email: {mode}, hmac_key_file: hash.key}}")
        assert config.privacy.email == mode.strip("\"'")

    @pytest.mark.parametrize("mode", ["true", "0", "null", "hidden"])
    def test_takes_no_other(self, failed: Fail, mode: str) -> None:
        (error,) = failed(f"privacy: {{email: {mode}}}")
        assert error.startswith("privacy.email: found ")
        assert error.endswith(", expected one of plain, masked, hmac, off")


class TestErrors:
    def test_tell_a_second_key_source_beside_one_that_is_wrong_itself(self, failed: Fail) -> None:
        errors = failed("accounts: [{name: a, api_key_env: NOT_SET, api_key: sk_canary-1}]")
        assert [error.split(", ")[0] for error in errors] == [
            "accounts.0.api_key_env: found 'NOT_SET'",
            "accounts.0.api_key: found api_key_env and api_key",
        ]

    def test_are_all_told_with_their_place_what_was_found_and_what_was_expected(self, failed: Fail) -> None:
        errors = failed(
            """
            api: {timeout: x, nope: 3, max_attempts: true}
            poll: {interval: .nan}
            accounts:
              - {name: a, api_key_env: NOT_SET, poll_interval: fast}
              - {name: a, api_key_file: k, workspaces: {include: ["("]}, thresholds: {minimum_bounces: 0}}
              - {api_key_file: k, api_key: sk_canary-3}
              - {name: d, api_kex: sk_canary-4}
            windows: [{name: all, days: 0}, {name: x, days: 3}, {name: x, days: 3}]
            privacy: {email: hmac}
            shard: {index: 2, total: 2}
            state: 5
            mailboxes: {include: "x@.*", statuses: [1]}
            1: x
            """
        )
        assert errors == ALL_ERRORS.splitlines()

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "found nothing, expected a mapping"),
            ("# nothing\n---\n", "found nothing, expected a mapping"),
            ("[accounts]", "found a list, expected a mapping"),
            ("sk_canary-text # accounts", "found a text (not shown), expected a mapping"),
            ("api: {}  # no accounts", "accounts: found nothing, expected a value"),
            ("accounts: []", "accounts: found none, expected at least one account"),
            ("accounts: {name: a}", "accounts: found a mapping, expected a list"),
            ("accounts:\n  - a: 'sk_canary-x", "line 2, column 20: found unexpected end of stream"),
            ("accounts: [}", "line 1, column 12: expected the node content"),
            ("accounts: 1\n---\naccounts: 2", "line 2, column 1: but found another document"),
            ("accounts: *sk_canary", "line 1, column 11: found undefined alias a text"),
            ("accounts: !!python/name:os.system x", "line 1, column 11: could not determine a constructor"),
            ("accounts: a\x07b", "line 1, column 12: special characters are not allowed"),
            ("accounts: 2024-99-99", "a value that does not fit its YAML tag"),
            ("accounts: !!int x", "a value that does not fit its YAML tag"),
            ("accounts: !!timestamp x", "a value that does not fit its YAML tag"),
            ("accounts: " + "9" * 5000, "a value that does not fit its YAML tag"),
            ("accounts: " + "9" * 4000, "found a value of type int (not shown)"),
            (
                "accounts: [{name: a, api_key_file: k}]\nshard: {total: 1001}",
                "shard.total: found 1001, expected a whole number from 1 to 1000",
            ),
            ("accounts: [{name: a, api_key: 918273645}]", "api_key: found a value of type int (not shown)"),
            ("accounts: [{name: a, api_key: 9182.5}]", "api_key: found a value of type float (not shown)"),
            ("accounts: " + "[" * 500, "nested too deeply"),
            ("accounts: &a [*a]", "aliases that expand without bound"),
            ("poll: {}\naccounts: 1\npoll: {}", "line 3: key 'poll' stands at line 1 already"),
            (
                "accounts: [{name: a, sk_canary: 1, sk_canary: 1}]",
                "line 1: key '[redacted]' stands at line 1",
            ),
        ],
    )
    def test_tell_of_broken_files(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert told in str(caught.value)
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("bomb", ["[*{0}, *{0}]", "{{<<: [*{0}, *{0}]}}"], ids=["lists", "merges"])
    def test_tell_of_alias_bombs(self, failed: Fail, bomb: str) -> None:
        lines = [f"a{n}: &a{n} {bomb.format(f'a{n - 1}')}" for n in range(1, 60)]
        [error] = failed("\n".join(["a0: &a0 {k: v}", *lines]))
        assert "aliases that expand without bound" in error

    def test_spare_aliases_that_only_save_typing(self, loaded: Load) -> None:
        config = loaded(
            """
            accounts:
              - {name: a, api_key_file: a, thresholds: &t {minimum_bounces: 5}}
              - {name: b, api_key_file: b, thresholds: {<<: *t, reply_ratio_drop: 0.7}}
            """
        )
        assert config.thresholds_for(config.accounts[1])["minimum_bounces"] == 5

    @pytest.mark.parametrize(
        ("content", "told"), [(b"\n\xff\xfe", "is not UTF-8 text (line 2)"), (None, "cannot be read: ")]
    )
    def test_tell_of_unreadable_files(self, tmp_path: Path, content: bytes | None, told: str) -> None:
        path = tmp_path / "config.yaml"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert str(path) in caught.value.message
        assert told in caught.value.message

    def test_tell_of_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="is a folder, expected a regular file"):
            load(tmp_path, {})

    @UNTIMED
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.dates()
            | st.just(CANARY),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from([*keys_of_model(Config), CANARY]) | st.text() | st.integers(),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=20,
        )
    )
    def test_are_the_only_way_to_fail(
        self, tmp_path_factory: pytest.TempPathFactory, document: object
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "any.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8", errors="surrogatepass")
        try:
            config = load(path, {})
        except ConfigError as error:
            assert "canary" not in str(error)  # noqa: PT017 - most documents fail, not all
        else:
            assert "canary" not in repr(config)


class TestKeys:
    def test_come_from_exactly_one_place(self, failed: Fail) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: A, api_key: sk_canary-1}]", A="sk_canary-2")
        assert error.startswith("accounts.0.api_key: found api_key_env and api_key, expected exactly one of")

    def test_of_files_are_relative_to_the_configuration_and_read_again(
        self, loaded: Load, tmp_path: Path
    ) -> None:
        [account] = loaded("accounts: [{name: a, api_key_file: keys/a}]").accounts
        (tmp_path / "keys").mkdir()
        for key in ("sk_old", "sk_new"):
            (tmp_path / "keys" / "a").write_text(f"\n  {key}\r\n")
            assert account.read_key({}) == key

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"sk_canary\nsk_canary", "holds blanks, control or non-ASCII characters"),
            (b"sk_canary\x00", "holds blanks, control or non-ASCII characters"),
            ("sk_canäry".encode(), "holds blanks, control or non-ASCII characters"),
            (b"\xef\xbb\xbfsk_canary", "holds blanks, control or non-ASCII characters"),
            (b"sk_canary" * 10_000, "is larger than 65536 bytes"),
            (None, "cannot be read: No such file or directory"),
        ],
    )
    def test_that_files_do_not_hold_are_told_of(
        self, loaded: Load, tmp_path: Path, content: bytes | None, told: str
    ) -> None:
        [account] = loaded("accounts: [{name: a, api_key_file: a.key}]").accounts
        path = tmp_path / "a.key"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(KeyUnavailable) as caught:
            account.read_key({})
        assert told in str(caught.value)
        assert str(path) in str(caught.value)
        assert "can" not in "".join(traceback.format_exception(caught.value)).replace("cannot", "")

    def test_come_from_the_environment_at_each_reading(self, loaded: Load) -> None:
        [account] = loaded("accounts: [{name: a, api_key_env: A_KEY}]", A_KEY="sk_1").accounts
        assert account.read_key({"A_KEY": " sk_2\n"}) == "sk_2"
        with pytest.raises(KeyUnavailable, match="environment variable A_KEY is empty"):
            account.read_key({})

    @pytest.mark.parametrize("environ", [{}, {"A_KEY": ""}])
    def test_missing_in_the_environment_are_told_when_loading(
        self, failed: Fail, environ: dict[str, str]
    ) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: A_KEY}]", **environ)
        assert error.startswith("accounts.0.api_key_env: found 'A_KEY', which is not set")

    @pytest.mark.parametrize(
        "text",
        [
            "accounts: [{name: a, api_key_env: sk_canary0123}]",
            "accounts: [{name: a, api_key_env: canary-0123}]",
            "accounts: [{name: a, api_key_env: canary0123}]",
            "accounts: [{name: a, api_key: 'canary 0123'}]",
            "accounts: [{name: a, api_key: [canary]}]",
            "accounts: [{name: a, api_key: {canary: canary}}]",
            "accounts: [{name: a, api_key_file: [sk_canary]}]",
            "accounts: [{name: a, key: canary}]",
            "accounts: [{name: a, sk_canary0123: canary}]",
            "accounts: [canary]",
            "accounts: canary",
            "accounts: [{name: a, api_key: sk_canary, poll_interval: sk_canary}]",
            "api: sk_canary0123",
            "timezone: sk_canary0123",
            "api: {base_url: 'https://canary:canary@example.com'}",
            "api: {base_url: 'https://example.com/?key=canary'}",
            "api: {base_url: 'https://example.com/#canary'}",
        ],
    )
    def test_are_in_no_error(self, failed: Fail, text: str) -> None:
        assert failed(text)

    def test_are_not_taken_for_a_variable(self, failed: Fail) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: sk_canary0123}]", sk_canary0123="x")
        assert error.endswith("expected the name of an environment variable (never the key itself)")

    def test_are_in_no_repr(self, loaded: Load) -> None:
        config = loaded(f"accounts: [{{name: a, api_key: {CANARY}}}]")
        assert "canary" not in f"{config!r} {config} {config.accounts[0]!r} {config.model_dump()}"

    def test_are_in_no_error_of_a_model_made_in_python(self) -> None:
        with pytest.raises(ValidationError) as caught:
            AccountConfig.model_validate({"name": "a", "api_key": "canary canary"})
        assert "canary" not in str(caught.value)

    def test_of_the_hash_come_from_a_file_beside_the_configuration(
        self, loaded: Load, tmp_path: Path
    ) -> None:
        config = loaded("privacy: {email: hmac, hmac_key_file: hash.key}")
        with pytest.raises(KeyUnavailable, match="cannot be read"):
            config.privacy.read_hmac_key()
        (tmp_path / "hash.key").write_text("secret\n")
        assert config.privacy.read_hmac_key() == b"secret"

    def test_of_the_hash_are_not_there_without_a_file(self, loaded: Load) -> None:
        with pytest.raises(KeyUnavailable, match="is not set"):
            loaded(ACCOUNT).privacy.read_hmac_key()


class TestBaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://api.sendkit.ai",
            "https://example.com:8443/api",
            "HTTPS://example.com",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://127.9.9.9:1",
            "http://[::1]:8080",
        ],
    )
    def test_is_https_or_loopback(self, loaded: Load, url: str) -> None:
        assert loaded(f"api: {{base_url: '{url}/'}}").api.base_url == url

    @pytest.mark.parametrize("url", ["http://example.com", "HTTP://10.0.0.1", "http://localhost.example.com"])
    def test_is_plain_http_elsewhere_only_when_allowed(self, loaded: Load, failed: Fail, url: str) -> None:
        [error] = failed(f"api: {{base_url: '{url}'}}")
        assert error == (
            f"api.base_url: found '{url}', expected https"
            " (http only for loopback, unless api.allow_insecure_http is true)"
        )
        assert loaded(f"api: {{base_url: '{url}', allow_insecure_http: true}}").api.base_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "api.sendkit.ai",
            "ftp://example.com",
            "https://",
            "https://:443",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://example.com?",
            "https://example.com/?a=b",
            "https://example.com/#",
            "https://example.com:99999",
            "https://example.com:x",
            "https://[::1",
            "https://exa mple.com",
            "https://example.com/\\n",
        ],
    )
    def test_is_nothing_else(self, failed: Fail, url: str) -> None:
        [error] = failed(f'api: {{base_url: "{url}", allow_insecure_http: true}}')
        assert error.startswith("api.base_url: found ")


class TestSelection:
    def test_of_mailboxes_goes_by_whole_addresses_and_statuses(self) -> None:
        chosen = MailboxesConfig(
            include=(Pattern(r".*@a\.com"),),
            exclude=(Pattern("test"), Pattern("x@.*")),
            statuses=("active",),
        )
        kept = ["test@a.com", "x@a.com", "y@a.com.evil", "y@a.com"]
        assert [address for address in kept if chosen.keeps(address, "active")] == ["test@a.com", "y@a.com"]
        assert not chosen.keeps("y@a.com", "error")

    @UNTIMED
    @given(st.text(), st.text())
    def test_keeps_everything_by_default(self, name: str, status: str) -> None:
        assert WorkspacesConfig().keeps(name)
        assert MailboxesConfig().keeps(name, status)

    @pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(", "a{2000}", "(((a{100}){100}){100}){100}"])
    def test_refuses_patterns_that_need_unbounded_time_or_memory(self, failed: Fail, pattern: str) -> None:
        [error] = failed(f"{ACCOUNT}\nmailboxes: {{include: ['{pattern}']}}")
        assert error.startswith("mailboxes.include.0: found ")
        assert error.endswith("a regular expression of RE2, without look-around and back-references")

    def test_from_a_file_matches_every_character_with_a_dot(self, loaded: Load) -> None:
        config = loaded("accounts: [{name: a, api_key_file: k, workspaces: {include: ['client-.*']}}]")
        assert config.accounts[0].workspaces.keeps("client-\n1")
        assert not config.accounts[0].workspaces.keeps("a client-1")


class TestThresholds:
    def test_of_an_account_stand_in_place_of_the_common_ones(self, loaded: Load) -> None:
        config = loaded(
            """
            accounts:
              - {name: a, api_key_file: k, thresholds: {minimum_bounces: 3}}
              - {name: b, api_key_file: k}
            thresholds: {minimum_bounces: 9, reply_ratio_drop: 0.7}
            """
        )
        a, b = (config.thresholds_for(account) for account in config.accounts)
        assert (a["minimum_bounces"], a["reply_ratio_drop"], a["daily_limit_usage"]) == (3, 0.7, 0.9)
        assert b == {**a, "minimum_bounces": 9}
        assert a.keys() == Thresholds.model_fields.keys()

    @pytest.mark.parametrize("value", ["1.1", "-0.1", ".nan", ".inf", "3%", "'0.5'", "true", "null", "[0.5]"])
    def test_are_ratios(self, failed: Fail, value: str) -> None:
        [error] = failed(f"thresholds: {{reply_ratio_drop: {value}}}")
        assert error.endswith("expected a ratio from 0 to 1, such as 0.03 for 3 %")


class TestWarnings:
    def test_are_none_for_the_defaults(self, loaded: Load) -> None:
        assert loaded(ACCOUNT).warnings() == []

    def test_tell_of_polls_rarer_than_staleness(self, loaded: Load) -> None:
        config = loaded(
            """
            poll: {interval: 20m, stale_after: 15m}
            accounts:
              - {name: a, api_key: sk_a, poll_interval: 15m}
              - {name: b, api_key: sk_b, poll_interval: 1h}
            """
        )
        assert [warning.split(":")[0] for warning in config.warnings()] == [
            "poll.interval",
            "accounts.1.poll_interval",
        ]
        assert "1200 s is above poll.stale_after (900 s)" in config.warnings()[0]

    @pytest.mark.parametrize(
        ("mode", "open_to_others"),
        [
            (0o600, False),
            (0o400, False),
            (0o440, False),
            (0o640, False),
            (0o604, True),
            (0o644, True),
            (0o660, True),
            (0o601, True),
        ],
    )
    def test_tell_of_key_files_open_to_others(
        self, loaded: Load, tmp_path: Path, mode: int, *, open_to_others: bool
    ) -> None:
        (tmp_path / "a.key").write_text(CANARY)
        (tmp_path / "a.key").chmod(mode)
        warnings = loaded("accounts: [{name: a, api_key_file: a.key}]").warnings()
        assert [warning.startswith("accounts.0.api_key_file: ") for warning in warnings] == [
            True
        ] * open_to_others
        assert "canary" not in "".join(warnings)

    def test_tell_of_key_files_without_a_key(self, loaded: Load, tmp_path: Path) -> None:
        (tmp_path / "empty").touch(mode=0o600)
        warnings = loaded(
            "accounts: [{name: a, api_key_file: none}, {name: b, api_key_file: empty}]"
        ).warnings()
        assert [warning.split(":")[0] for warning in warnings] == [
            "accounts.0.api_key_file",
            "accounts.1.api_key_file",
        ]
        assert "No such file or directory" in warnings[0]
        assert "is empty" in warnings[1]
