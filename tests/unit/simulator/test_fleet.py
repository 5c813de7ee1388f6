"""The figures of a simulated fleet are believable: as in the sample, and as in the field."""

from collections import Counter
from datetime import date
from statistics import mean, quantiles, stdev

import pytest

from exporter.simulator.fleet import Mailbox
from exporter.simulator.lists import LIST_DAYS
from tests.world import SAMPLE, TUESDAY_NUMBER, World, days_from, number, summed

OLD = [row for row in SAMPLE if row["warmup_day"] > 30]


@pytest.fixture(scope="module")
def google() -> World:
    """A large fleet of the sample's provider."""
    return World(2000, workspaces=1, profile="google")


@pytest.fixture
def aged(google: World) -> list[Mailbox]:
    """The mailboxes that have sent before the simulation begins."""
    return [found for found in google.workspace.mailboxes if found.earlier.counts[0]]


@pytest.fixture
def young(google: World) -> list[Mailbox]:
    """The mailboxes that have not sent before the simulation begins."""
    return [found for found in google.workspace.mailboxes if not found.earlier.counts[0]]


class TestSample:
    """The distributions of the profile `google` are those of the sample."""

    @pytest.mark.parametrize(
        ("field", "column", "tolerance"),
        [("bounceRate", "bounce_rate", 0.15), ("totalSent", "total_sent", 0.1)],
    )
    def test_means_and_spreads_are_those_of_the_sample(
        self, google: World, aged: list[Mailbox], field: str, column: str, tolerance: float
    ) -> None:
        mailboxes = google.mailboxes()
        simulated, real = [number(mailboxes[found.id][field]) for found in aged], [row[column] for row in OLD]

        assert mean(simulated) == pytest.approx(mean(real), rel=tolerance)
        assert stdev(simulated) == pytest.approx(stdev(real), rel=0.35)
        assert quantiles(simulated) == pytest.approx(quantiles(real), rel=0.25)

    def test_bounce_rates_of_old_mailboxes_are_1_to_5_percent(
        self, google: World, aged: list[Mailbox]
    ) -> None:
        mailboxes = google.mailboxes()
        rates = [number(mailboxes[found.id]["bounceRate"]) for found in aged]

        assert 2.5 < mean(rates) < 3.0
        assert sum(0.9 < rate < 5.2 for rate in rates) > 0.94 * len(rates)

    def test_a_fifth_of_the_old_ones_is_parked_active_and_silent(
        self, google: World, aged: list[Mailbox]
    ) -> None:
        parked = [found for found in aged if found.parked_on <= TUESDAY_NUMBER]
        mailboxes = google.mailboxes()

        real = 1 - mean(row["sending_enabled"] for row in OLD)
        assert len(parked) / len(aged) == pytest.approx(real, abs=0.03)
        assert {("active", 0, 10)} == {
            (mailboxes[each.id]["status"], mailboxes[each.id]["sentToday"], each.daily_send_limit)
            for each in parked
        }

    def test_a_tenth_is_young_and_warms_up(self, young: list[Mailbox]) -> None:
        assert len(young) / 2000 == pytest.approx(1 - len(OLD) / len(SAMPLE), abs=0.04)
        assert {True} == {found.warmup.is_enabled for found in young if found.status == "active"}


