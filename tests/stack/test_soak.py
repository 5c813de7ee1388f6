"""A short soak; `make soak` runs a long one."""

from tests.soak import soak
from tests.stack.processes import Processes

SECONDS = 30.0


def test_nothing_fails_falls_or_grows_under_scenarios_at_random(processes: Processes) -> None:
    soak(processes, SECONDS, seed=1)
