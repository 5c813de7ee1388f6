"""What can be said about a scenario when it is asked for: its parameters, with their bounds and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

Value = str | float


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
    """A kind of scenario: what it does and to what, and its parameters.

    `fleet`: to what happens; `api`: it takes the place of an answer; `answer`: it alters an answer.
    """

    about: str
    level: Literal["fleet", "api", "answer"]
    parameters: Mapping[str, Parameter]
