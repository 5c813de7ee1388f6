"""The figures of a simulated fleet: believable, repeatable, in agreement, and what scenarios do to them."""

import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.simulator import ScenarioRequest, Simulation
from exporter.simulator.analytics import Window
from exporter.simulator.fleet import Workspace

Mailbox = dict[str, object]
Figures = dict[str, dict[str, int]]

TUESDAY = datetime(2025, 6, 3, 9, tzinfo=UTC)
FIRST_DAY = date(2025, 5, 4)
CAMPAIGN = ("sent", "opened", "clicked", "bounced", "replied", "positiveReplied")


class World:
    """A simulation whose clock the test moves; a real second is a simulated minute."""

    start_day = TUESDAY.toordinal() - date(1970, 1, 1).toordinal()

    def __init__(self, mailboxes: int = 40, workspaces: int = 2, seed: int = 1) -> None:
        self._seconds = 0.0
        self.simulation = Simulation(
            mailboxes, seed, speed=60, workspaces=workspaces, start=TUESDAY, clock=lambda: self._seconds
        )

    @property
    def workspace(self) -> Workspace:
        """The first workspace."""
        return self.simulation.workspaces[0]

    def pass_time(self, **time: float) -> None:
        """Let simulated time pass."""
        self._seconds += timedelta(**time) / timedelta(minutes=1)

    def start(self, name: str, **parameters: object) -> int:
        """Start a scenario and return its id."""
        return self.simulation.start(ScenarioRequest(name, parameters)).id

    def mailboxes(self, *days: date | None, workspace: Workspace | None = None) -> dict[str, Mailbox]:
        """Return the answer about a workspace, the first by default, by mailbox."""
        answer = self.simulation.answer(workspace or self.workspace, Window(*days))
        return {mailbox["_id"]: mailbox for mailbox in json.loads(answer.plain)["data"]}

    def first_domain(self) -> set[str]:
        """Return the mailboxes of the first domain of the first workspace."""
        domain = self.workspace.domains[0]
        return {mailbox.id for mailbox in self.workspace.mailboxes if mailbox.domain == domain}

    def performance(self, *days: date | None, workspace: Workspace | None = None) -> Figures:
        """Return the campaign figures of a workspace, the first by default, by mailbox."""
        return {
            name: figures_of(mailbox) for name, mailbox in self.mailboxes(*days, workspace=workspace).items()
        }


def figures_of(mailbox: Mailbox) -> dict[str, int]:
    figures = mailbox["performance"]
    assert isinstance(figures, dict)
    return figures


def summed(figures: Figures) -> Counter[str]:
    total: Counter[str] = Counter()
    for of_one in figures.values():
        total.update(of_one)
    return total


def never_falls(earlier: Figures, later: Figures) -> bool:
    return all(later[name][kind] >= figures[kind] for name, figures in earlier.items() for kind in figures)


def days_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(number)]


