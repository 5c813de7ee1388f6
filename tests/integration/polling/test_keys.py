"""Keys over a scripted API: refused ones, and those of files and of the environment."""

from pathlib import Path

import pytest
from structlog.types import EventDict

from tests.accounts import ACME
from tests.exporting import exporting
from tests.integration.polling.logged import UNAUTHORIZED, reported
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.waiting import until

pytestmark = pytest.mark.anyio


class TestKey:
    async def test_a_key_that_is_refused_is_reported_by_every_means(self, logged: list[EventDict]) -> None:
        """The one that matters most: nobody may take an exporter without data for a healthy one."""
        api = ScriptedApi()
        async with exporting(api, ACME) as running:
            await until(lambda: not running.unready_reason())
            api.default = UNAUTHORIZED
            await until(lambda: running.failures() >= 1)
            last_success = running.one("sendkit_last_success_timestamp_seconds", "acme")
            await until(lambda: running.failures() >= 4)

            assert running.one("sendkit_up", "acme") == 0
            assert running.one("sendkit_last_success_timestamp_seconds", "acme") == last_success
            assert (running.one("sendkit_last_poll_timestamp_seconds", "acme") or 0) > (last_success or 0)
            assert "acme: auth: the API answered 401: no such key" in running.unready_reason()
            assert running.samples().one("sendkit_mailbox_sent_today", mailbox_id="m1") == 3
            [failed] = reported(logged, "poll failed")
            assert failed["log_level"] == "warning"
            assert (failed["workspace"], failed["reason"]) == ("acme", "auth")

            api.default = answered(mailbox("m1"))
            await until(lambda: not running.unready_reason())
            polls = running.one("sendkit_polls_total", "acme") or 0
            await until(lambda: running.is_polled("acme", int(polls) + 2))
            assert running.is_up("acme")
        assert len(reported(logged, "polls succeed again")) == 1
        assert len(reported(logged, "poll failed")) == 1

    async def test_a_key_is_refused_from_the_start(self) -> None:
        api = ScriptedApi(default=UNAUTHORIZED)
        async with exporting(api, ACME) as running:
            await until(lambda: running.one("sendkit_up", "acme") == 0)
            assert "auth" in running.unready_reason()
            assert running.one("sendkit_last_success_timestamp_seconds", "acme") is None

    async def test_a_key_of_a_file_is_read_again_at_every_poll(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        key_file.write_text("sk_canary-first\n")
        api = ScriptedApi()
        account = {"name": "acme", "api_key_file": str(key_file)}
        async with exporting(api, account) as running:
            await until(lambda: api.asked("sk_canary-first"))
            key_file.write_text("sk_canary-second\n")
            await until(lambda: api.asked("sk_canary-second"))
            await until(lambda: running.is_up("acme"))

    async def test_the_file_of_a_key_may_appear_later(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        account = {"name": "acme", "api_key_file": str(key_file), "workspaces": {"refresh": "1d"}}
        api = ScriptedApi()
        async with exporting(api, account) as running:
            await until(lambda: running.failures() >= 2)
            assert running.one("sendkit_up", "acme") == 0
            assert "auth" in running.unready_reason()
            assert str(key_file) in running.unready_reason()
            key_file.write_text("sk_canary-late")
            await until(lambda: not running.unready_reason())

    async def test_a_key_file_that_vanishes_is_a_refused_key(self, tmp_path: Path) -> None:
        key_file = tmp_path / "acme.key"
        key_file.write_text("sk_canary-first")
        account = {"name": "acme", "api_key_file": str(key_file)}
        api = ScriptedApi()
        async with exporting(api, account) as running:
            await until(lambda: running.is_up("acme"))
            key_file.unlink()
            await until(lambda: running.failures() >= 2)
            assert running.one("sendkit_up", "acme") == 0

    async def test_a_key_of_the_environment_is_used(self) -> None:
        api = ScriptedApi()
        async with exporting(
            api, {"name": "acme", "api_key_env": "ACME_KEY"}, environ={"ACME_KEY": "sk_canary-env"}
        ):
            await until(lambda: api.asked("sk_canary-env"))
