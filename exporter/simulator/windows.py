"""The time that an answer is asked for: of the mails sent in it, an answer says what has become of them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Self

from exporter.simulator.rhythm import DAY_SECONDS

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time from `begin` up to but without `end`, in Unix seconds; all time by default."""

    begin: float = -inf
    end: float = inf

    @classmethod
    def of_days(cls, first: date | None = None, last: date | None = None) -> Self:
        """Return the window of some days (UTC), both inclusive; None leaves that side open."""
        return cls(
            -inf if first is None else _midnight(first),
            inf if last is None else _midnight(last) + DAY_SECONDS,
        )

    @classmethod
    def parsed(cls, begin: str | None, end: str | None) -> Self:
        """Return the window of `from` and `to`, dates or full timestamps; raises ValueError for others.

        A date as `to` includes that day, and a timestamp its millisecond.
        """
        window = cls(
            -inf if begin is None else _instant("from", begin, date_days=0, rest=timedelta()),
            inf if end is None else _instant("to", end, date_days=1, rest=_MILLISECOND),
        )
        if window.begin >= window.end:
            raise ValueError("from must not be later than to")
        return window

    def without_last_day(self) -> Self:
        """Return what is left when an API takes `to` for its day, and leaves that out."""
        return type(self)(self.begin, max(self.begin, self._last_day() * DAY_SECONDS))

    def of_whole_days(self) -> Self:
        """Return the window of an API that takes `from` and `to` for their days (UTC)."""
        begin = self.begin // DAY_SECONDS * DAY_SECONDS if self.begin > -inf else -inf
        return type(self)(begin, (self._last_day() + 1) * DAY_SECONDS)

    def _last_day(self) -> float:
        return (self.end - _MILLISECOND.total_seconds()) // DAY_SECONDS if self.end < inf else inf


def _instant(name: str, text: str, *, date_days: int, rest: timedelta) -> float:
    try:
        if _DATE.fullmatch(text):
            return _midnight(date.fromisoformat(text)) + date_days * DAY_SECONDS
        if _TIMESTAMP.fullmatch(text):
            return (datetime.fromisoformat(text).astimezone(UTC) + rest).timestamp()
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a date, YYYY-MM-DD, or a full timestamp")


def _midnight(day: date) -> float:
    return float((day.toordinal() - _EPOCH_ORDINAL) * DAY_SECONDS)
