"""Patterns that cost another engine years, in a running exporter."""

import pytest

from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.waiting import until

PLATFORM = "sk_user_canary-0123456789abcdef"
HOSTILE = "([a-z]+[.]?)+@acme[.]example"


@pytest.mark.anyio
async def test_patterns_of_mailboxes_and_workspaces_freeze_nothing() -> None:
    long = "a" * 300
    api = ScriptedApi({PLATFORM: {"w1": "good", "w2": long}}, default=answered(mailbox("m1", email=long)))
    account = {"name": "agency", "api_key": PLATFORM, "workspaces": {"exclude": ["([a-z]+[.]?)+!"]}}
    async with exporting(api, account, mailboxes={"exclude": [HOSTILE]}) as running:
        await until(lambda: running.is_up("good") and running.is_up(long))
        assert running.one("sendkit_mailbox_sent_today", "good", mailbox_id="m1") is not None
