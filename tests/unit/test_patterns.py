"""Patterns of the configuration against texts of the API, whose senders are no friends."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.patterns import Pattern, quoted

HOSTILE = "([a-z]+[.]?)+@acme[.]example"
"""Python's own engine tries every division of a text into parts: twice the time for each character."""

PLATFORM = "sk_user_canary-0123456789abcdef"


@pytest.mark.parametrize("pattern", [HOSTILE, "(a*)*b", "(a|aa)+$x", ".*.*.*.*=.*"])
def test_patterns_take_time_by_the_length_of_a_text_alone(pattern: str) -> None:
    compiled = Pattern(pattern)
    began = time.process_time()
    assert not compiled.matches("a" * 100_000)
    assert time.process_time() - began < 1


@given(st.text())
def test_patterns_take_any_text_and_quote_it(text: str) -> None:
    assert Pattern(".*").matches(text)
    assert Pattern(quoted(text)).matches(text)


def test_patterns_of_one_wording_are_equal() -> None:
    assert Pattern("a") == Pattern("a") != Pattern("b")
