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
def test_the_demo_begins_in_working_hours(moment: str, start: str) -> None:
    begun = demo.working_hours(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert begun == datetime.fromisoformat(start).replace(tzinfo=UTC)


@pytest.fixture
def told() -> Simulation:
    """A simulation with the demo's story."""
    simulation = Simulation(40, workspaces=2)
    for scenario in demo.story(simulation):
        simulation.start(parse_scenario(scenario))
    return simulation


def test_the_demo_tells_a_story_of_which_each_part_is_in_a_place_of_its_own(told: Simulation) -> None:
    spike, suspended, revoked = told.scenarios()
    assert (spike.name, suspended.name, revoked.name) == (
        "bounce_spike",
        "mailbox_suspended",
        "key_revoked",
    )
    assert spike.workspace_id != revoked.workspace_id


def test_the_demo_tells_it_in_one_workspace_where_there_is_only_one() -> None:
    simulation = Simulation(20, workspaces=1)
    for scenario in demo.story(simulation):
        simulation.start(parse_scenario(scenario))
    assert len(simulation.scenarios()) == 3


def test_the_demo_says_where_to_look_and_what_will_happen(told: Simulation) -> None:
    first, second = told.workspaces
    lines = demo.announced(told, "127.0.0.1:19587").splitlines()
    assert lines[0] == "The status page: http://127.0.0.1:19587/"
    assert lines[2].startswith("  after ")
    domain = next(iter(second.domains))
    about = "mails of one domain bounce at a ratio"
    assert lines[2].endswith(f"{about} (workspace {second.name}, domain {domain})")
    assert lines[4].endswith(f"a key is refused with 401 (workspace {first.name})")
