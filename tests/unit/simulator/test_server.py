"""The simulated API as a client meets it, over real HTTP."""

import httpx
import pytest

from exporter.simulator import SCENARIOS, Simulation
from tests.world import MAILBOXES, NOON, start


class TestKeys:
    def test_a_workspace_key_opens_its_workspace(self, api: httpx.Client, simulation: Simulation) -> None:
        for workspace in simulation.workspaces:
            answered = api.get(MAILBOXES, headers={"X-Api-Key": workspace.key}).json()["data"]
            assert [mailbox.id for mailbox in workspace.mailboxes] == [found["_id"] for found in answered]

    def test_a_bearer_token_does_as_well(self, api: httpx.Client, key: dict[str, str]) -> None:
        bearer = {"Authorization": f"Bearer {key['X-Api-Key']}"}

        assert api.get(MAILBOXES, headers=key).content == api.get(MAILBOXES, headers=bearer).content

    def test_a_platform_key_opens_the_workspace_that_is_named(
        self, api: httpx.Client, simulation: Simulation
    ) -> None:
        for workspace in simulation.workspaces:
            headers = {"X-Api-Key": simulation.platform_key, "X-Workspace-Id": workspace.id}
            assert len(workspace.mailboxes) == len(api.get(MAILBOXES, headers=headers).json()["data"])

    @pytest.mark.parametrize("path", [MAILBOXES, "/v1/workspaces"])
    @pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "sk_wrong"}, {"Authorization": "Basic eDp5"}])
    def test_no_key_or_an_unknown_one_is_refused(
        self, api: httpx.Client, path: str, headers: dict[str, str]
    ) -> None:
        refused = api.get(path, headers=headers)

        assert refused.status_code == httpx.codes.UNAUTHORIZED
        assert refused.json() == {
            "error": "Unauthorized",
            "message": "Missing, unknown or revoked API key",
            "code": 401,
        }

    def test_a_workspace_key_with_a_workspace_id_is_a_bad_request(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str]
    ) -> None:
        headers = {**key, "X-Workspace-Id": simulation.workspaces[0].id}

        assert api.get(MAILBOXES, headers=headers).status_code == httpx.codes.BAD_REQUEST

    def test_a_platform_key_needs_a_workspace_of_its_own(
        self, api: httpx.Client, simulation: Simulation
    ) -> None:
        key = {"X-Api-Key": simulation.platform_key}
        codes = [
            api.get(MAILBOXES, headers={**key, **more}).status_code
            for more in (
                {},
                {"X-Workspace-Id": "0" * 24},
                {"X-Workspace-Id": simulation.foreign_workspace_id},
            )
        ]

        assert codes == [400, 404, 403]

    def test_workspaces_are_listed_as_far_as_the_key_reaches(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str]
    ) -> None:
        everything = api.get("/v1/workspaces", headers={"X-Api-Key": simulation.platform_key}).json()
        own = api.get("/v1/workspaces", headers=key).json()

        assert everything["success"] is True
        assert list(everything["data"][0]) == ["id", "name", "ownerId", "memberCount", "createdAt"]
        assert [found["id"] for found in everything["data"]] == [each.id for each in simulation.workspaces]
        assert own["data"] == everything["data"][:1]


