"""`once`: everything is polled once, and printed or written as a file."""

import subprocess
from pathlib import Path

import pytest

from tests.commands import COMMAND, config_file, fast, run_beside
from tests.samples import Samples
from tests.scripted_api import ScriptedApi, answer, answered, mailbox, raw

CANARY = "sk_canary-0123456789abcdef"
PLATFORM = "sk_user_canary-0123456789abcdef"
NOBODY = "http://127.0.0.1:9"  # the port of discard, at which nobody listens


@pytest.mark.anyio
class TestOnce:
    async def test_prints_the_metrics_and_exits_with_0(self, tmp_path: Path) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
        async with api:
            accounts = ({"name": "acme", "api_key": CANARY}, {"name": "agency", "api_key": PLATFORM})
            path = config_file(tmp_path, **fast(api.url, *accounts))
            polled = await run_beside("once", "--config.file", path, "--log.level", "debug")
        assert polled.code == 0, polled.err
        samples = Samples(polled.out)
        assert samples.values_of("workspace", "sendkit_mailbox_sent_today") == {"acme", "one", "two"}
        assert set(samples.all_of("sendkit_up").values()) == {1}
        assert len(samples.all_of("sendkit_up")) == 3 * 2  # all-time and the window there is by default
        counted = sum(any(key == "workspace" for key, _ in labels) for _, labels, _ in samples)
        assert samples.one("sendkit_exporter_series") == counted
        assert samples.all_of("sendkit_exporter_build_info")
        assert "canary" not in polled.out + polled.err
        assert "Traceback" not in polled.err

    async def test_once_leaves_out_what_the_collector_has_of_its_own(self, tmp_path: Path) -> None:
        async with ScriptedApi() as api:
            path = config_file(tmp_path, **fast(api.url, {"name": "acme", "api_key": CANARY}))
            polled = await run_beside("once", "--config.file", path)
        names = Samples(polled.out).by_name
        assert not [name for name in names if name.startswith(("process_", "python_"))]

    async def test_once_that_fails_in_part_prints_all_the_same_and_exits_with_1(self, tmp_path: Path) -> None:
        api = ScriptedApi(
            listing={PLATFORM: answer(503)},
            behaviours={"sk_canary-bad": raw(b"nonsense\r\n\r\n"), "sk_canary-html": answer(200, b"<html>")},
        )
        async with api:
            accounts: list[dict[str, object]] = [
                {"name": "good", "api_key": CANARY},
                {"name": "bad", "api_key": "sk_canary-bad"},
                {"name": "html", "api_key": "sk_canary-html"},
                {"name": "agency", "api_key": PLATFORM},
                {"name": "missing", "api_key_file": "none.key"},
            ]
            path = config_file(tmp_path, **fast(api.url, *accounts, windows=[]))
            polled = await run_beside("once", "--config.file", path, "--log.level", "debug")
        assert polled.code == 1
        samples = Samples(polled.out)
        ups = {name: samples.one("sendkit_up", workspace=str(name)) for name in (a["name"] for a in accounts)}
        assert ups == {"good": 1, "bad": 0, "html": 0, "agency": 0, "missing": 0}
        reasons = {
            (dict(labels)["workspace"], dict(labels)["reason"])
            for labels, count in samples.all_of("sendkit_poll_failures_total").items()
            if count
        }
        assert reasons == {
            ("bad", "network"),
            ("html", "malformed"),
            ("agency", "server_error"),
            ("missing", "auth"),
        }
        assert "canary" not in polled.out + polled.err
        assert "Traceback" not in polled.err

    async def test_once_replaces_a_file_whole(self, tmp_path: Path) -> None:
        output = tmp_path / "sendkit.prom"
        output.write_text("old")
        async with ScriptedApi(default=answered(mailbox("m1"))) as api:
            path = config_file(tmp_path, **fast(api.url, {"name": "acme", "api_key": CANARY}))
            with open(output) as reader:  # noqa: ASYNC230, PTH123 - a file of a few bytes
                polled = await run_beside("once", "--config.file", path, "--output", output)
                assert reader.read() == "old"  # who had it open reads the old one to its end
        assert (polled.code, polled.out) == (0, "")
        assert Samples(output.read_text()).one("sendkit_up", window="all") == 1
        assert output.stat().st_mode & 0o777 == 0o644
        assert {file.name for file in tmp_path.iterdir()} == {"exporter.yaml", "sendkit.prom"}  # noqa: ASYNC240 - as above

    async def test_once_that_fails_replaces_the_file_as_well(self, tmp_path: Path) -> None:
        output = tmp_path / "sendkit.prom"
        async with ScriptedApi(default=answer(401)) as api:
            path = config_file(tmp_path, **fast(api.url, {"name": "acme", "api_key": CANARY}))
            polled = await run_beside("once", "--config.file", path, "--output", output)
        assert polled.code == 1
        assert Samples(output.read_text()).one("sendkit_up", window="all") == 0

    async def test_once_that_cannot_write_exits_with_1_before_it_polls(self, tmp_path: Path) -> None:
        output = tmp_path / "none" / "sendkit.prom"
        async with ScriptedApi() as api:
            path = config_file(tmp_path, **fast(api.url, {"name": "acme", "api_key": CANARY}))
            polled = await run_beside("once", "--config.file", path, "--output", output)
        assert polled.code == 1
        assert f"error: {output}: No such file or directory" in polled.err
        assert not api.requests
        assert "Traceback" not in polled.err

    def test_once_that_cannot_print_tells_it(self, tmp_path: Path) -> None:
        api = {"base_url": NOBODY, "max_attempts": 1}
        path = config_file(tmp_path, api=api, accounts=[{"name": "acme", "api_key": CANARY}])
        with Path("/dev/full").open("wb") as full:
            command = [*COMMAND, "once", "--config.file", str(path)]
            polled = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert polled.returncode == 1
        assert "error: standard output: No space left on device" in polled.stderr
        assert "Traceback" not in polled.stderr
