"""A simulated SendKit API: a fleet of mailboxes that behaves as fleets do, and goes wrong when asked to."""

from exporter.simulator.profiles import PROFILES
from exporter.simulator.scenarios import ScenarioRequest, parse_scenario
from exporter.simulator.server import create_app
from exporter.simulator.simulation import Simulation
from exporter.simulator.troubles import SCENARIOS

__all__ = ["PROFILES", "SCENARIOS", "ScenarioRequest", "Simulation", "create_app", "parse_scenario"]