class TestAnswers:
    def test_they_have_the_documented_fields(self) -> None:
        answer = json.loads(World().simulation.answer(World().workspace).plain)

        mailbox = answer["data"][0]
        assert answer["success"] is True
        assert list(mailbox) == [
            *("_id", "email", "displayName", "status", "totalSent", "totalReceived", "bounceRate"),
            *("sentToday", "dailySendLimit", "warmup", "performance", "rates"),
        ]
        assert list(mailbox["warmup"]) == ["enabled", "status"]
        assert list(mailbox["performance"]) == list(CAMPAIGN)
        assert list(mailbox["rates"]) == ["open", "click", "bounce", "reply", "positiveReply"]

    def test_rates_are_percent_of_the_mails_sent_as_text(self) -> None:
        for mailbox in World(400).mailboxes().values():
            figures = figures_of(mailbox)
            sent = figures["sent"]
            rates = [f"{100 * figures[kind] / sent:.1f}" if sent else "0.0" for kind in CAMPAIGN[1:]]
            named = dict(zip(("open", "click", "bounce", "reply", "positiveReply"), rates, strict=True))
            assert named == mailbox["rates"]

    def test_bounce_rate_is_a_ratio_of_all_mails(self) -> None:
        for mailbox in World().mailboxes().values():
            figures = figures_of(mailbox)
            assert round(figures["bounced"] / max(figures["sent"], 1), 4) == mailbox["bounceRate"]

    def test_the_same_seed_start_and_clock_give_the_same_bytes(self) -> None:
        one, other = World(), World()
        for world in (one, other):
            world.start("bounce_spike")
        one.pass_time(hours=5)
        one.mailboxes()  # that one of them was asked in between changes nothing
        one.pass_time(days=3)
        other.pass_time(days=3, hours=5)

        assert one.simulation.answer(one.workspace) == other.simulation.answer(other.workspace)

    def test_another_seed_gives_another_fleet(self) -> None:
        assert not World(seed=1).mailboxes().keys() & World(seed=2).mailboxes().keys()

    def test_within_a_tick_the_very_same_answer_is_given(self) -> None:
        world = World()
        first = world.simulation.answer(world.workspace)
        world.pass_time(seconds=59)
        assert first is world.simulation.answer(world.workspace)
        world.pass_time(seconds=1)
        assert first is not world.simulation.answer(world.workspace)

    @pytest.mark.parametrize(("mailboxes", "workspaces"), [(0, 1), (1, 1), (3, 3), (50, 4)])
    def test_every_size_of_fleet_works(self, mailboxes: int, workspaces: int) -> None:
        world = World(mailboxes, workspaces=4)

        answered = [len(world.mailboxes(workspace=found)) for found in world.simulation.workspaces]
        assert (mailboxes, workspaces) == (sum(answered), len(answered))

    @pytest.mark.parametrize("bad", [{"mailboxes": -1}, {"speed": 0}, {"workspaces": 0}])
    def test_a_world_that_makes_no_sense_is_refused(self, bad: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="must be"):
            Simulation(**bad)  # type: ignore[arg-type] # any one of several numbers

    def test_many_workspaces_have_names_domains_and_keys_of_their_own(self) -> None:
        workspaces = World(2000, workspaces=20).simulation.workspaces
        domains = [domain for workspace in workspaces for domain in workspace.domains]
        addresses = [mailbox.email for workspace in workspaces for mailbox in workspace.mailboxes]

        assert len(domains) == len(set(domains))
        assert len(addresses) == len(set(addresses))
        assert len({workspace.name for workspace in workspaces}) == 20
        assert len({workspace.key for workspace in workspaces}) == 20
        assert not any(workspace.key.startswith("sk_user_") for workspace in workspaces)


