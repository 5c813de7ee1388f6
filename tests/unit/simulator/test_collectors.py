"""The endpoints beside the analytics of mailboxes, over real HTTP."""

import httpx
import pytest

from exporter.simulator import ScenarioRequest, Simulation
from tests.unit.simulator.collectors import BLACKLIST, OVERVIEW, PLACEMENT, WARMUP, details, of_domain
from tests.world import MAILBOXES, NOON, start


@pytest.fixture
def simulation() -> Simulation:
    """A small world in which no time passes."""
    return Simulation(200, workspaces=2, start=NOON, clock=lambda: 0.0)


class TestDetails:
    def test_a_mailbox_has_the_documented_fields(self, api: httpx.Client, key: dict[str, str]) -> None:
        first = details(api, key)[0]

        assert list(first) == [
            *("_id", "email", "displayName", "provider", "connectionType", "status", "sendingEnabled"),
            *("dailySendLimit", "sentToday", "tags", "bounceRate", "totalSent", "setupStatus", "lastError"),
            *("warmup", "createdAt"),
        ]
        assert list(first["warmup"]) == ["enabled", "status", "currentDay", "currentVolume", "metrics"]

    def test_figures_are_those_of_the_analytics(self, api: httpx.Client, key: dict[str, str]) -> None:
        analytics = api.get(MAILBOXES, headers=key).json()["data"]
        shared = ("_id", "email", "status", "dailySendLimit", "sentToday", "bounceRate", "totalSent")

        rows = details(api, key)
        assert [{name: row[name] for name in shared} for row in rows] == [
            {name: found[name] for name in shared} for found in analytics
        ]

    def test_a_fleet_has_parked_mailboxes_tags_providers_and_errors(
        self, api: httpx.Client, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        rows = details(api, key) + details(api, other_key)
        parked = [row for row in rows if not row["sendingEnabled"]]

        assert 0.1 < len(parked) / len(rows) < 0.3
        assert {("active", "parked")} == {(row["status"], row["tags"][-1]) for row in parked}
        assert {row["provider"] for row in rows} == {"custom", "gmail", "outlook", "azure"}
        assert {row["connectionType"] for row in rows} == {"oauth", "smtp"}
        assert any("@" in tag for row in rows for tag in row["tags"])
        assert {bool(row["lastError"]) for row in rows if row["status"] == "error"} <= {True}
        assert {row["lastError"] for row in rows if row["status"] == "active"} == {None}

    def test_metrics_of_warmup_are_missing_where_there_was_none(
        self, api: httpx.Client, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        rows = details(api, key) + details(api, other_key)

        assert any("metrics" not in row["warmup"] for row in rows)
        assert all("metrics" in row["warmup"] for row in rows if row["warmup"]["enabled"])


class TestDetailScenarios:
    def test_parked_mailboxes_stay_active_and_stop(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str]
    ) -> None:
        domain = simulation.workspaces[0].domains[0]
        before = details(api, key)
        start(api, "mailboxes_parked", domain=domain, share=1)
        after = details(api, key)

        parked = of_domain(after, domain)
        assert {(False, "parked")} == {(row["sendingEnabled"], row["tags"][-1]) for row in parked}
        assert [row["status"] for row in before] == [row["status"] for row in after]
        rest = [row for row in after if row not in parked]
        assert rest == [row for row in before if row in rest]

    def test_broken_dns_shows_in_the_health_of_its_domain(
        self, api: httpx.Client, simulation: Simulation, key: dict[str, str]
    ) -> None:
        domain = simulation.workspaces[0].domains[1]
        start(api, "dns_broken", domain=domain, health=30)
        rows = details(api, key)

        broken = [row["email"] for row in rows if row["setupStatus"]["healthScore"] < 80]
        assert broken == [row["email"] for row in of_domain(rows, domain)]

    def test_a_mailbox_has_an_error_until_the_scenario_stops(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        start(api, "mailbox_error", text="Connection refused")
        during = details(api, key)[0]
        api.delete("/simulator/scenarios")

        assert (during["lastError"], during["status"]) == ("Connection refused", "active")
        assert details(api, key)[0]["lastError"] is None

    def test_a_tag_is_renamed_wherever_it_is(self, api: httpx.Client, key: dict[str, str]) -> None:
        before = [row["tags"] for row in details(api, key)]
        start(api, "tag_renamed", tag="parked", to="resting")
        after = [row["tags"] for row in details(api, key)]

        assert after == [["resting" if tag == "parked" else tag for tag in tags] for tags in before]
        assert before != after


class TestWarmup:
    def test_counts_of_the_last_days_agree_with_their_rates(
        self, api: httpx.Client, key: dict[str, str]
    ) -> None:
        answer = api.get(WARMUP, headers=key, params={"days": 3, "limit": 100}).json()["data"]

        assert list(answer["mailboxes"][0]) == ["id", "email", "warmup", "stats"]
        for found in answer["mailboxes"]:
            stats = found["stats"]
            landed = stats["inbox"] + stats["spam"] + stats["promotions"]
            assert 0 <= stats["totalSent"] - landed <= 3  # what was sent just now has not landed
            assert stats["inboxRate"] == round(100 * stats["inbox"] / max(stats["totalSent"], 1))
            opened = 100 * stats["opened"] / max(stats["totalSent"], 1)
            health = stats["inboxRate"] * 0.5 + (100 - stats["spamRate"]) * 0.3 + opened * 0.2
            assert stats["healthScore"] == round(health)

    def test_the_summary_is_of_all_mailboxes(self, api: httpx.Client, key: dict[str, str]) -> None:
        answer = api.get(WARMUP, headers=key, params={"limit": 100}).json()["data"]
        names = ("totalSent", "inbox", "spam", "promotions", "replied", "opened")

        assert {name: answer["summary"][name] for name in names} == {
            name: sum(found["stats"][name] for found in answer["mailboxes"]) for name in names
        }
        enabled = sum(row["warmup"]["enabled"] for row in details(api, key))
        assert (answer["summary"]["warmingMailboxes"], answer["summary"]["days"]) == (enabled, 7)

    def test_a_collapse_of_placement_sends_the_mail_of_a_domain_to_spam(self) -> None:
        clock = [0.0]
        simulation = Simulation(200, workspaces=2, start=NOON, speed=3600, clock=lambda: clock[0])
        simulation.start(ScenarioRequest("placement_collapse", {"ratio": 1}))
        clock[0] += 24
        workspace = simulation.workspaces[0]
        stats = simulation.asked(
            workspace,
            lambda asked, now, shared: asked.warmup_stats(range(len(workspace.mailboxes)), 1, now, shared),
        )["mailboxes"]
        assert isinstance(stats, list)

        domain = workspace.domains[0]
        collapsed = [row["stats"] for row in of_domain(stats, domain) if row["stats"]["totalSent"]]
        assert collapsed
        assert sum(found["inbox"] for found in collapsed) == 0
        rest = [row["stats"] for row in stats if row not in of_domain(stats, domain)]
        assert sum(found["spam"] for found in rest) < 0.2 * sum(found["totalSent"] for found in rest)


class TestOverview:
    def test_sums_are_those_of_the_mailboxes(self, api: httpx.Client, key: dict[str, str]) -> None:
        mailboxes = api.get(MAILBOXES, headers=key).json()["data"]
        overview = api.get(OVERVIEW, headers=key).json()["data"]

        sent = sum(found["performance"]["sent"] for found in mailboxes)
        bounced = sum(found["performance"]["bounced"] for found in mailboxes)
        assert (overview["totalSent"], overview["totalBounced"]) == (sent, bounced)
        assert overview["rates"]["bounce"] == f"{100 * bounced / sent:.1f}"
        assert overview["totalCampaigns"] >= overview["activeCampaigns"] > 0

    def test_when_campaigns_are_finished_none_is_active(
        self, api: httpx.Client, key: dict[str, str], other_key: dict[str, str]
    ) -> None:
        start(api, "campaigns_finished")
        active = [
            api.get(OVERVIEW, headers=headers).json()["data"]["activeCampaigns"]
            for headers in (key, other_key)
        ]

        assert active[0] == 0 < active[1]

    def test_a_stall_leaves_campaigns_active(self, api: httpx.Client, key: dict[str, str]) -> None:
        start(api, "sending_stalled")

        assert api.get(OVERVIEW, headers=key).json()["data"]["activeCampaigns"] > 0


class TestTests:
    @pytest.mark.parametrize(("path", "summary"), [(BLACKLIST, "overallSummary"), (PLACEMENT, "summary")])
    def test_the_summary_of_a_test_that_runs_is_null(self, path: str, summary: str) -> None:
        morning = Simulation(200, start=NOON.replace(hour=6), clock=lambda: 0.0)
        found = morning.asked(
            morning.workspaces[0],
            lambda asked, now, _: {
                BLACKLIST: asked.checkups.blacklist_tests(now),
                PLACEMENT: asked.checkups.placement_tests(now),
            },
        )[path]
        assert isinstance(found, list)

        assert (found[0]["status"], found[0][summary], found[0]["completedAt"]) == ("running", None, None)
        assert {(test["status"], test[summary] is None) for test in found[1:]} == {("completed", False)}
        assert sorted((test["createdAt"] for test in found), reverse=True) == [t["createdAt"] for t in found]

    def test_a_newer_blacklist_test_lists_more(self, api: httpx.Client, key: dict[str, str]) -> None:
        before = api.get(BLACKLIST, headers=key).json()["data"]
        start(api, "blacklisted", share=0.25)
        after = api.get(BLACKLIST, headers=key).json()["data"]

        assert after[1:] == before
        assert after[0]["overallSummary"] == {"totalChecked": 100, "clean": 75, "blacklisted": 25}
        assert before[0]["overallSummary"]["blacklisted"] == 0

    def test_a_placement_test_finds_a_collapse(self, api: httpx.Client, key: dict[str, str]) -> None:
        before = api.get(PLACEMENT, headers=key).json()["data"][0]["summary"]
        start(api, "placement_collapse", ratio=1)
        after = api.get(PLACEMENT, headers=key).json()["data"][0]["summary"]

        assert after["spam"] > before["spam"]
        assert {40} == {sum(summary.values()) for summary in (before, after)}
