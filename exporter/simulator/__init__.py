"""A simulated SendKit API: a fleet of mailboxes that behaves as fleets do, and goes wrong when told to."""

from exporter.simulator.scenarios import SCENARIOS, ScenarioRequest, parse_scenario
from exporter.simulator.server import create_app
from exporter.simulator.simulation import Simulation

__all__ = ["SCENARIOS", "ScenarioRequest", "Simulation", "create_app", "parse_scenario"]