class TestFleet:
    def test_rates_are_near_those_of_the_field(self) -> None:
        total = summed(World(1000, workspaces=1).performance())

        assert 0.010 < total["bounced"] / total["sent"] < 0.016
        assert 0.4 < total["opened"] / total["sent"] < 0.6
        assert 0.015 < total["clicked"] / total["sent"] < 0.04
        assert 0.025 < total["replied"] / total["sent"] < 0.055
        assert 0.2 < total["positiveReplied"] / total["replied"] < 0.4

    def test_bounce_rates_differ_by_domain(self) -> None:
        world = World(1000, workspaces=1)
        sent, bounced = Counter[str](), Counter[str]()
        for mailbox in world.mailboxes().values():
            domain = str(mailbox["email"]).partition("@")[2]
            sent[domain] += figures_of(mailbox)["sent"]
            bounced[domain] += figures_of(mailbox)["bounced"]
        ratios = sorted(bounced[domain] / sent[domain] for domain in sent)

        assert 0.004 < ratios[0] < 0.010
        assert 0.015 < ratios[-1] < 0.025

    def test_weekends_are_quiet(self) -> None:
        world = World(400, workspaces=1)
        friday, saturday, sunday = (
            summed(world.performance(day, day))["sent"] for day in days_from(date(2025, 5, 30), 3)
        )

        assert 0 < saturday < 0.1 * friday
        assert 0 < sunday < 0.1 * friday

    def test_nights_are_silent(self) -> None:
        world = World()
        world.pass_time(hours=13)
        evening = summed(world.performance())
        world.pass_time(hours=7)
        morning = summed(world.performance())

        assert evening["sent"] == morning["sent"]
        assert evening["replied"] < morning["replied"]

    def test_sent_today_resets_at_midnight_and_stays_within_the_limit(self) -> None:
        world = World(200)
        world.pass_time(hours=14, minutes=59)
        evening = world.mailboxes()
        world.pass_time(minutes=1)
        midnight = world.mailboxes()

        for mailbox in evening.values():
            assert isinstance(mailbox["sentToday"], int)
            assert isinstance(mailbox["dailySendLimit"], int)
            assert 0 <= mailbox["sentToday"] <= mailbox["dailySendLimit"]
            assert 30 <= mailbox["dailySendLimit"] <= 50
        assert max(str(mailbox["sentToday"]) for mailbox in evening.values()) > "0"
        assert {0} == {mailbox["sentToday"] for mailbox in midnight.values()}

    def test_bounces_lag_by_minutes_and_replies_by_days(self) -> None:
        """After the last mail of Friday, bounces end within two hours; replies go on over the weekend."""
        world = World(400, workspaces=1)
        world.pass_time(days=3, hours=11)  # Friday, 20:00
        friday = summed(world.performance())
        world.pass_time(hours=11)  # Saturday, 07:00, while few send at weekends
        saturday = summed(world.performance())
        world.pass_time(hours=24)
        sunday = summed(world.performance())

        assert saturday["bounced"] - friday["bounced"] <= 2
        assert saturday["replied"] - friday["replied"] > 50
        assert sunday["replied"] - saturday["replied"] > 20

    def test_most_are_active_and_a_few_are_not(self) -> None:
        statuses = Counter(mailbox["status"] for mailbox in World(1000, workspaces=1).mailboxes().values())

        assert {"active", "inactive", "suspended", "error"} == set(statuses)
        assert 0.95 < statuses["active"] / 1000 < 0.99

    def test_mailboxes_that_are_not_active_send_nothing(self) -> None:
        world = World(400, workspaces=1)
        before = world.mailboxes()
        world.pass_time(days=1)
        after = world.mailboxes()

        idle = [name for name, mailbox in before.items() if mailbox["status"] != "active"]
        assert idle
        for name in idle:
            assert before[name]["totalSent"] == after[name]["totalSent"]
            assert after[name]["sentToday"] == 0

    def test_warmup_ramps_up_and_completes(self) -> None:
        world = World(400, workspaces=1)
        states = Counter(str(mailbox["warmup"]) for mailbox in world.mailboxes().values())
        warming = [
            name
            for name, mailbox in world.mailboxes().items()
            if mailbox["warmup"] == {"enabled": True, "status": "in_progress"}
        ]
        world.pass_time(days=30)
        later = world.mailboxes()

        assert {"not_started", "in_progress", "completed", "idle"} == {
            status for status in ("not_started", "in_progress", "completed", "idle") if status in str(states)
        }
        assert warming
        assert {"completed"} == {dict(later[name]["warmup"])["status"] for name in warming}  # type: ignore[call-overload]

    def test_lifetime_totals_are_in_the_thousands_and_hold_more_than_campaigns(self) -> None:
        for mailbox in World(400).mailboxes().values():
            assert isinstance(mailbox["totalSent"], int)
            assert mailbox["totalSent"] >= figures_of(mailbox)["sent"]
            if "completed" in str(mailbox["warmup"]):
                assert mailbox["totalSent"] > 1000


