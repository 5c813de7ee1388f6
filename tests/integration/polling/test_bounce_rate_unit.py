"""The unit of `bounceRate` in a running exporter."""

import pytest
from structlog.testing import capture_logs

from tests.answers import older
from tests.exporting import exporting
from tests.scripted_api import ScriptedApi, answered
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_running_exporter_remembers_the_unit_and_logs_it_once() -> None:
    percent = older(_id="m1", bounceRate=2.49)
    api = ScriptedApi(default=answered(percent))
    with capture_logs() as logs:
        async with exporting(api, {"name": "acme", "api_key": "sk_acme"}) as running:
            await until(lambda: running.is_polled("acme", 3))
            assert running.one("sendkit_mailbox_bounce_ratio", "acme") == 0.0249
            api.default = answered(percent | {"bounceRate": 0.5})
            await until(lambda: running.one("sendkit_mailbox_bounce_ratio", "acme") == 0.005)
            assert running.one("sendkit_suspect_values_total", "acme", field="bounceRate") == 0
    told = [entry for entry in logs if entry.get("unit")]
    assert [(entry["workspace"], entry["unit"]) for entry in told] == [("acme", "percent")]


async def test_a_wrong_bounce_rate_unit_is_written_to_the_log() -> None:
    api = ScriptedApi(default=answered(older(_id="m1", bounceRate=2.49)))
    account = {"name": "acme", "api_key": "sk_acme"}
    with capture_logs() as logs:
        async with exporting(api, account, api={"bounce_rate_unit": "ratio"}) as running:
            await until(lambda: running.is_polled("acme", 3))
    told = [entry for entry in logs if entry["event"].startswith("api.bounce_rate_unit is wrong")]
    assert [(entry["configured"], entry["found"]) for entry in told] == [("ratio", "percent")]
