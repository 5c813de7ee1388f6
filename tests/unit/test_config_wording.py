"""What people write by mistake in a configuration, and what the errors say."""

import textwrap
import time
from pathlib import Path

import pytest

from exporter.config import Config, ConfigError, files, load
from tests.leases import hanging

ACCOUNT = "accounts: [{name: acme, api_key: sk_x}]\n"


def loaded(folder: Path, text: str) -> Config:
    path = folder / "exporter.yaml"
    path.write_text(textwrap.dedent(text))
    path.chmod(0o600)
    return load(path, {})


def details(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        loaded(folder, text)
    return raised.value.details


@pytest.mark.parametrize("written", ["1:30", "1:30:00", "0x5A", "0b11", "1:30.5"])
def test_a_number_of_another_base_is_no_duration(tmp_path: Path, written: str) -> None:
    """YAML 1.1 reads 1:30 as 90."""
    [error] = details(tmp_path, f"{ACCOUNT}poll: {{interval: {written}}}")
    assert error.startswith("poll.interval: found ")
    assert "expected a duration such as 90s" in error


def test_a_leading_zero_changes_no_number(tmp_path: Path) -> None:
    assert loaded(tmp_path, f"{ACCOUNT}poll: {{interval: 060}}").poll.interval.total_seconds() == 60


@pytest.mark.parametrize("written", ["3", "3.0", "3%", "30", "'0.03'"])
def test_the_error_of_a_percentage_as_threshold_says_how_to_write_it(tmp_path: Path, written: str) -> None:
    [error] = details(tmp_path, f"{ACCOUNT}thresholds: {{mailbox_bounce_ratio_warning: {written}}}")
    assert error.endswith("expected a ratio from 0 to 1, such as 0.03 for 3 %")


def test_an_error_names_a_tab_in_place_of_spaces(tmp_path: Path) -> None:
    [error] = details(tmp_path, "poll:\n\tinterval: 60s\n")
    assert error == "line 2, column 1: a tab, where YAML takes spaces alone"


@pytest.mark.parametrize("statuses", ["[active]", "[active, inactive, suspended]", "[error]"])
def test_statuses_that_hide_what_the_rules_look_at_are_warned_of(tmp_path: Path, statuses: str) -> None:
    [warning] = loaded(tmp_path, f"{ACCOUNT}mailboxes: {{statuses: {statuses}}}").warnings()
    assert warning.startswith("mailboxes.statuses: ")


@pytest.mark.parametrize("statuses", ["[]", "[active, inactive, suspended, error]"])
def test_statuses_that_hide_nothing_are_not(tmp_path: Path, statuses: str) -> None:
    assert loaded(tmp_path, f"{ACCOUNT}mailboxes: {{statuses: {statuses}}}").warnings() == []


def test_the_thresholds_are_those_of_the_field(tmp_path: Path) -> None:
    thresholds = loaded(tmp_path, ACCOUNT).thresholds
    assert (thresholds.domain_minimum_bounces, thresholds.minimum_bounces) == (5, 3)
    assert (thresholds.spam_ratio_warning, thresholds.reply_ratio_drop) == (0.15, 0.4)


def test_a_file_beyond_its_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "exporter.yaml"
    path.write_text(ACCOUNT + "# comment\n" * 1_500_000)
    began = time.process_time()
    with pytest.raises(ConfigError, match="is larger than 1048576 bytes"):
        load(path, {})
    assert time.process_time() - began < 1


def test_aliases_are_followed_so_far_and_no_further(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    began = time.process_time()
    with pytest.raises(ConfigError, match="aliases that expand without bound"):
        loaded(tmp_path, ACCOUNT + "\n".join(lines))
    assert time.process_time() - began < 1


def test_key_files_that_hang_are_looked_at_for_a_while_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload of 1,000 accounts on a dead network mount must not take hours."""
    monkeypatch.setattr(files, "READ_SECONDS", 0.1)
    (tmp_path / "a.key").write_text("sk_x")
    accounts = ", ".join(f"{{name: a{n}, api_key_file: a.key}}" for n in range(50))
    config = loaded(tmp_path, f"accounts: [{accounts}]")
    with hanging(tmp_path / "a.key"):
        began = time.monotonic()
        warnings = config.warnings()
        assert time.monotonic() - began < 2
    assert "no answer within 0.1 s" in warnings[0]
    assert warnings[-1] == "accounts: key files take long to read, the others are not looked at now"


@pytest.mark.parametrize("written", ["no", "1.0e+99", "2026-11-28", "12"])
def test_what_yaml_takes_for_something_else_than_a_name_is_to_be_quoted(tmp_path: Path, written: str) -> None:
    [error] = details(tmp_path, f"accounts: [{{name: {written}, api_key: sk_a}}]")
    assert error.startswith("accounts.0.name: found ")
    assert error.endswith("YAML reads this otherwise unless it is in quotes")


def test_a_duration_has_a_bound_and_its_error_says_which(tmp_path: Path) -> None:
    [error] = details(tmp_path, "poll: {stale_after: 367d}\naccounts: [{name: a, api_key: sk_a}]")
    assert error.endswith("366d at most")
