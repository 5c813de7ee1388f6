"""Lists in pages: a cursor, a limit, and what `pagination` says of them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from exporter.simulator.scenarios import Scenario

DEFAULT_ROWS, MOST_ROWS = 25, 100

_MOST_GONE = 3
_CURSOR = re.compile(rb"after:(\d{1,9}):(\d)")


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list are asked for; `turn` counts the empty pages that were answered in their place."""

    first: int
    limit: int
    turn: int = 0

    @classmethod
    def parsed(cls, cursor: str | None, limit: str | None) -> Self:
        """Return the page of a query's texts, of 100 rows at most; raises ValueError when they are bad."""
        rows = DEFAULT_ROWS if limit is None else int(limit) if limit.isdecimal() else 0
        if not rows:
            raise ValueError(f"limit must be a number above 0, not {limit!r}")
        found = _CURSOR.fullmatch(urlsafe_b64decode(cursor)) if cursor else None
        if cursor and not found:
            raise ValueError("cursor must be one that was answered")
        first, turn = (int(found[1]), int(found[2])) if found else (0, 0)
        return cls(first, min(rows, MOST_ROWS), turn)

    def answered(
        self, size: int, altering: Iterable[Scenario], requests: int
    ) -> tuple[range, dict[str, object]]:
        """Return the places of the rows that are answered, in a list of a size, and the `pagination`.

        As at SendKit, there may be a `nextCursor` although there is no more. `requests` counts those
        of the list.
        """
        first, turn, gone = self.first, 0, 0
        is_looping = False
        for scenario in altering:
            if scenario.name == "cursor_loop":
                is_looping = True
            elif scenario.name == "list_changes":
                gone = min(requests % _MOST_GONE, size)
            elif scenario.name in {"page_missing", "empty_page"}:
                is_here = self.first // self.limit + 1 == int(scenario.number("page"))
                if is_here and scenario.name == "page_missing":
                    first += self.limit
                elif is_here and not self.turn:
                    turn = 1
        rows = range(min(first + gone, size), min(first + gone + self.limit, size))
        size -= gone
        following = first + self.limit
        if turn:
            rows, following = rows[:0], first
        elif is_looping and following >= size:
            following = 0
        pagination: dict[str, object] = {
            "limit": self.limit,
            "total": size,
            "hasMore": following < size,
            "nextCursor": _cursor(following, turn),
        }
        return rows, pagination


def _cursor(row: int, turn: int) -> str:
    return urlsafe_b64encode(b"after:%d:%d" % (row, turn)).decode()
