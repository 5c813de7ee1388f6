"""Lists in pages, with their traps, and endpoints that are refused, over real HTTP."""

import httpx
import pytest

from exporter.simulator import Simulation
from tests.unit.simulator.collectors import COLLECTORS, DETAILS, ENDPOINTS, WARMUP, details, pages
from tests.world import MAILBOXES, NOON, start


@pytest.fixture
def simulation() -> Simulation:
    """A small world in which no time passes."""
    return Simulation(200, workspaces=2, start=NOON, clock=lambda: 0.0)


class TestPages:
    @pytest.mark.parametrize(("query", "sizes"), [({}, [25] * 4), ({"limit": 40}, [40, 40, 20])])
    def test_a_list_comes_in_pages_of_25_or_as_asked(
        self, api: httpx.Client, key: dict[str, str], query: dict[str, int], sizes: list[int]
    ) -> None:
        answers = pages(api, key, DETAILS, **query)

        assert sizes == [len(answer["data"]) for answer in answers]
        assert {100} == {answer["pagination"]["total"] for answer in answers}
        whole = [found["_id"] for found in api.get(MAILBOXES, headers=key).json()["data"]]
        assert whole == [row["_id"] for answer in answers for row in answer["data"]]

    def test_no_page_has_more_than_100_rows(self, api: httpx.Client, key: dict[str, str]) -> None:
        assert api.get(DETAILS, headers=key, params={"limit": 5000}).json()["pagination"]["limit"] == 100

    def test_there_may_be_a_cursor_though_there_is_no_more(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        last = pages(api, key, DETAILS)[-1]["pagination"]

        assert (last["hasMore"], bool(last["nextCursor"])) == (False, True)
        beyond = api.get(DETAILS, headers=key, params={"cursor": last["nextCursor"]}).json()
        assert (beyond["data"], beyond["pagination"]["hasMore"]) == ([], False)

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            (DETAILS, {"limit": "0"}),
            (DETAILS, {"limit": "many"}),
            (DETAILS, {"cursor": "elsewhere"}),
            (DETAILS, {"cursor": "YWZ0ZXI="}),
            (WARMUP, {"days": "91"}),
            (WARMUP, {"days": "0"}),
        ],
    )
    def test_a_bad_query_is_a_bad_request(
        self, api: httpx.Client, key: dict[str, str], path: str, query: dict[str, str]
    ) -> None:
        assert api.get(path, headers=key, params=query).status_code == httpx.codes.BAD_REQUEST

    def test_a_page_may_be_missing(self, api: httpx.Client, key: dict[str, str]) -> None:
        whole = [row["_id"] for row in details(api, key)]
        start(api, "page_missing", page=2)
        answers = pages(api, key, DETAILS)

        assert [row["_id"] for answer in answers for row in answer["data"]] == whole[:25] + whole[50:]
        assert {100} == {answer["pagination"]["total"] for answer in answers}

    def test_an_empty_page_may_say_that_there_is_more(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "empty_page", page=3)

        assert [len(answer["data"]) for answer in pages(api, key, DETAILS)] == [25, 25, 0, 25, 25]

    def test_cursors_may_lead_back_to_the_first_page(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "cursor_loop")
        answers = pages(api, key, DETAILS, most=9)

        assert len(answers) == 9
        assert answers[0]["data"] == answers[4]["data"] == answers[8]["data"]

    def test_a_list_may_change_while_it_is_read(self, api: httpx.Client, key: dict[str, str]) -> None:
        whole = [row["_id"] for row in details(api, key)]
        start(api, "list_changes")
        answers = pages(api, key, DETAILS)

        assert len({answer["pagination"]["total"] for answer in answers}) > 1
        rows = [row["_id"] for answer in answers for row in answer["data"]]
        assert rows != whole
        assert set(rows) < set(whole)


class TestRefusal:
    @pytest.mark.parametrize("endpoint", ENDPOINTS)
    @pytest.mark.parametrize("status", ["403", "404"])
    def test_one_endpoint_is_refused_and_the_others_are_not(
        self, api: httpx.Client, key: dict[str, str], endpoint: str, status: str
    ) -> None:
        start(api, "collector_refused", endpoint=endpoint, status=status)
        codes = {path: api.get(path, headers=key).status_code for path in (*COLLECTORS, MAILBOXES)}

        assert codes.pop(ENDPOINTS[endpoint]) == int(status)
        assert set(codes.values()) == {200}

    @pytest.mark.parametrize("path", COLLECTORS)
    def test_faults_and_keys_are_those_of_the_whole_api(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str], path: str
    ) -> None:
        platform = {"X-Api-Key": simulation.platform_key}
        denied: list[dict[str, str]] = [{}, platform]
        codes = [api.get(path, headers=headers).status_code for headers in (*denied, key)]
        start(api, "rate_limited")

        assert [*codes, api.get(path, headers=key).status_code] == [401, 400, 200, 429]
        assert simulation.requests[simulation.workspaces[0].id, path] == 2
