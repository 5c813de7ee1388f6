"""The demo's time and story; that it runs is shown in tests/stack."""

from datetime import UTC, datetime

import pytest

from exporter.commands import demo
from exporter.simulator import Simulation, parse_scenario


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2024-05-01T12:00", "2024-05-01T09:00"),  # a Wednesday
        ("2024-05-01T09:00", "2024-05-01T09:00"),
        ("2024-05-01T08:59", "2024-04-30T09:00"),
        ("2024-05-04T12:00", "2024-05-03T09:00"),  # a Saturday
        ("2024-05-05T23:59", "2024-05-03T09:00"),
        ("2024-05-06T03:00", "2024-05-03T09:00"),  # a Monday, before work
    ],
)
def test_begins_in_working_hours(moment: str, start: str) -> None:
    begun = demo.working_hours(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert begun == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_tells_a_story_that_the_simulator_knows() -> None:
    simulation = Simulation(40)
    for scenario in demo.STORY:
        simulation.start(parse_scenario(scenario))
    assert len(simulation.scenarios()) == len(demo.STORY)
