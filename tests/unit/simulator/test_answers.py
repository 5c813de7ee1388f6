"""What the simulated analytics endpoint answers: documented, repeatable, in agreement."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.catalogue.mailbox import FIELDS
from exporter.simulator import Simulation
from tests.world import CAMPAIGN, TUESDAY, TUESDAY_NUMBER, World, figures_of


def places(found: dict[str, Any], part: str = "") -> Iterator[str]:
    """Yield where the values of an object are, such as `warmup.status`."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from places(value, f"{part}{name}.")
        else:
            yield f"{part}{name}"


class TestAnswers:
    def test_they_have_the_fields_of_the_catalogue_and_no_others(self) -> None:
        answer = json.loads(World().simulation.answer(World().workspace).plain)

        assert answer["success"] is True
        assert sorted(places(answer["data"][0])) == sorted(["_id", *(field.name for field in FIELDS)])

    def test_rates_are_percent_of_the_mails_sent_as_text(self) -> None:
        for mailbox in World(400).mailboxes().values():
            figures = figures_of(mailbox)
            sent = figures["sent"]
            rates = [f"{100 * figures[kind] / sent:.1f}" if sent else "0.0" for kind in CAMPAIGN[1:]]
            named = dict(zip(("open", "click", "bounce", "reply", "positiveReply"), rates, strict=True))
            assert named == mailbox["rates"]

    def test_bounce_rate_is_the_percentage_of_all_campaign_mails_with_two_decimals(self) -> None:
        for mailbox in World(400).mailboxes().values():
            figures = figures_of(mailbox)
            percent = 100 * figures["bounced"] / max(figures["sent"], 1)
            assert mailbox["bounceRate"] == round(percent, 2)

    def test_a_round_bounce_rate_is_an_integer(self) -> None:
        rates = [mailbox["bounceRate"] for mailbox in World(400).mailboxes().values()]

        assert {rate for rate in rates if isinstance(rate, int)}
        assert not {rate for rate in rates if isinstance(rate, float) and rate.is_integer()}

    def test_bounce_rate_may_be_set_to_the_documented_ratio(self) -> None:
        simulation = Simulation(100, start=TUESDAY, clock=lambda: 0.0, bounce_rate_unit="ratio")
        for mailbox in json.loads(simulation.answer(simulation.workspaces[0]).plain)["data"]:
            figures = mailbox["performance"]
            assert mailbox["bounceRate"] == round(figures["bounced"] / max(figures["sent"], 1), 4)

    def test_totals_are_of_campaign_mail_alone(self) -> None:
        """Warm-up mail counts neither in totals nor against the limit; an early mailbox has sent nothing."""
        mailboxes = World(400).mailboxes()

        assert all(mailbox["totalSent"] == figures_of(mailbox)["sent"] for mailbox in mailboxes.values())
        young = [found for found in World(400).workspace.mailboxes if not found.earlier.counts[0]]
        assert young
        assert {0} == {
            mailboxes[found.id]["totalSent"] for found in young if found.domain.readiness(TUESDAY_NUMBER) == 0
        }

    def test_the_same_seed_start_and_clock_give_the_same_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()  # the two share no draws
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

    @pytest.mark.parametrize(
        "bad", [{"mailboxes": -1}, {"speed": 0}, {"workspaces": 0}, {"profile": "huge"}, {"history_days": -1}]
    )
    def test_a_world_that_makes_no_sense_is_refused(self, bad: dict[str, int | str]) -> None:
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