class TestWindows:
    def test_days_add_up_to_all_time(self) -> None:
        world = World()
        world.pass_time(days=2, hours=3)
        total: Counter[str] = Counter()
        for day in days_from(FIRST_DAY, 33):
            total += summed(world.performance(day, day))

        assert summed(world.performance()) == total

    def test_either_bound_may_stand_alone(self) -> None:
        world = World()
        day = date(2025, 5, 20)
        before = summed(world.performance(None, day - timedelta(days=1)))
        after = summed(world.performance(day))

        assert summed(world.performance()) == before + after

    def test_past_days_never_change(self) -> None:
        world = World()
        day = date(2025, 6, 2)
        then = world.performance(day, day)
        world.start("bounce_spike")
        world.start("sending_stalled")
        world.pass_time(days=10)

        assert then == world.performance(day, day)

    def test_days_before_the_history_and_after_today_are_empty(self) -> None:
        world = World()
        for day in (date.min, FIRST_DAY - timedelta(days=1), date(2025, 6, 4), date.max):
            assert {0} == set(summed(world.performance(day, day)).values())

    def test_only_performance_and_rates_follow_the_window(self) -> None:
        world = World()
        world.pass_time(hours=5)
        whole, filtered = world.mailboxes(), world.mailboxes(date(2025, 5, 20), date(2025, 5, 20))

        assert whole != filtered
        for mailbox in (*whole.values(), *filtered.values()):
            del mailbox["performance"], mailbox["rates"]
        assert whole == filtered


SCENARIO_NAMES = ("bounce_spike", "mailbox_suspended", "sending_stalled", "warmup_stopped")


class TestTime:
    @settings(max_examples=25, deadline=None)
    @given(
        steps=st.lists(
            st.tuples(st.floats(0.01, 40), st.sampled_from((*SCENARIO_NAMES, "stop", None))),
            min_size=1,
            max_size=8,
        )
    )
    @example(steps=[(1.0, "warmup_stopped")] * 8)  # more than there are mailboxes that fit
    def test_totals_never_fall_and_every_answer_agrees_with_itself(
        self, steps: list[tuple[float, str | None]]
    ) -> None:
        """Whatever starts and stops: totals rise, parts stay below their wholes, days add up."""
        world = World(24, workspaces=1)
        earlier = world.performance()
        for hours, turn in steps:
            if turn == "stop":
                for scenario in world.simulation.scenarios():
                    world.simulation.stop(scenario.id)
            elif turn is not None:
                with suppress(ValueError):  # in the end no mailbox fits any more
                    world.start(turn)
            world.pass_time(hours=hours)
            later = world.performance()
            assert never_falls(earlier, later)
            earlier = later
        for figures in earlier.values():
            assert figures["sent"] >= figures["opened"] >= figures["clicked"]
            assert figures["sent"] >= figures["bounced"]
            assert figures["replied"] >= figures["positiveReplied"]
        today = world.simulation.now().date()
        before = summed(world.performance(None, today - timedelta(days=1)))
        assert summed(earlier) == before + summed(world.performance(today, today))


