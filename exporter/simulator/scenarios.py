"""Scenarios: how one is asked for, and those that were started."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.simulator.disturbances import Period
from exporter.simulator.parameters import Value
from exporter.simulator.troubles import blueprint

_DELAY_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")


@dataclass(frozen=True, slots=True)
class ScenarioRequest:
    """A wish to start a scenario, `delay_seconds` of real time from now. Raises ValueError when it is bad."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        known = blueprint(self.name).parameters
        for name, value in self.parameters.items():
            if name not in known:
                raise ValueError(f"{self.name} has no parameter {name!r}; it has {', '.join(known)}")
            known[name].read(name, value)

    def values(self) -> dict[str, Value]:
        """Return all parameters that have a value, given or by default."""
        known = blueprint(self.name).parameters
        given = {name: known[name].read(name, value) for name, value in self.parameters.items()}
        defaults = {name: known[name].default for name in known if name not in given}
        return {**{name: value for name, value in defaults.items() if value is not None}, **given}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that was started, its parameters with their targets, and its period of simulated time.

    `workspace_id` is set where it concerns one workspace alone.
    """

    id: int
    name: str
    values: Mapping[str, Value]
    period: Period
    workspace_id: str | None

    def text(self, parameter: str) -> str:
        """Return the value of a parameter that is a text."""
        return str(self.values[parameter])

    def number(self, parameter: str) -> float:
        """Return the value of a parameter that is a number."""
        return float(self.values[parameter])


def parse_scenario(text: str) -> ScenarioRequest:
    """Read `NAME[:param=value,...][@DELAY]`, such as `bounce_spike:ratio=0.3@20s`.

    The delay is real time, in seconds or with one of the units ms, s, m, h, d. Raises ValueError with a
    message for people when the name, a parameter, a value or the delay is bad.
    """
    wish, at, delay = text.strip().rpartition("@")
    delay_seconds = _delay_seconds(delay) if at else None
    if delay_seconds is None:
        if at and ":" not in wish:
            raise ValueError(f"the delay of a scenario is a time such as 20s or 2m, not {delay!r}")
        wish = text.strip()  # the @ stands in an address
    name, colon, listed = wish.partition(":")
    parameters: dict[str, object] = {}
    for pair in listed.split(",") if colon else ():
        parameter, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"parameters of a scenario are written name=value, not {pair!r}")
        parameters[parameter.strip()] = value.strip()
    return ScenarioRequest(name.strip(), parameters, delay_seconds or 0.0)


def _delay_seconds(text: str) -> float | None:
    matched = _DELAY.fullmatch(text.strip())
    return float(matched[1]) * _DELAY_SECONDS[matched[2]] if matched else None
