"""The format and the encoding that a request accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.textformat.lines import Format
from exporter.web.app import accepts_gzip, chosen_format

PROMETHEUS = (  # the header as version 2.42 sends it
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class TestAcceptEncoding:
    @pytest.mark.parametrize(
        "header", ["gzip", "GZIP", "deflate, gzip;q=0.1", "*", "gzip;q=1.0, *;q=0", " gzip "]
    )
    def test_a_header_that_takes_gzip_is_answered_with_it(self, header: str) -> None:
        assert accepts_gzip(header)

    @pytest.mark.parametrize(
        "header", ["", "identity", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "br", "gzip;q=x"]
    )
    def test_a_header_that_does_not_take_gzip_is_answered_without(self, header: str) -> None:
        assert not accepts_gzip(header)


class TestAccept:
    @pytest.mark.parametrize(
        "header",
        [
            PROMETHEUS,
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "Application/OpenMetrics-Text",
            "text/plain;q=0.5, application/openmetrics-text;q=0.6",
            "application/openmetrics-text, text/plain",
            PROMETHEUS_3,
        ],
    )
    def test_a_header_that_prefers_openmetrics_gets_it(self, header: str) -> None:
        assert chosen_format(header) is Format.OPENMETRICS

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "*/*",
            "text/plain",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0, text/plain",
            "application/openmetrics-text;q=0.2, text/plain;q=0.9",
            "application/openmetrics-text;q=never",
        ],
    )
    def test_a_header_that_does_not_prefer_openmetrics_gets_text(self, header: str) -> None:
        assert chosen_format(header) is Format.TEXT

    @given(st.text())
    def test_a_header_of_any_form_is_answered(self, header: str) -> None:
        assert chosen_format(header) in Format
        assert accepts_gzip(header) in {True, False}