class TestBounceSpike:
    def test_it_raises_the_bounces_of_its_domain_alone(self) -> None:
        world, calm = World(200), World(200)
        scenario = world.start("bounce_spike", ratio=0.3)
        for each in (world, calm):
            each.pass_time(days=1)
        spiked = world.first_domain()
        before = World(200).performance()
        after, otherwise = world.performance(), calm.performance()

        sent = sum(after[name]["sent"] - before[name]["sent"] for name in spiked)
        bounced = sum(after[name]["bounced"] - before[name]["bounced"] for name in spiked)
        assert [scenario] == [found.id for found in world.simulation.scenarios()]
        assert 0.2 < bounced / sent < 0.4
        for name in after.keys() - spiked:
            assert otherwise[name] == after[name]

    def test_it_shows_within_a_minute_at_demo_speed(self) -> None:
        world = World(200)
        world.start("bounce_spike")
        before = world.performance()
        world.pass_time(hours=1)
        after = world.performance()

        assert sum(after[name]["bounced"] - before[name]["bounced"] for name in world.first_domain()) >= 3

    def test_when_stopped_bounces_come_at_the_base_rate_again(self) -> None:
        world = World(200)
        scenario = world.start("bounce_spike", ratio=1)
        world.pass_time(days=1)
        world.simulation.stop(scenario)
        world.pass_time(hours=1)  # the last ones come in
        before = summed(world.performance())
        world.pass_time(days=1)
        after = summed(world.performance())

        assert 0 < after["bounced"] - before["bounced"] < 0.03 * (after["sent"] - before["sent"])

    def test_a_ratio_of_one_lets_every_mail_bounce(self) -> None:
        world = World(200)
        world.pass_time(hours=15)  # Wednesday, 00:00
        before = world.performance()
        world.start("bounce_spike", ratio=1)
        world.pass_time(hours=24)
        after = world.performance()

        for name in world.first_domain():
            sent = after[name]["sent"] - before[name]["sent"]
            assert sent == after[name]["bounced"] - before[name]["bounced"]


class TestStops:
    def test_a_suspended_mailbox_says_so_and_sends_nothing(self) -> None:
        world = World()
        scenario = world.start("mailbox_suspended")
        name = str(world.simulation.scenarios()[0].values["mailbox"])
        before = world.mailboxes()[name]
        world.pass_time(days=1)
        after = world.mailboxes()[name]
        world.simulation.stop(scenario)

        assert before["status"] == after["status"] == "suspended"
        assert before["totalSent"] == after["totalSent"]
        assert world.mailboxes()[name]["status"] == "active"

    def test_a_stalled_workspace_stays_active_and_sends_nothing(self) -> None:
        world = World()
        scenario = world.start("sending_stalled")
        before, statuses = world.performance(), [found["status"] for found in world.mailboxes().values()]
        world.pass_time(hours=8)
        stalled = world.performance()
        other = world.performance(workspace=world.simulation.workspaces[1])
        world.simulation.stop(scenario)
        world.pass_time(days=1)

        assert summed(before)["sent"] == summed(stalled)["sent"]
        assert statuses == [found["status"] for found in world.mailboxes().values()]
        assert summed(other) > summed(World().performance(workspace=world.simulation.workspaces[1]))
        assert summed(world.performance())["sent"] > summed(stalled)["sent"]

    def test_warmup_is_switched_off(self) -> None:
        world = World(200)
        world.start("warmup_stopped")
        name = str(world.simulation.scenarios()[0].values["mailbox"])

        assert World(200).mailboxes()[name]["warmup"] == {"enabled": True, "status": "in_progress"}
        assert world.mailboxes()[name]["warmup"] == {"enabled": False, "status": "idle"}

    def test_without_warmup_only_campaigns_send(self) -> None:
        """A mailbox late in its ramp goes on with its campaigns."""
        world, calm = World(200), World(200)
        name = next(
            mailbox.id
            for mailbox in world.workspace.mailboxes
            if (mailbox.warmup_day(World.start_day + 3) or 0) > 20
        )
        world.start("warmup_stopped", mailbox=name)
        before = world.mailboxes()[name]
        for each in (world, calm):
            each.pass_time(days=2)
        after = world.mailboxes()[name]

        sent = figures_of(after)["sent"] - figures_of(before)["sent"]
        assert sent > 0
        assert sent == int(str(after["totalSent"])) - int(str(before["totalSent"]))
        assert figures_of(calm.mailboxes()[name]) == figures_of(after)


