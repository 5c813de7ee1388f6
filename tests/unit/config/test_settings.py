"""What is selected, which thresholds hold, and what is warned of."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    MailboxesConfig,
    Thresholds,
    WorkspacesConfig,
    load,
)
from exporter.config.patterns import Pattern
from tests.configurations import ACCOUNT, CANARY, UNTIMED, Fail, Load


class TestSelection:
    def test_a_selection_of_mailboxes_goes_by_whole_addresses_and_statuses(self) -> None:
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
    def test_every_workspace_and_mailbox_is_kept_by_default(self, name: str, status: str) -> None:
        assert WorkspacesConfig().keeps(name)
        assert MailboxesConfig().keeps(name, status)

    @pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(", "a{2000}", "(((a{100}){100}){100}){100}"])
    def test_a_selection_refuses_patterns_that_need_unbounded_time_or_memory(
        self, failed: Fail, pattern: str
    ) -> None:
        [error] = failed(f"{ACCOUNT}\nmailboxes: {{include: ['{pattern}']}}")
        assert error.startswith("mailboxes.include.0: found ")
        assert error.endswith("a regular expression of RE2, without look-around and back-references")

    def test_a_selection_from_a_file_matches_every_character_with_a_dot(self, loaded: Load) -> None:
        config = loaded("accounts: [{name: a, api_key_file: k, workspaces: {include: ['client-.*']}}]")
        assert config.accounts[0].workspaces.keeps("client-\n1")
        assert not config.accounts[0].workspaces.keeps("a client-1")


class TestThresholds:
    def test_thresholds_of_an_account_replace_the_common_ones(self, loaded: Load) -> None:
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
    def test_a_threshold_that_is_no_ratio_is_an_error(self, failed: Fail, value: str) -> None:
        [error] = failed(f"thresholds: {{reply_ratio_drop: {value}}}")
        assert error.endswith("expected a ratio from 0 to 1, such as 0.03 for 3 %")


class TestWarnings:
    def test_warnings_are_none_for_the_defaults(self, loaded: Load) -> None:
        assert loaded(ACCOUNT).warnings() == []

    def test_warnings_tell_of_polls_rarer_than_staleness(self, loaded: Load) -> None:
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

    def test_warnings_tell_of_patterns_that_leave_everything_out(self, loaded: Load) -> None:
        config = loaded(
            """
            mailboxes: {exclude: ["a@acme.example", ".*"]}
            accounts:
              - {name: a, api_key: sk_user_a, workspaces: {exclude: [".*"]}}
              - {name: b, api_key: sk_user_b, workspaces: {exclude: ["x.*"]}}
            """
        )
        assert config.warnings() == [
            "mailboxes.exclude: '.*' leaves all of them out",
            "accounts.0.workspaces.exclude: '.*' leaves all of them out",
        ]

    def test_warnings_tell_of_warnings_that_come_after_what_is_critical(self, loaded: Load) -> None:
        config = loaded(
            """
            thresholds: {unhealthy_mailboxes_warning: 0.4}
            accounts:
              - {name: a, api_key: sk_a, thresholds: {mailbox_bounce_ratio_warning: 0.2}}
              - {name: b, api_key: sk_b, thresholds: {unhealthy_mailboxes_critical: 0.3}}
              - {name: c, api_key: sk_c}
            """
        )
        assert [warning.split(":")[0] for warning in config.warnings()] == [
            "accounts.0.thresholds.mailbox_bounce_ratio_warning",
            "accounts.1.thresholds.unhealthy_mailboxes_warning",
        ]
        assert "0.4 is above unhealthy_mailboxes_critical (0.3)" in config.warnings()[1]

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
    def test_warnings_tell_of_key_files_open_to_others(
        self, loaded: Load, tmp_path: Path, mode: int, *, open_to_others: bool
    ) -> None:
        (tmp_path / "a.key").write_text(CANARY)
        (tmp_path / "a.key").chmod(mode)
        warnings = loaded("accounts: [{name: a, api_key_file: a.key}]").warnings()
        assert [warning.startswith("accounts.0.api_key_file: ") for warning in warnings] == [
            True
        ] * open_to_others
        assert "canary" not in "".join(warnings)

    @pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o640, False), (0o644, True)])
    def test_warnings_tell_of_a_configuration_that_holds_a_key_and_is_open_to_others(
        self, tmp_path: Path, mode: int, *, open_to_others: bool
    ) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(f"accounts: [{{name: a, api_key: {CANARY}}}]")
        path.chmod(mode)
        warnings = load(path, {}).warnings()
        assert ["the configuration" in warning and str(path) in warning for warning in warnings] == [
            True
        ] * open_to_others
        assert "canary" not in "".join(warnings)

    def test_warnings_tell_of_key_files_without_a_key(self, loaded: Load, tmp_path: Path) -> None:
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
