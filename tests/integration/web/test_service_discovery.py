"""What `/sd` answers."""

import json

import pytest

from tests.accounts import ACME, GLOBEX
from tests.integration.web.asking import polled


@pytest.mark.anyio
class TestServiceDiscovery:
    @pytest.mark.parametrize("host", ["exporter:19587", "10.0.0.7", "[::1]:19587", "[fe80::1]", "a-b.c_d:1"])
    async def test_service_discovery_names_one_group_a_workspace_and_one_for_the_exporter(
        self, host: str
    ) -> None:
        async with polled(ACME, GLOBEX) as client:
            response = await client.get("/sd", headers={"host": host})
            assert response.headers["content-type"] == "application/json"
            groups = json.loads(response.content)
            assert all(group["targets"] == [host] for group in groups)
            labels = [group["labels"] for group in groups]
            names = {found.get("__param_workspace"): found.get("instance") for found in labels[:-1]}
            assert names == {"acme": f"{host}/acme", "globex": f"{host}/globex"}
            assert labels[-1]["__metrics_path__"] == "/metrics/exporter"
            assert "__param_workspace" not in labels[-1]
            assert all(isinstance(value, str) for found in labels for value in found.values())

    @pytest.mark.parametrize(
        "host", ["", "a b", "exporter:port", "[::1", "a/b", "exporter:123456", 'a"b', "<x>"]
    )
    async def test_service_discovery_refuses_a_bad_host(self, host: str) -> None:
        async with polled(ACME) as client:
            assert (await client.get("/sd", headers={"host": host})).status_code == 400

    async def test_every_target_that_service_discovery_names_answers(self) -> None:
        async with polled(ACME, {"name": "a & b/c?d", "api_key": "sk_canary-2"}) as client:
            for group in (await client.get("/sd")).json():
                labels = group["labels"]
                params = {"workspace": labels["__param_workspace"]} if "__param_workspace" in labels else {}
                path = labels.get("__metrics_path__", "/metrics")
                assert (await client.get(path, params=params)).status_code == 200
