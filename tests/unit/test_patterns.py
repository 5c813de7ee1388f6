"""Patterns of the configuration against texts of the API, whose senders are no friends."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.patterns import Pattern, quoted
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.waiting import until

HOSTILE = "([a-z]+[.]?)+@acme[.]example"
"""Python's own engine tries every division of a text into parts: twice the time for each character."""

PLATFORM = "sk_user_canary-0123456789abcdef"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("pattern", [HOSTILE, "(a*)*b", "(a|aa)+$x", ".*.*.*.*=.*"])
def test_take_time_by_the_length_of_a_text_alone(pattern: str) -> None:
    compiled = Pattern(pattern)
    began = time.process_time()
    assert not compiled.matches("a" * 100_000)
    assert time.process_time() - began < 1


@pytest.mark.anyio
async def test_of_mailboxes_and_workspaces_freeze_nothing() -> None:
    long = "a" * 300
    api = ScriptedApi({PLATFORM: {"w1": "good", "w2": long}}, default=answered(mailbox("m1", email=long)))
    account = {"name": "agency", "api_key": PLATFORM, "workspaces": {"exclude": ["([a-z]+[.]?)+!"]}}
    async with exporting(api, account, mailboxes={"exclude": [HOSTILE]}) as running:
        await until(lambda: running.is_up("good") and running.is_up(long))
        assert running.one("sendkit_mailbox_sent_today", "good", mailbox_id="m1") is not None


@given(st.text())
def test_take_any_text_and_quote_it(text: str) -> None:
    assert Pattern(".*").matches(text)
    assert Pattern(quoted(text)).matches(text)


def test_of_one_wording_are_equal() -> None:
    assert Pattern("a") == Pattern("a") != Pattern("b")
