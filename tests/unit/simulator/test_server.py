"""The simulated API as a client meets it, over real HTTP."""

import asyncio
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from exporter.simulator import SCENARIOS, Simulation, create_app

MAILBOXES = "/v1/analytics/mailboxes"
TUESDAY = datetime(2025, 6, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Starlette, httpx.Client]]:
    """The application on a port of its own, and a client of it."""
    app = create_app(Simulation(0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        port = listener.getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            yield app, client
        server.should_exit = True
        thread.join()


@pytest.fixture
def simulation() -> Simulation:
    """A small world that stands still, so that answers can be compared."""
    return Simulation(60, workspaces=3, start=TUESDAY, clock=lambda: 0.0)


@pytest.fixture
def api(served: tuple[Starlette, httpx.Client], simulation: Simulation) -> httpx.Client:
    """A client of the API, which serves the test's own world."""
    app, client = served
    app.state.simulation = simulation
    return client


@pytest.fixture
def key(simulation: Simulation) -> dict[str, str]:
    """The headers that name the first workspace's key."""
    return {"X-Api-Key": simulation.workspaces[0].key}


@pytest.fixture
def other_key(simulation: Simulation) -> dict[str, str]:
    """The headers that name the second workspace's key."""
    return {"X-Api-Key": simulation.workspaces[1].key}


def start(api: httpx.Client, name: str, **parameters: object) -> int:
    """Start a scenario and return its id."""
    started = api.post(f"/simulator/scenarios/{name}", json=parameters)
    assert started.status_code == httpx.codes.CREATED
    return int(started.json()["id"])


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

    def test_a_day_is_filtered(self, api: httpx.Client, key: dict[str, str]) -> None:
        day = {"from": "2025-06-02", "to": "2025-06-02"}
        filtered = api.get(MAILBOXES, headers=key, params=day).json()["data"]
        whole = api.get(MAILBOXES, headers=key).json()["data"]

        sent = [found["performance"]["sent"] for found in filtered]
        assert max(sent) in range(1, 51)
        assert all(found["performance"]["sent"] >= of_day for found, of_day in zip(whole, sent, strict=True))

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "2025-02-30"},
            {"to": "yesterday"},
            {"from": "20250601"},
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
    def test_the_world_describes_itself(self, api: httpx.Client, simulation: Simulation) -> None:
        described = api.get("/simulator").json()

        assert described["now"] == TUESDAY.isoformat()
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

    def test_all_scenarios_stop_together(self, api: httpx.Client, key: dict[str, str]) -> None:
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


class TestFaults:
    def test_down_the_api_answers_503(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "api_down")

        for path in (MAILBOXES, "/v1/workspaces"):
            assert api.get(path, headers=key).status_code == httpx.codes.SERVICE_UNAVAILABLE

    def test_down_the_api_may_hang_up(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "api_down", mode="reset")

        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            api.get(MAILBOXES, headers=key)

    def test_slow_it_outlasts_an_impatient_client(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "slow", delay=60)
        with pytest.raises(httpx.ReadTimeout):
            api.get(MAILBOXES, headers=key, timeout=0.2)
        api.delete("/simulator/scenarios")

        start(api, "slow", delay=0)
        assert api.get(MAILBOXES, headers=key).status_code == httpx.codes.OK

    def test_slow_it_may_drip(self, api: httpx.Client, key: dict[str, str]) -> None:
        whole = api.get("/v1/workspaces", headers=key).content
        start(api, "slow", mode="drip", delay=0.001)
        with api.stream("GET", "/v1/workspaces", headers=key) as dripping:
            pieces = list(dripping.iter_raw())

        assert len(pieces) > 1
        assert whole == b"".join(pieces)

    def test_rate_limited_it_says_for_how_long(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "rate_limited", retry_after=7)
        limited = api.get(MAILBOXES, headers=key)

        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")

    def test_rate_limited_it_may_name_a_date(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "rate_limited", retry_after=3600, form="date")
        until = parsedate_to_datetime(api.get(MAILBOXES, headers=key).headers["Retry-After"])

        assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)

    def test_rate_limited_it_may_leave_the_time_open(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "rate_limited", form="none")
        limited = api.get(MAILBOXES, headers=key)

        assert limited.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert "Retry-After" not in limited.headers

    def test_a_revoked_key_is_refused_until_the_scenario_stops(
        self, api: httpx.Client, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        start(api, "key_revoked")
        codes = [api.get(MAILBOXES, headers=headers).status_code for headers in (key, other_key)]
        api.delete("/simulator/scenarios")

        assert [*codes, api.get(MAILBOXES, headers=key).status_code] == [401, 200, 200]

    def test_the_platform_key_can_be_revoked_too(self, api: httpx.Client, simulation: Simulation) -> None:
        start(api, "key_revoked", key=simulation.platform_key)

        refused = api.get("/v1/workspaces", headers={"X-Api-Key": simulation.platform_key})
        assert refused.status_code == httpx.codes.UNAUTHORIZED

    @pytest.mark.parametrize(("share", "left"), [(0, 0), (0.5, 10), (1, 20)])
    def test_a_partial_answer_leaves_mailboxes_out(
        self, api: httpx.Client, key: dict[str, str], share: float, left: int
    ) -> None:
        whole = api.get(MAILBOXES, headers=key).json()["data"]
        start(api, "partial_answer", share=share)

        assert api.get(MAILBOXES, headers=key).json() == {"success": True, "data": whole[:left]}

    def test_malformed_it_is_no_json(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "malformed")
        page = api.get(MAILBOXES, headers=key)

        assert page.status_code == httpx.codes.OK
        with pytest.raises(json.JSONDecodeError):
            page.json()

    def test_a_bomb_is_small_on_the_wire_and_large_when_decoded(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        start(api, "bomb", mebibytes=8)
        with api.stream("GET", MAILBOXES, headers=key) as response:
            packed = b"".join(response.iter_raw())

        assert len(packed) < 20_000
        assert len(zlib.decompress(packed, 31)) >= 8 * 2**20
        assert json.loads(zlib.decompress(packed, 31)) == {"success": True, "data": []}

    def test_it_may_redirect(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "redirect", location="https://away.example/")
        moved = api.get(MAILBOXES, headers=key)

        assert (moved.status_code, moved.headers["Location"]) == (302, "https://away.example/")

    def test_a_fault_can_be_limited_to_one_workspace(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        start(api, "api_down", workspace=simulation.workspaces[1].name)

        assert api.get(MAILBOXES, headers=key).status_code == httpx.codes.OK
        assert api.get(MAILBOXES, headers=other_key).status_code == httpx.codes.SERVICE_UNAVAILABLE

    def test_of_several_faults_the_latest_counts(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "malformed")
        latest = start(api, "api_down")
        codes = [api.get(MAILBOXES, headers=key).status_code]
        api.delete(f"/simulator/scenarios/{latest}")

        assert [*codes, api.get(MAILBOXES, headers=key).status_code] == [503, 200]
