"""The defaults of the configuration, and the example and the reference that show them."""

from datetime import UTC, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from exporter.config import (
    AccountConfig,
    ApiConfig,
    Config,
    ConfigError,
    ShardConfig,
    WindowConfig,
    default,
    load,
)
from exporter.config import reference as config_reference
from tests.configurations import ACCOUNT, CANARY, Load, keys_of, keys_of_model
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[3]


class TestDefaults:
    def test_defaults_are_those_of_the_reference(self, loaded: Load) -> None:
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

    def test_defaults_without_a_file_are_one_account_with_its_key_in_the_environment(self) -> None:
        config = default({"SENDKIT_API_KEY": CANARY})
        [account] = config.accounts
        assert account.name == "default"
        assert account.read_key({"SENDKIT_API_KEY": CANARY}) == CANARY

    @pytest.mark.parametrize("environ", [{}, {"SENDKIT_API_KEY": " "}])
    def test_defaults_without_file_and_key_say_what_to_do(self, environ: dict[str, str]) -> None:
        with pytest.raises(
            ConfigError, match=r"set the environment variable SENDKIT_API_KEY.*--config\.file"
        ):
            default(environ)

    def test_defaults_serve_a_configuration_made_in_python(self) -> None:
        account = AccountConfig(name="demo", api_key=SecretStr(CANARY), poll_interval=timedelta(seconds=1))
        config = Config(api=ApiConfig(base_url="http://127.0.0.1:8080"), accounts=(account,))
        assert config.poll_interval_for(account) == timedelta(seconds=1)
        assert config.accounts[0].read_key({}) == CANARY


class TestExample:
    def test_the_example_is_a_valid_configuration(self) -> None:
        assert [account.name for account in load(ROOT / "config.example.yaml", {}).accounts] == [
            "acme",
            "agency",
        ]

    def test_the_example_shows_each_key_with_its_default(self, loaded: Load) -> None:
        example = load(ROOT / "config.example.yaml", {})
        assert example.model_dump(exclude={"accounts"}) == loaded(ACCOUNT).model_dump(exclude={"accounts"})
        for account in example.accounts:
            assert account == AccountConfig(name=account.name, api_key_file=account.api_key_file)

    def test_the_example_shows_every_key_of_the_configuration(self) -> None:
        text = (ROOT / "config.example.yaml").read_text()
        shown = set(keys_of(from_yaml(text)))
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
