"""Texts of percent to ratios."""

import math
import re
from decimal import Decimal

_PERCENT = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_LONGEST_PERCENT = 64
_LONGEST_KEPT = 16
_MOST_RATIOS = 1 << 16
"""Together with the length of each, this bounds the memo to some 10 MB."""


class _Ratios(dict[str, float | None]):
    """A memo from a percent text to its ratio, bounded in bytes; `None` where it is no usable number."""

    def __missing__(self, percent: str) -> float | None:
        ratio = _parsed(percent)
        if len(percent) <= _LONGEST_KEPT:
            if len(self) >= _MOST_RATIOS:
                self.clear()
            self[percent] = ratio
        return ratio


ratios = _Ratios()
"""The ratio (0-1 and above) of each percent text, by the text."""


def _parsed(percent: str) -> float | None:
    if len(percent) > _LONGEST_PERCENT or not _PERCENT.fullmatch(percent):
        return None
    # Decimal, because 0.7 / 100 is 0.006999999999999999 in binary.
    ratio = float(Decimal(percent.strip()) / 100)
    return ratio if 0 <= ratio < math.inf else None
