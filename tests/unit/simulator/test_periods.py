"""When scenarios begin and end, and what they cannot aim at."""

from collections import Counter

import pytest

from exporter.simulator import ScenarioRequest
from tests.world import World


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
    def test_an_unknown_target_is_an_error(self, name: str, parameters: dict[str, object]) -> None:
        world = World()
        with pytest.raises(ValueError, match=r"^no "):
            world.start(name, **parameters)
        assert world.simulation.scenarios() == []