class TestDeletion:
    def test_it_takes_a_share_of_all_time_and_of_the_days_for_good(self) -> None:
        world = World(200)
        day = date(2025, 5, 20)
        whole, of_day = summed(world.performance()), summed(world.performance(day, day))
        lifetime = sum(int(str(found["totalSent"])) for found in world.mailboxes().values())
        scenario = world.start("campaign_deleted", share=0.2)
        left, left_of_day = summed(world.performance()), summed(world.performance(day, day))
        world.simulation.stop(scenario)

        assert left["sent"] == pytest.approx(0.8 * whole["sent"], rel=0.01)
        assert left_of_day["sent"] == pytest.approx(0.8 * of_day["sent"], rel=0.05)
        assert left == summed(world.performance())
        assert lifetime == sum(int(str(found["totalSent"])) for found in world.mailboxes().values())

    def test_days_still_add_up_after_two_of_them(self) -> None:
        world = World()
        world.start("campaign_deleted")
        world.pass_time(days=1)
        world.start("campaign_deleted", share=0.5)
        world.pass_time(days=1)
        total: Counter[str] = Counter()
        for day in days_from(FIRST_DAY, 33):
            figures = world.performance(day, day)
            assert min(count for of_one in figures.values() for count in of_one.values()) >= 0
            total += summed(figures)

        assert summed(world.performance()) == total

    def test_what_comes_later_is_not_touched(self) -> None:
        world, calm = World(), World()
        world.start("campaign_deleted", share=0.5)
        before, calm_before = world.performance(), calm.performance()
        for each in (world, calm):
            each.pass_time(days=2)

        grown = summed(world.performance()) - summed(before)
        assert grown["sent"] > 0
        assert grown == summed(calm.performance()) - summed(calm_before)

    def test_of_one_mailbox_it_leaves_the_others_alone(self) -> None:
        world = World()
        before = world.performance()
        name = world.workspace.mailboxes[0].id
        world.start("campaign_deleted", mailbox=world.workspace.mailboxes[0].email, share=1)
        after = world.performance()

        assert {0} == set(after[name].values())
        assert {other: before[other] for other in before if other != name} == {
            other: after[other] for other in after if other != name
        }


class TestPeriods:
    def test_a_delayed_scenario_comes_later(self) -> None:
        world = World()
        request = ScenarioRequest("mailbox_suspended", delay_seconds=10)
        name = str(world.simulation.start(request).values["mailbox"])

        before = world.mailboxes()[name]["status"]
        world.pass_time(minutes=10)
        assert [before, world.mailboxes()[name]["status"]] == ["active", "suspended"]

    def test_a_delayed_scenario_that_is_stopped_never_comes(self) -> None:
        world = World()
        for name in ("campaign_deleted", "mailbox_suspended", "sending_stalled"):
            found = world.simulation.start(ScenarioRequest(name, delay_seconds=10))
            world.simulation.stop(found.id)
        world.pass_time(days=1)
        undisturbed = World()
        undisturbed.pass_time(days=1)

        assert world.mailboxes() == undisturbed.mailboxes()

    def test_a_scenario_ends_after_its_duration(self) -> None:
        world = World()
        world.start("mailbox_suspended", duration=5)

        statuses = []
        for _ in range(3):
            statuses.append(Counter(found["status"] for found in world.mailboxes().values())["suspended"])
            world.pass_time(minutes=3)
        assert statuses == [1, 1, 0]
        assert world.simulation.scenarios() == []

    def test_an_unknown_id_cannot_be_stopped(self) -> None:
        with pytest.raises(KeyError):
            World().simulation.stop(1)

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("bounce_spike", {"domain": "nowhere.example"}),
            ("bounce_spike", {"workspace": "nobody"}),
            ("mailbox_suspended", {"mailbox": "nobody@nowhere.example"}),
            ("key_revoked", {"key": "sk_none"}),
            ("api_down", {"workspace": "nobody"}),
        ],
    )
    def test_an_unknown_target_is_told(self, name: str, parameters: dict[str, object]) -> None:
        world = World()
        with pytest.raises(ValueError, match=r"^no "):
            world.start(name, **parameters)
        assert world.simulation.scenarios() == []
