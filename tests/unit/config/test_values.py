"""The forms of values: durations, sizes, time zones, modes and addresses."""

from datetime import UTC, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from exporter.config.values import Duration, Size, parse_duration, parse_size
from tests.configurations import UNTIMED, Fail, Load


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
    def test_a_duration_has_a_unit_or_is_in_seconds(self, written: object, seconds: float) -> None:
        assert parse_duration(written) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "written",
        [
            "", "s", "0", "0s", 0, -1, "-5m", "5 m", "5M", "1w", "1h30m", "1e3", "٣s", "5s\n", "inf", "nan",
            float("inf"), float("nan"), 1e-9, "367d", "9" * 12 + "d", 10**400, "9" * 400, True, None, [], {},
        ],
    )  # fmt: skip
    def test_a_duration_of_another_form_is_an_error(self, written: object) -> None:
        with pytest.raises(ValidationError, match="a duration such as 90s, 15m, 2h, 1d or seconds"):
            TypeAdapter(Duration).validate_python(written)

    @UNTIMED
    @given(st.integers(1, 86_400), st.sampled_from("smhd"))
    def test_a_duration_is_a_count_of_its_unit(self, count: int, unit: str) -> None:
        one = parse_duration(f"1{unit}")
        if count * one <= timedelta(days=366):
            assert parse_duration(f"{count}{unit}") == count * one

    @pytest.mark.parametrize(
        ("written", "size_bytes"),
        [("256MiB", 2**28), ("64KiB", 2**16), ("1GiB", 2**30), ("10B", 10), ("10", 10), (10, 10)],
    )
    def test_a_size_has_a_binary_unit_or_is_in_bytes(self, written: object, size_bytes: int) -> None:
        assert parse_size(written) == size_bytes

    @pytest.mark.parametrize(
        "written", ["", "0", 0, -1, 1.5, "1MB", "1 MiB", "-1KiB", "1mib", True, None, 2**63]
    )
    def test_a_size_of_another_form_is_an_error(self, written: object) -> None:
        with pytest.raises(ValidationError, match="a size such as 64KiB, 256MiB, 1GiB or bytes"):
            TypeAdapter(Size).validate_python(written)

    @pytest.mark.parametrize(
        ("written", "zone"), [("UTC", UTC), ("Europe/Berlin", ZoneInfo("Europe/Berlin"))]
    )
    def test_a_time_zone_is_named_as_in_its_database(self, loaded: Load, written: str, zone: tzinfo) -> None:
        assert loaded(f"timezone: {written}").timezone == zone

    @pytest.mark.parametrize(
        "written", ["Europe", "Europe/Nowhere", "../../etc/passwd", "''", "2", "null", '"a\\0b"']
    )
    def test_a_time_zone_that_is_not_in_the_database_is_an_error(self, failed: Fail, written: str) -> None:
        [error] = failed(f"timezone: {written}")
        assert error.endswith("expected a time zone name such as UTC or Europe/Berlin")


class TestPrivacy:
    @pytest.mark.parametrize("mode", ["plain", "masked", "hmac", "off", '"off"', "'off'"])
    def test_privacy_takes_each_mode_as_the_reference_writes_it(self, loaded: Load, mode: str) -> None:
        config = loaded(f"privacy: {{email: {mode}, hmac_key_file: hash.key}}")
        assert config.privacy.email == mode.strip("\"'")

    @pytest.mark.parametrize("mode", ["true", "0", "null", "hidden"])
    def test_a_privacy_mode_that_does_not_exist_is_an_error(self, failed: Fail, mode: str) -> None:
        (error,) = failed(f"privacy: {{email: {mode}}}")
        assert error.startswith("privacy.email: found ")
        assert error.endswith(", expected one of plain, masked, hmac, off")


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
    def test_a_base_url_is_https_or_of_this_machine(self, loaded: Load, url: str) -> None:
        assert loaded(f"api: {{base_url: '{url}/'}}").api.base_url == url

    @pytest.mark.parametrize("url", ["http://example.com", "HTTP://10.0.0.1", "http://localhost.example.com"])
    def test_a_base_url_is_plain_http_elsewhere_only_when_allowed(
        self, loaded: Load, failed: Fail, url: str
    ) -> None:
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
    def test_a_base_url_that_is_no_address_is_an_error(self, failed: Fail, url: str) -> None:
        [error] = failed(f'api: {{base_url: "{url}", allow_insecure_http: true}}')
        assert error.startswith("api.base_url: found ")
