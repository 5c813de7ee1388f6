"""Where API keys come from, and that none is ever shown."""

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from exporter.config import AccountConfig, ConfigError, KeyUnavailable, default
from tests.configurations import ACCOUNT, CANARY, Fail, Load


class TestKeys:
    def test_keys_come_from_exactly_one_place(self, failed: Fail) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: A, api_key: sk_canary-1}]", A="sk_canary-2")
        assert error.startswith("accounts.0.api_key: found api_key_env and api_key, expected exactly one of")

    def test_keys_of_files_are_relative_to_the_configuration_and_read_again(
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
            (b'"sk_canary"', "holds quotes, expected the key alone"),
            (b"'sk_canary'\n", "holds quotes, expected the key alone"),
            (b"sk_canary" * 10_000, "is larger than 65536 bytes"),
            (None, "cannot be read: No such file or directory"),
        ],
    )
    def test_keys_that_files_do_not_hold_are_reported(
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

    def test_keys_of_the_environment_that_no_header_can_carry_are_refused(self, failed: Fail) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: A_KEY}]", A_KEY="sk_canary a")
        assert error == (
            "accounts.0.api_key_env: found 'A_KEY', which holds blanks, control or non-ASCII characters, "
            "expected a variable that holds the API key"
        )
        with pytest.raises(ConfigError, match="SENDKIT_API_KEY holds blanks"):
            default({"SENDKIT_API_KEY": "sk_canary a"})

    def test_keys_come_from_the_environment_each_time_they_are_read(self, loaded: Load) -> None:
        [account] = loaded("accounts: [{name: a, api_key_env: A_KEY}]", A_KEY="sk_1").accounts
        assert account.read_key({"A_KEY": " sk_2\n"}) == "sk_2"
        with pytest.raises(KeyUnavailable, match="environment variable A_KEY is empty"):
            account.read_key({})

    @pytest.mark.parametrize("environ", [{}, {"A_KEY": ""}])
    def test_keys_missing_in_the_environment_are_an_error_when_loading(
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
    def test_no_error_of_a_configuration_shows_a_key(self, failed: Fail, text: str) -> None:
        assert failed(text)

    def test_keys_are_not_taken_for_a_variable(self, failed: Fail) -> None:
        [error] = failed("accounts: [{name: a, api_key_env: sk_canary0123}]", sk_canary0123="x")
        assert error.endswith("expected the name of an environment variable (never the key itself)")

    def test_no_text_of_a_configuration_shows_a_key(self, loaded: Load) -> None:
        config = loaded(f"accounts: [{{name: a, api_key: {CANARY}}}]")
        assert "canary" not in f"{config!r} {config} {config.accounts[0]!r} {config.model_dump()}"

    def test_keys_are_in_no_error_of_a_model_made_in_python(self) -> None:
        with pytest.raises(ValidationError) as caught:
            AccountConfig.model_validate({"name": "a", "api_key": "canary canary"})
        assert "canary" not in str(caught.value)

    def test_keys_of_the_hash_come_from_a_file_beside_the_configuration(
        self, loaded: Load, tmp_path: Path
    ) -> None:
        config = loaded("privacy: {email: hmac, hmac_key_file: hash.key}")
        with pytest.raises(KeyUnavailable, match="cannot be read"):
            config.privacy.read_hmac_key()
        (tmp_path / "hash.key").write_text("secret\n")
        assert config.privacy.read_hmac_key() == b"secret"

    def test_keys_of_the_hash_are_not_there_without_a_file(self, loaded: Load) -> None:
        with pytest.raises(KeyUnavailable, match="is not set"):
            loaded(ACCOUNT).privacy.read_hmac_key()
