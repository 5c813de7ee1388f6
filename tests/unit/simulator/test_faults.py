"""How the simulated API misbehaves, over real HTTP."""

import json
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from exporter.simulator import Simulation
from tests.world import MAILBOXES, start


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

    def test_a_slow_answer_may_come_in_many_pieces(self, api: httpx.Client, key: dict[str, str]) -> None:
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

    def test_the_simulated_api_may_redirect(self, api: httpx.Client, key: dict[str, str]) -> None:
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


class TestShapes:
    """Answers that are answers, but not whole, or not in the form that was documented last."""

    @pytest.mark.parametrize(
        ("says", "has_more"),
        [("has_more", True), ("total", False)],
    )
    def test_an_unfinished_list_says_so(
        self, api: httpx.Client, key: dict[str, str], says: str, *, has_more: bool
    ) -> None:
        whole = api.get(MAILBOXES, headers=key).json()["data"]
        start(api, "unfinished_list", says=says)
        answered = api.get(MAILBOXES, headers=key).json()

        assert answered["data"] == whole[:1]
        assert answered["pagination"] == {"total": len(whole), "hasMore": has_more, "nextCursor": None}

    def test_a_short_list_of_workspaces_lacks_some(self, api: httpx.Client, simulation: Simulation) -> None:
        headers = {"X-Api-Key": simulation.platform_key}
        counts = [len(api.get("/v1/workspaces", headers=headers).json()["data"])]
        for share in (0.34, 0):
            start(api, "workspaces_missing", share=share)
            counts.append(len(api.get("/v1/workspaces", headers=headers).json()["data"]))

        assert counts == [3, 1, 0]

    def test_the_older_answer_has_neither_performance_nor_rates(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        whole = api.get(MAILBOXES, headers=key).json()["data"]
        for mailbox in whole:
            del mailbox["performance"], mailbox["rates"]
        start(api, "older_answer")

        assert whole == api.get(MAILBOXES, headers=key).json()["data"]

    def test_bounce_rate_may_be_the_documented_ratio(self, api: httpx.Client, key: dict[str, str]) -> None:
        percents = [found["bounceRate"] for found in api.get(MAILBOXES, headers=key).json()["data"]]
        start(api, "bounce_rate_as_ratio")
        ratios = [found["bounceRate"] for found in api.get(MAILBOXES, headers=key).json()["data"]]

        assert sum(percents) > 1
        assert [percent / 100 for percent in percents] == pytest.approx(ratios, abs=0.0001)

    def test_the_last_day_may_be_left_out(self, api: httpx.Client, key: dict[str, str]) -> None:
        def sent(first: str, last: str) -> int:
            answer = api.get(MAILBOXES, headers=key, params={"from": first, "to": last}).json()
            return sum(int(found["performance"]["sent"]) for found in answer["data"])

        one_day, two_days = sent("2025-06-02", "2025-06-02"), sent("2025-06-01", "2025-06-02")
        start(api, "last_day_left_out")

        assert one_day > 0
        assert sent("2025-06-02", "2025-06-02") == 0
        assert sent("2025-06-01", "2025-06-02") == two_days - one_day

    def test_several_of_them_go_together(self, api: httpx.Client, key: dict[str, str]) -> None:
        for name in ("bounce_rate_as_ratio", "older_answer", "partial_answer"):
            start(api, name)
        answered = api.get(MAILBOXES, headers=key).json()["data"]

        assert len(answered) == 10
        assert "performance" not in answered[0]
        assert max(found["bounceRate"] for found in answered) < 1
