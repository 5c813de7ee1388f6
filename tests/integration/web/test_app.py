"""The paths of the application, and what each answers."""

import asyncio
import gzip

import pytest

from exporter.config import ConfigError
from exporter.page.templating import CONTENT_SECURITY_POLICY
from exporter.textformat.lines import Format
from tests.accounts import ACME, GLOBEX
from tests.integration.web.asking import polled, serving
from tests.samples import Samples
from tests.scripted_api import ScriptedApi, answer, hang
from tests.waiting import until

TEXT, OPENMETRICS = Format.TEXT.value, Format.OPENMETRICS.value


PATHS = ["/", "/metrics", "/metrics/exporter", "/sd", "/-/healthy", "/-/ready"]


PROMETHEUS = (  # the header as version 2.42 sends it
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.anyio
class TestPaths:
    async def test_paths_answer_head_as_get_without_a_body(self) -> None:
        async with polled(ACME) as client:
            for path in PATHS:
                got, headed = await client.get(path), await client.head(path)
                assert (got.status_code, headed.status_code) == (200, 200), path
                assert got.content, path
                assert headed.content == b"", path
                assert headed.headers["content-type"] == got.headers["content-type"]
                assert int(headed.headers["content-length"]) > 0

    async def test_paths_refuse_other_methods_and_name_those_they_have(self) -> None:
        async with polled(ACME) as client:
            for path in PATHS:
                for method in ("POST", "PUT", "DELETE"):
                    refused = await client.request(method, path)
                    assert refused.status_code == 405, path
                    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
            for method in ("GET", "HEAD"):
                refused = await client.request(method, "/-/reload")
                assert (refused.status_code, refused.headers["allow"]) == (405, "POST")

    async def test_paths_that_are_unknown_are_not_found(self) -> None:
        async with polled(ACME) as client:
            for path in ("/nothing", "/metrics/", "/-/", "/static", "/metrics/exporter/x"):
                assert (await client.get(path)).status_code == 404, path


@pytest.mark.anyio
class TestMetrics:
    async def test_metrics_are_text_unless_openmetrics_is_asked_for(self) -> None:
        async with polled(ACME) as client:
            plain = await client.get("/metrics", headers={"accept": "*/*"})
            asked = await client.get("/metrics", headers={"accept": PROMETHEUS})
            assert plain.headers["content-type"] == TEXT
            assert asked.headers["content-type"] == OPENMETRICS
            assert "# EOF" not in plain.text
            assert asked.text.endswith("\n# EOF\n")
            assert {*plain.headers["vary"].split(", ")} == {"accept", "accept-encoding"}

    @pytest.mark.parametrize("path", ["/metrics", "/metrics/exporter", "/metrics?workspace=acme"])
    async def test_metrics_are_the_same_samples_in_both_formats_and_encodings(self, path: str) -> None:
        async with polled(ACME, GLOBEX) as client:
            seen = []
            for accept in ("text/plain", "application/openmetrics-text"):
                for encoding in ("gzip", "identity"):
                    headers = {"accept": accept, "accept-encoding": encoding}
                    async with client.stream("GET", path, headers=headers) as response:
                        body = b"".join([chunk async for chunk in response.aiter_raw()])
                    assert response.headers.get("content-encoding") == (
                        encoding if encoding == "gzip" else None
                    )
                    assert int(response.headers["content-length"]) == len(body)
                    text = gzip.decompress(body) if encoding == "gzip" else body
                    samples = Samples(text.decode())
                    seen.append(
                        {
                            (name, labels, value)
                            for name, labels, value in samples
                            if not name.startswith(("process_", "python_", "sendkit_exporter"))
                        }
                    )
            for found in seen[1:]:
                assert found == seen[0]

    async def test_a_scrape_has_the_exporters_own_metrics(self) -> None:
        async with polled(ACME) as client:
            samples = Samples((await client.get("/metrics", headers={"accept": OPENMETRICS})).text)
            for name in (
                "sendkit_exporter_build_info",
                "sendkit_exporter_config_last_reload_successful",
                "sendkit_exporter_config_last_reload_success_timestamp_seconds",
                "sendkit_exporter_series",
                "sendkit_exporter_render_duration_seconds",
                "sendkit_api_requests_total",
                "sendkit_api_retries_total",
                "process_cpu_seconds_total",
                "python_info",
            ):
                assert samples.all_of(name), name
            own = Samples((await client.get("/metrics/exporter", headers={"accept": OPENMETRICS})).text)
            assert "sendkit_exporter_build_info" in own.by_name
            assert "process_cpu_seconds_total" in own.by_name
            assert not any(labels for _, labels, _ in own if ("workspace", "acme") in labels)
            counted = sum(
                not name.startswith(("process_", "python_")) and any(key == "workspace" for key, _ in labels)
                for name, labels, _ in samples
            )
            assert samples.one("sendkit_exporter_series") == counted

    async def test_metrics_are_200_before_the_first_poll(self) -> None:
        async with serving(ScriptedApi(default=hang), ACME, api={"timeout": 60}) as (_, client):
            response = await client.get("/metrics")
            assert response.status_code == 200
            samples = Samples(response.text)
            assert samples.all_of("sendkit_exporter_build_info")
            assert samples.one("sendkit_up", workspace="acme") is None

    async def test_a_scrape_may_ask_for_named_workspaces_alone(self) -> None:
        async with polled(ACME, GLOBEX, {"name": 'third, & "odd"', "api_key": "sk_canary-3"}) as client:
            one = Samples((await client.get("/metrics", params={"workspace": "acme"})).text)
            assert one.values_of("workspace", "sendkit_up") == {"acme"}
            assert one.values_of("workspace", "sendkit_mailbox_sent_today") == {"acme"}
            assert all(any(key == "workspace" for key, _ in labels) for _, labels, _ in one)
            several = await client.get("/metrics?workspace=acme&workspace=globex&workspace=acme")
            assert Samples(several.text).values_of("workspace", "sendkit_up") == {"acme", "globex"}
            odd = await client.get("/metrics", params={"workspace": 'third, & "odd"'})
            assert Samples(odd.text).values_of("workspace", "sendkit_up") == {'third, & "odd"'}

    async def test_metrics_of_an_unknown_workspace_are_not_found(self) -> None:
        async with polled(ACME) as client:
            for query in ("workspace=nobody", "workspace=acme&workspace=nobody", "workspace="):
                assert (await client.get(f"/metrics?{query}")).status_code == 404
            named = await client.get("/metrics", params={"workspace": "<script>"})
            assert named.headers["content-type"].startswith("text/plain")

    async def test_metrics_answer_while_every_poll_hangs(self) -> None:
        async with serving(ScriptedApi(default=hang), ACME, GLOBEX, api={"timeout": 60}) as (_, client):
            answers = await asyncio.gather(*(client.get("/metrics") for _ in range(20)))
            assert {response.status_code for response in answers} == {200}


@pytest.mark.anyio
class TestHealth:
    async def test_health_is_lost_when_the_polls_stop_turning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exporter.polling.schedule.HEARTBEAT_LOST_SECONDS", 2.5)
        async with serving(ScriptedApi(), ACME) as (running, client):
            assert (await client.get("/-/healthy")).status_code == 200
            await running.exporter.poller.stop()
            await until(lambda: not running.exporter.poller.is_turning())
            assert (await client.get("/-/healthy")).status_code == 503

    async def test_health_is_not_lost_while_the_api_hangs(self) -> None:
        async with serving(ScriptedApi(default=hang), ACME) as (_, client):
            assert (await client.get("/-/healthy")).status_code == 200
            assert (await client.get("/-/ready")).status_code == 503

    async def test_an_exporter_that_is_not_ready_says_why(self) -> None:
        async with serving(ScriptedApi(default=answer(401)), ACME) as (running, client):
            await until(lambda: running.one("sendkit_up", "acme") == 0)
            unready = await client.get("/-/ready")
            assert unready.status_code == 503
            assert "acme: auth: the API answered 401" in unready.text


@pytest.mark.anyio
class TestReload:
    async def test_a_reload_by_http_is_refused_unless_enabled(self) -> None:
        async with polled(ACME) as client:
            refused = await client.post("/-/reload")
            assert refused.status_code == 403
            assert "--web.enable-lifecycle" in refused.text

    @pytest.mark.parametrize(
        ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
    )
    async def test_a_reload_by_http_is_refused_to_a_page_of_another_site(
        self, site: str, status: int
    ) -> None:
        """A browser says where a request comes from: https://www.w3.org/TR/fetch-metadata/."""
        async with serving(ScriptedApi(), ACME, enable_lifecycle=True) as (_, client):
            asked = await client.post("/-/reload", headers={"Sec-Fetch-Site": site})
            assert asked.status_code == status

    async def test_a_reload_by_http_answers_200_or_500_with_the_error(self) -> None:
        async with serving(ScriptedApi(), ACME, enable_lifecycle=True) as (running, client):
            assert (await client.post("/-/reload")).status_code == 200

            def refuse() -> None:
                raise ConfigError("config.yaml: 1 error", ["poll.interval: expected a duration"])

            running.exporter._load = refuse  # type: ignore[assignment] # noqa: SLF001
            failed = await client.post("/-/reload")
            assert failed.status_code == 500
            assert "poll.interval: expected a duration" in failed.text
            assert (await client.get("/metrics?workspace=acme")).status_code == 200


@pytest.mark.anyio
class TestPage:
    async def test_the_page_forbids_scripts_from_elsewhere(self) -> None:
        async with polled(ACME) as client:
            page = await client.get("/")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY

    async def test_no_path_shows_an_api_key(self) -> None:
        async with polled(ACME) as client:
            for path in PATHS:
                assert "canary" not in (await client.get(path)).text

    async def test_the_page_reloads_itself_and_one_of_a_runbook_does_not(self) -> None:
        async with polled(ACME) as client:
            assert '<meta http-equiv="refresh" content="30">' in (await client.get("/")).text
            assert 'content="30"' in (await client.get("/workspaces/acme")).text
            runbook = await client.get("/runbooks/SendKitAuthFailed")
            assert 'http-equiv="refresh"' not in runbook.text

    async def test_the_page_of_a_runbook_is_under_the_policy_of_the_others(self) -> None:
        async with polled(ACME) as client:
            runbook = await client.get("/runbooks/SendKitAuthFailed")
            assert (runbook.status_code, runbook.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert runbook.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            assert "<h1>SendKitAuthFailed</h1>" in runbook.text
            for name in ("SendKitNone", "..%2F..%2FREADME", "SendKitAuthFailed.md"):
                assert (await client.get(f"/runbooks/{name}")).status_code == 404