class TestQueries:
    def test_gzip_is_used_when_it_is_accepted_and_only_then(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        packed = api.get(MAILBOXES, headers={**key, "Accept-Encoding": "gzip"})
        plain = api.get(MAILBOXES, headers={**key, "Accept-Encoding": "identity"})

        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert packed.content == plain.content

    def test_the_figures_of_a_day_are_of_that_day_alone(self, api: httpx.Client, key: dict[str, str]) -> None:
        day = {"from": "2025-06-02", "to": "2025-06-02"}
        filtered = api.get(MAILBOXES, headers=key, params=day).json()["data"]
        whole = api.get(MAILBOXES, headers=key).json()["data"]

        sent = [found["performance"]["sent"] for found in filtered]
        assert max(sent) in range(1, 51)
        assert all(found["performance"]["sent"] >= of_day for found, of_day in zip(whole, sent, strict=True))

    def test_full_timestamps_of_a_day_are_that_day(self, api: httpx.Client, key: dict[str, str]) -> None:
        day = {"from": "2025-06-02", "to": "2025-06-02"}
        bounds = {"from": "2025-06-02T00:00:00.000Z", "to": "2025-06-03T01:59:59.999+02:00"}
        answers = [api.get(MAILBOXES, headers=key, params=query).json() for query in (day, bounds)]

        assert answers[0] == answers[1]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "2025-02-30"},
            {"to": "yesterday"},
            {"from": "20250601"},
            {"from": "2025-06-01T00:00:00"},
            {"from": ""},
            {"from": "2025-06-02", "to": "2025-06-01"},
        ],
    )
    def test_a_bad_date_is_a_bad_request(
        self, api: httpx.Client, key: dict[str, str], query: dict[str, str]
    ) -> None:
        refused = api.get(MAILBOXES, headers=key, params=query)

        assert (refused.status_code, refused.json()["code"]) == (400, 400)

    def test_an_unknown_path_is_not_found(self, api: httpx.Client) -> None:
        assert api.get("/v2/analytics").json() == {"error": "Not Found", "message": "Not Found", "code": 404}


class TestControl:
    def test_the_simulator_describes_its_time_keys_and_workspaces(
        self, api: httpx.Client, simulation: Simulation
    ) -> None:
        described = api.get("/simulator").json()

        assert described["now"] == NOON.isoformat()
        assert described["platformKey"] == simulation.platform_key
        assert [found["key"] for found in described["workspaces"]] == [
            workspace.key for workspace in simulation.workspaces
        ]
        assert list(described["available"]) == list(SCENARIOS)
        assert described["scenarios"] == []

    @pytest.mark.parametrize("name", SCENARIOS)
    def test_every_scenario_starts_by_its_name_alone_and_stops(self, api: httpx.Client, name: str) -> None:
        started = start(api, name)
        (active,) = api.get("/simulator").json()["scenarios"]

        assert (active["id"], active["name"], active["isActive"]) == (started, name, True)
        assert api.delete(f"/simulator/scenarios/{started}").json()["isActive"] is False
        assert api.get("/simulator").json()["scenarios"] == []
        assert api.delete(f"/simulator/scenarios/{started}").status_code == httpx.codes.NOT_FOUND

    def test_all_scenarios_stop_by_one_request(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "api_down")
        start(api, "malformed")

        assert len(api.delete("/simulator/scenarios").json()) == 2
        assert api.get(MAILBOXES, headers=key).status_code == httpx.codes.OK

    @pytest.mark.parametrize(
        ("name", "body", "code"),
        [
            ("apocalypse", b"{}", 404),
            ("bounce_spike", b'{"ratio": 2}', 400),
            ("bounce_spike", b'{"rate": 1}', 400),
            ("bounce_spike", b'{"workspace": "nobody"}', 400),
            ("bounce_spike", b"[]", 400),
            ("bounce_spike", b"{", 400),
        ],
    )
    def test_a_bad_scenario_is_refused(self, api: httpx.Client, name: str, body: bytes, code: int) -> None:
        refused = api.post(f"/simulator/scenarios/{name}", content=body)

        assert refused.status_code == code
        assert refused.json()["message"]
        assert api.get("/simulator").json()["scenarios"] == []

    def test_the_truth_is_what_the_api_would_say_without_faults(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str]
    ) -> None:
        answered = api.get(MAILBOXES, headers=key).json()["data"]
        start(api, "api_down")
        truth = api.get("/simulator/truth").json()

        assert answered == list(truth["workspaces"][simulation.workspaces[0].id].values())

    def test_requests_are_counted_by_workspace_and_path(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        start(api, "api_down", workspace=simulation.workspaces[1].id)
        for headers in (key, key, other_key, {}):
            api.get(MAILBOXES, headers=headers)
        api.get("/v1/workspaces", headers=key)

        assert api.get("/simulator/truth").json()["requests"] == {
            simulation.workspaces[0].id: {MAILBOXES: 2, "/v1/workspaces": 1},
            simulation.workspaces[1].id: {MAILBOXES: 1},
            "": {MAILBOXES: 1},
        }
