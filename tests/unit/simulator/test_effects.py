"""What scenarios do to a simulated fleet."""

from collections import Counter
from datetime import date, timedelta

import pytest

from tests.world import FIRST_DAY, World, days_from, figures_of, summed


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

    def test_at_a_ratio_of_0_it_takes_the_place_of_one_that_lasts(self) -> None:
        world = World(200)
        world.start("bounce_spike", ratio=1)
        world.start("bounce_spike", ratio=0)
        before = world.performance()
        world.pass_time(days=1)
        after = world.performance()

        spiked = world.first_domain()
        assert sum(after[name]["sent"] - before[name]["sent"] for name in spiked) > 0
        assert sum(after[name]["bounced"] - before[name]["bounced"] for name in spiked) < 10  # sent before

    def test_when_stopped_bounces_come_at_the_base_rate_again(self) -> None:
        world = World(200)
        scenario = world.start("bounce_spike", ratio=1)
        world.pass_time(days=1)
        world.simulation.stop(scenario)
        world.pass_time(days=4)  # the last ones come in
        before = summed(world.performance())
        world.pass_time(days=2)
        after = summed(world.performance())

        assert 0 < after["bounced"] - before["bounced"] < 0.06 * (after["sent"] - before["sent"])

    def test_a_ratio_of_one_lets_every_mail_bounce_within_days(self) -> None:
        world = World(200)
        world.pass_time(hours=15)  # Wednesday, 00:00
        world.start("bounce_spike", ratio=1)
        world.pass_time(days=5)
        day = world.performance(date(2025, 6, 4), date(2025, 6, 4))

        spiked = [day[name] for name in world.first_domain()]
        assert sum(figures["sent"] for figures in spiked) > 100
        assert all(figures["sent"] == figures["bounced"] for figures in spiked)

    def test_at_a_ratio_of_zero_no_mail_bounces(self) -> None:
        world = World(200)
        world.pass_time(hours=15)  # Wednesday, 00:00
        world.start("bounce_spike", ratio=0)
        world.pass_time(days=5)
        day = world.performance(date(2025, 6, 4), date(2025, 6, 4))

        cleaned = [day[name] for name in world.first_domain()]
        assert sum(figures["sent"] for figures in cleaned) > 100
        assert {0} == {figures["bounced"] for figures in cleaned}

    def test_some_of_its_bounces_come_hours_later(self) -> None:
        world, calm = World(200), World(200)
        world.start("bounce_spike", ratio=1, duration=120)  # two hours of it
        more = []
        for hours in (2.5, 40):
            for each in (world, calm):
                each.pass_time(hours=hours)
            more.append(world.first_domain_figures()["bounced"] - calm.first_domain_figures()["bounced"])

        assert 0 < more[0] < 0.95 * more[1]


class TestBadMails:
    @pytest.mark.parametrize("profile", ["google", "azure", "mixed"])
    def test_a_provider_that_blocks_lets_its_mailboxes_mails_bounce(self, profile: str) -> None:
        world = World(200, profile=profile)
        world.start("provider_blocks", ratio=0.9)
        before = world.performance()
        world.pass_time(days=1)
        after = world.performance()

        provider = world.workspace.mailboxes[0].domain.provider
        for is_blocked in (True, False):
            names = [
                found.id
                for found in world.workspace.mailboxes
                if (found.domain.provider == provider) == is_blocked
            ]
            grown = summed({name: after[name] for name in names})
            grown.subtract(summed({name: before[name] for name in names}))
            assert (grown["bounced"] > 0.4 * grown["sent"]) == is_blocked

    def test_a_bad_list_lets_bounce_what_the_domains_send_that_use_it(self) -> None:
        world, calm = World(400, profile="google"), World(400, profile="google")
        world.start("bad_list", list=1, ratio=0.5)
        for each in (world, calm):
            each.pass_time(days=1)
        after, otherwise = world.performance(), calm.performance()

        lanes = {found.id: found.domain.list_lane for found in world.workspace.mailboxes}
        assert {name for name in after if after[name] != otherwise[name]} <= {
            name for name, lane in lanes.items() if lane == 1
        }
        assert summed(after)["bounced"] > summed(otherwise)["bounced"] + 50

    def test_a_provider_without_mailboxes_cannot_block(self) -> None:
        with pytest.raises(ValueError, match="no mailbox is at the provider 'azure'; there are gmail"):
            World(profile="google").start("provider_blocks", provider="azure")


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

    def test_the_scenario_warmup_stopped_switches_warmup_off(self) -> None:
        world = World(200)
        world.start("warmup_stopped")
        name = str(world.simulation.scenarios()[0].values["mailbox"])

        assert World(200).mailboxes()[name]["warmup"] == {"enabled": True, "status": "in_progress"}
        assert world.mailboxes()[name]["warmup"] == {"enabled": False, "status": "idle"}

    def test_without_warmup_campaigns_go_on(self) -> None:
        world, calm = World(200), World(200)
        name = world.workspace.mailboxes[0].id
        world.start("warmup_stopped", mailbox=name)
        for each in (world, calm):
            each.pass_time(days=2)

        assert figures_of(calm.mailboxes()[name]) == figures_of(world.mailboxes()[name])

    def test_when_its_campaigns_are_finished_a_workspace_sends_nothing(self) -> None:
        world = World()
        world.start("campaigns_finished")
        before = summed(world.performance())
        world.pass_time(hours=8)

        assert summed(world.performance())["sent"] == before["sent"]


class TestMeanings:
    def test_a_domain_may_have_any_status_and_then_sends_nothing(self) -> None:
        world = World(200)
        world.start("status_changed", status="warming_up")
        before = world.first_domain_figures()
        world.pass_time(hours=6)

        changed = {name for name, found in world.mailboxes().items() if found["status"] == "warming_up"}
        assert changed == world.first_domain()
        assert world.first_domain_figures()["sent"] == before["sent"]

    def test_positive_replies_jump_when_tags_mean_something_else(self) -> None:
        world = World(200)
        before = summed(world.performance())
        scenario = world.start("positive_tag_changed", share=0.9)
        during = summed(world.performance())
        world.simulation.stop(scenario)

        assert before["positiveReplied"] < 0.5 * before["replied"]
        assert during["positiveReplied"] > 0.75 * during["replied"]
        assert during["replied"] == before["replied"]
        assert summed(world.performance()) == before


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
        total += summed(world.performance(None, FIRST_DAY - timedelta(days=1)))

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


class TestWobble:
    @pytest.mark.parametrize("mode", ["behind", "zeros", "recount"])
    def test_about_every_second_answer_has_other_totals(self, mode: str) -> None:
        world = World(200)
        world.pass_time(hours=3)
        world.start("totals_wobble", mode=mode, minutes=600)
        true, wobbled = [], []
        for _ in range(40):
            world.pass_time(minutes=1)
            true.append(summed(world.performance())["sent"])
            wobbled.append(sum(figures_of(mailbox)["sent"] for mailbox in world.shaped()))
        off = [shown / real for real, shown in zip(true, wobbled, strict=True) if shown != real]

        assert 10 < len(off) < 30
        assert {"behind": 0.9 < min(off) < 1, "zeros": {0} == set(off), "recount": 0.85 < min(off) < 0.95}[
            mode
        ]
        assert max(off) < 1
