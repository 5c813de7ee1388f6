"""Scenarios: what can go wrong in the simulated world or at its API, and how one is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from exporter.simulator.ledger import Period

Value = str | float

_DELAY_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a scenario: a number between bounds, one of some words, or any text.

    Without a default it names a target, which is then chosen for you: the first that fits.
    """

    about: str
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def read(self, name: str, value: object) -> Value:
        """Return a value as given in JSON or as text on the command line; raise ValueError when it is bad."""
        if self.minimum is not None:
            return self._number(name, value)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text, not {value!r}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{name} must be one of {', '.join(self.choices)}, not {value!r}")
        return value

    def _number(self, name: str, value: object) -> float:
        try:
            number = float(value) if isinstance(value, (int, float, str)) else None
        except (OverflowError, ValueError):
            number = None
        if number is None or isinstance(value, bool) or not isfinite(number):
            raise ValueError(f"{name} must be a number, not {value!r}")
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"{name} must be at least {self.minimum:g}, not {number:g}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"{name} must be at most {self.maximum:g}, not {number:g}")
        return number

    def described(self) -> dict[str, Value | list[str] | None]:
        """Return the parameter as `GET /simulator` shows it."""
        shown: dict[str, Value | list[str] | None] = {"about": self.about, "default": self.default}
        if self.minimum is not None:
            shown |= {"minimum": self.minimum, "maximum": self.maximum}
        if self.choices:
            shown["choices"] = list(self.choices)
        return shown


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A kind of scenario: what it does, to the fleet or to the API alone, and its parameters."""

    about: str
    level: Literal["fleet", "api"]
    parameters: Mapping[str, Parameter]


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


_WORKSPACE = Parameter("id or name of a workspace; the first one by default")
_MAILBOX = Parameter("id or address of a mailbox; the first that fits by default")
_ONLY_WORKSPACE = Parameter("id or name of the one workspace it concerns; all by default")
_DURATION = Parameter("real seconds until it stops by itself; never by default", minimum=0, maximum=10**9)


def _fleet(about: str, **parameters: Parameter) -> Blueprint:
    return Blueprint(about, "fleet", {**parameters, "duration": _DURATION})


def _api(about: str, **parameters: Parameter) -> Blueprint:
    return Blueprint(about, "api", {**parameters, "workspace": _ONLY_WORKSPACE, "duration": _DURATION})


SCENARIOS: Mapping[str, Blueprint] = {
    "bounce_spike": _fleet(
        "mails of one domain bounce at a ratio",
        workspace=_WORKSPACE,
        domain=Parameter("a domain; the first of the workspace by default"),
        ratio=Parameter("bounces of sends", default=0.25, minimum=0, maximum=1),
    ),
    "mailbox_suspended": _fleet("a mailbox is suspended and sends nothing", mailbox=_MAILBOX),
    "sending_stalled": _fleet(
        "all mailboxes of a workspace stay active and send nothing", workspace=_WORKSPACE
    ),
    "campaign_deleted": _fleet(
        "a share of all campaign figures so far is gone, for good: stopping does not bring it back",
        workspace=_WORKSPACE,
        mailbox=Parameter("id or address of the one mailbox it concerns; the whole workspace by default"),
        share=Parameter("share of the figures", default=0.1, minimum=0, maximum=1),
    ),
    "warmup_stopped": _fleet("the warm-up of a mailbox is switched off", mailbox=_MAILBOX),
    "api_down": _api(
        "the API does not answer",
        mode=Parameter(
            "answer 503, or close the connection", default="refuse_503", choices=("refuse_503", "reset")
        ),
    ),
    "slow": _api(
        "the API answers slowly",
        delay=Parameter(
            "seconds before the answer, or between its bytes", default=5, minimum=0, maximum=3600
        ),
        mode=Parameter("wait before the answer, or drip it", default="delay", choices=("delay", "drip")),
    ),
    "rate_limited": _api(
        "the API answers 429 with Retry-After",
        retry_after=Parameter("seconds to wait", default=30, minimum=0, maximum=86_400),
        form=Parameter(
            "how Retry-After stands: seconds, date, or not at all",
            default="seconds",
            choices=("seconds", "date", "none"),
        ),
    ),
    "key_revoked": Blueprint(
        "a key is refused with 401",
        "api",
        {
            "workspace": Parameter("id or name of the workspace whose key it is; the first one by default"),
            "key": Parameter("a key, instead of a workspace"),
            "duration": _DURATION,
        },
    ),
    "partial_answer": _api(
        "the API leaves mailboxes out",
        share=Parameter("share of the mailboxes that is left; 0 for none", default=0.5, minimum=0, maximum=1),
    ),
    "malformed": _api("the API answers 200 with a page instead of JSON"),
    "bomb": _api(
        "the API answers with a gzip bomb",
        mebibytes=Parameter("size of the decoded answer", default=512, minimum=1, maximum=16_384),
    ),
    "redirect": _api(
        "the API answers 302",
        location=Parameter("where it points to", default="https://elsewhere.example/"),
    ),
}


def blueprint(name: str) -> Blueprint:
    """Return the kind of scenario of a name; raise ValueError when there is none."""
    if name not in SCENARIOS:
        raise ValueError(f"no scenario is called {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


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
