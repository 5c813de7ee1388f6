"""What every error says, with its place, and that no error shows a key."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    Config,
    ConfigError,
    load,
)
from tests.configurations import CANARY, UNTIMED, Fail, Load, keys_of_model

ALL_ERRORS = """\
api.timeout: found 'x', expected a duration such as 90s, 15m, 2h, 1d or seconds, 366d at most
api.max_attempts: found true, expected a whole number from 1
api.nope: found an unknown key, expected one of allow_insecure_http, base_url, timeout, \
max_response_bytes, max_concurrent_requests, max_attempts, bounce_rate_unit
poll.interval: found nan, expected a duration such as 90s, 15m, 2h, 1d or seconds, 366d at most
accounts.0.api_key_env: found 'NOT_SET', which is not set in the environment, expected a \
variable that holds the API key
accounts.0.poll_interval: found 'fast', expected a duration such as 90s, 15m, 2h, 1d or \
seconds, 366d at most
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
mailboxes.statuses.0: found 1, expected a text, not empty, without control characters, nor \
blanks at its ends; YAML reads this otherwise unless it is in quotes
privacy.hmac_key_file: found nothing, expected a path, because privacy.email is hmac
state: found 5, expected a mapping
shard.total: found 2, expected more than shard.index, which is 2
1: found an unknown key, expected one of api, poll, accounts, windows, collectors, timezone, \
mailboxes, privacy, thresholds, state, shard
"""


class TestErrors:
    def test_errors_tell_a_second_key_source_beside_one_that_is_wrong_itself(self, failed: Fail) -> None:
        errors = failed("accounts: [{name: a, api_key_env: NOT_SET, api_key: sk_canary-1}]")
        assert [error.split(", ")[0] for error in errors] == [
            "accounts.0.api_key_env: found 'NOT_SET'",
            "accounts.0.api_key: found api_key_env and api_key",
        ]

    def test_errors_are_all_reported_with_their_place_what_was_found_and_what_was_expected(
        self, failed: Fail
    ) -> None:
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
    def test_an_error_says_what_is_wrong_with_a_broken_file(
        self, tmp_path: Path, text: str, told: str
    ) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert told in str(caught.value)
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("bomb", ["[*{0}, *{0}]", "{{<<: [*{0}, *{0}]}}"], ids=["lists", "merges"])
    def test_aliases_that_expand_without_bound_are_an_error(self, failed: Fail, bomb: str) -> None:
        lines = [f"a{n}: &a{n} {bomb.format(f'a{n - 1}')}" for n in range(1, 60)]
        [error] = failed("\n".join(["a0: &a0 {k: v}", *lines]))
        assert "aliases that expand without bound" in error

    def test_errors_spare_aliases_that_only_save_typing(self, loaded: Load) -> None:
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
    def test_a_file_that_cannot_be_read_is_an_error_with_its_path(
        self, tmp_path: Path, content: bytes | None, told: str
    ) -> None:
        path = tmp_path / "config.yaml"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert str(path) in caught.value.message
        assert told in caught.value.message

    def test_a_folder_in_place_of_the_file_is_an_error(self, tmp_path: Path) -> None:
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
    def test_errors_are_the_only_way_to_fail(
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
