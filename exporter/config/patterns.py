"""Regular expressions of the configuration, matched by RE2, whose time grows with the text alone.

Names and addresses come from the API, so from people who are no friends. An engine that tries every way to
match, as Python's own does, needs years for some short texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

MOST_MEMORY_BYTES = 2**20
"""Of one pattern, compiled."""


def _options() -> Any:  # noqa: ANN401 - ships no types
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MOST_MEMORY_BYTES
    return options


_OPTIONS = _options()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in the syntax of RE2; its `.` is any character. Raises `ValueError` for none."""

    text: str
    _compiled: Any = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compile it."""
        try:
            compiled = re2.compile(self.text, _OPTIONS)
        except (re2.error, UnicodeError) as error:
            raise ValueError(str(error)) from None
        object.__setattr__(self, "_compiled", compiled)

    def matches(self, text: str) -> bool:
        """Tell whether a whole text matches."""
        return self._compiled.fullmatch(text.encode(errors="replace").decode()) is not None


EVERYTHING = Pattern(".*")


def is_chosen(text: str, include: Sequence[Pattern], exclude: Sequence[Pattern]) -> bool:
    """Tell whether a whole text matches one pattern of the first list and none of the second."""
    return any(p.matches(text) for p in include) and not any(p.matches(text) for p in exclude)


def quoted(text: str) -> str:
    """Return the pattern of exactly this text."""
    return str(re2.escape(text))