class TestProfiles:
    @pytest.mark.parametrize(
        ("profile", "sizes", "limits"),
        [("google", {2, 3}, {10, 12, 15}), ("azure", {50}, {1, 2})],
    )
    def test_size_and_pace_are_those_of_the_provider(
        self, profile: str, sizes: set[int], limits: set[int]
    ) -> None:
        mailboxes = World(1000, workspaces=1, profile=profile).workspace.mailboxes
        domains = Counter(mailbox.domain.name for mailbox in mailboxes)

        assert set(domains.values()) <= sizes | {size + 1 for size in sizes}
        assert {mailbox.daily_send_limit for mailbox in mailboxes} == limits

    def test_a_google_domain_sends_30_to_45_mails_a_day(self) -> None:
        world = World(1000, workspaces=1, profile="google")
        day = world.performance(date(2025, 5, 27), date(2025, 5, 27))
        sent = [
            day[found.id]["sent"]
            for found in world.workspace.mailboxes
            if found.earlier.counts[0] and found.sends_on(TUESDAY_NUMBER)
        ]

        assert 10 < mean(sent) < 15

    def test_a_mixed_fleet_has_every_provider_and_begins_with_a_domain_that_sends_much(self) -> None:
        mailboxes = World(200, workspaces=4).workspace.mailboxes
        providers = Counter(mailbox.domain.provider.name for mailbox in mailboxes)

        assert {"custom", "gmail", "azure", "outlook"} == set(providers)
        assert min(providers.values()) >= 5
        assert mailboxes[0].domain.provider.name == "custom"

    def test_bounces_come_in_runs_as_lists_are_good_or_bad(self) -> None:
        """From list to list the bounce ratio differs by far more than luck."""
        world = World(1500, workspaces=1, profile="google")
        lanes = {found.id: found.domain.list_lane for found in world.workspace.mailboxes}
        sent, bounced = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        for day in days_from(date(2025, 5, 5), 27):
            number = (day.toordinal() - date(1970, 1, 1).toordinal()) // LIST_DAYS
            for name, figures in world.performance(day, day).items():
                sent[lanes[name], number] += figures["sent"]
                bounced[lanes[name], number] += figures["bounced"]
        ratios = [bounced[key] / sent[key] for key in sent if sent[key] > 2000]

        luck = (0.027 * 0.973 / 2000) ** 0.5
        assert len(ratios) > 20
        assert stdev(ratios) > 1.3 * luck
        assert 0.01 < min(ratios) < 0.02
        assert 0.035 < max(ratios) < 0.06


class TestFleet:
    def test_rates_are_near_those_of_the_field(self) -> None:
        total = summed(World(1000, workspaces=1).performance())

        assert 0.024 < total["bounced"] / total["sent"] < 0.031
        assert 0.4 < total["opened"] / total["sent"] < 0.6
        assert 0.015 < total["clicked"] / total["sent"] < 0.04
        assert 0.025 < total["replied"] / total["sent"] < 0.055
        assert 0.2 < total["positiveReplied"] / total["replied"] < 0.4

    def test_little_is_sent_at_weekends(self) -> None:
        world = World(400, workspaces=1)
        friday, saturday, sunday = (
            summed(world.performance(day, day))["sent"] for day in days_from(date(2025, 5, 30), 3)
        )

        assert 0 < saturday < 0.1 * friday
        assert 0 < sunday < 0.1 * friday

    def test_nothing_is_sent_at_night(self) -> None:
        world = World(400)
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
            assert 1 <= mailbox["dailySendLimit"] <= 50
        assert any(mailbox["sentToday"] for mailbox in evening.values())
        assert {0} == {mailbox["sentToday"] for mailbox in midnight.values()}

    def test_bounces_lag_by_minutes_to_a_day_and_replies_by_days(self) -> None:
        """After the last mail of Friday, most bounces are there within two hours; the rest needs a day."""
        world = World(1000, workspaces=1)
        friday = date(2025, 6, 6)
        world.pass_time(days=3, hours=11)  # Friday, 20:00
        counts = []
        for hours in (0, 11, 24, 48):
            world.pass_time(hours=hours)
            counts.append(summed(world.performance(friday, friday)))
        evening, saturday, sunday, tuesday = counts

        assert 0.85 < evening["bounced"] / tuesday["bounced"] < 1
        assert evening["bounced"] < saturday["bounced"] <= sunday["bounced"] <= tuesday["bounced"]
        assert evening["replied"] < saturday["replied"] < sunday["replied"]

    def test_most_are_active_and_a_few_are_not(self) -> None:
        statuses = Counter(mailbox["status"] for mailbox in World(1000, workspaces=1).mailboxes().values())

        assert {"active", "inactive", "suspended", "error"} == set(statuses)
        assert 0.95 < statuses["active"] / 1000 < 0.995

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

    def test_warmup_goes_on_for_months_and_a_few_have_other_states(self) -> None:
        statuses = Counter(found.warmup.status for found in World(1000, workspaces=1).workspace.mailboxes)

        assert {"not_started", "in_progress", "completed", "idle"} == set(statuses)
        assert statuses["in_progress"] > 800
