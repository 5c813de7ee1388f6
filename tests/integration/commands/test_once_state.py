"""`once` with `state.directory`: counters go on from run to run, as those of a daemon do."""

from pathlib import Path
from typing import Any

import pytest

from exporter.fleet.state import StateDirectory
from exporter.fleet.tallies import FILE
from tests.accounts import ACME
from tests.commands import Outcome, config_file, fast, run, run_beside
from tests.samples import Samples
from tests.scripted_api import ScriptedApi, answer, answered, mailbox


def sent(number: int) -> dict[str, Any]:
    return mailbox("m1", performance={"sent": number}, bounceRate="N/A")


@pytest.mark.anyio
class TestOnceWithState:
    async def once(self, api: ScriptedApi, tmp_path: Path, **state: object) -> Outcome:
        path = config_file(tmp_path, **fast(api.url, ACME, windows=[], **state))
        return await run_beside("once", "--config.file", path)

    async def test_the_counters_of_mails_polls_and_suspect_values_rise_from_run_to_run(
        self, tmp_path: Path
    ) -> None:
        state = {"state": {"directory": "state"}}
        async with ScriptedApi(default=answered(sent(100))) as api:
            first = Samples((await self.once(api, tmp_path, **state)).out)
            api.default = answered(sent(130))
            second = Samples((await self.once(api, tmp_path, **state)).out)
        for samples, rise, polls in ((first, 0, 1), (second, 30, 2)):
            assert samples.one("sendkit_mailbox_emails_sent_total") == rise
            assert samples.one("sendkit_polls_total") == polls
            assert samples.one("sendkit_suspect_values_total", field="bounceRate") == polls

    async def test_a_key_that_is_refused_from_the_first_run_on_is_a_failure_more_in_each(
        self, tmp_path: Path
    ) -> None:
        state = {"state": {"directory": "state"}}
        async with ScriptedApi(default=answer(401)) as api:
            for runs in (1, 2, 3):
                polled = await self.once(api, tmp_path, **state)
                assert polled.code == 1
                samples = Samples(polled.out)
                assert samples.one("sendkit_poll_failures_total", reason="auth") == runs
                assert samples.one("sendkit_polls_total") == runs
                assert samples.one("sendkit_up") == 0

    async def test_without_a_folder_it_says_that_every_run_starts_from_0(self, tmp_path: Path) -> None:
        async with ScriptedApi() as api:
            polled = await self.once(api, tmp_path)
        assert polled.code == 0
        warnings = [line for line in polled.err.splitlines() if "level=warning" in line]
        assert [line for line in warnings if "without state.directory every run starts from 0" in line]

    @pytest.mark.parametrize("content", [b"", b"nonsense", b"\x91\x96\xa1a", b"\xff" * 100])
    async def test_a_damaged_file_of_counters_is_said_and_replaced(
        self, tmp_path: Path, content: bytes
    ) -> None:
        state = {"state": {"directory": "state"}}
        (tmp_path / "state").mkdir(mode=0o700)
        (tmp_path / "state" / FILE).write_bytes(content)
        async with ScriptedApi() as api:
            first = await self.once(api, tmp_path, **state)
            second = await self.once(api, tmp_path, **state)
        assert "the counters of polls start from 0" in first.err
        assert "damaged" in first.err
        assert "level=error" not in second.err
        assert [Samples(run.out).one("sendkit_polls_total") for run in (first, second)] == [1, 2]


def test_a_run_beside_another_one_fails_with_1(tmp_path: Path) -> None:
    """The configuration is good: the same command succeeds later."""
    held = StateDirectory(tmp_path / "state")
    path = config_file(tmp_path, accounts=[ACME], state={"directory": "state"})
    polled = run("once", "--config.file", path)
    held.close()
    assert polled.code == 1
    assert "in use by another exporter" in polled.err
