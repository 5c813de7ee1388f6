"""How sure a simulated figure is."""

import math
from typing import NamedTuple

import numpy as np

Z_TWO_SIDED_95 = 1.96


def count_interval(count: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a Poisson count, by Byar's approximation."""

    def end(events: int, z: float) -> float:
        return events * (1 - 1 / (9 * events) + z / (3 * math.sqrt(events))) ** 3 if events else 0

    return end(count, -Z_TWO_SIDED_95), end(count + 1, Z_TWO_SIDED_95)


def per(count: int, time: float) -> str:
    """Return a count as a rate with its interval."""
    low, high = count_interval(count)
    return f"{count / time:.2f} ({low / time:.2f}-{high / time:.2f})"


class Estimate(NamedTuple):
    """A mean and the ends of its 95 % interval."""

    middle: float
    low: float
    high: float


def estimate(values: list[int] | list[float]) -> Estimate:
    """Return the mean of some values."""
    middle = float(np.mean(values))
    error = Z_TWO_SIDED_95 * float(np.std(values)) / math.sqrt(len(values))
    return Estimate(middle, middle - error, middle + error)


def mean(values: list[int] | list[float]) -> str:
    """Return a mean with its interval, as text."""
    if not values:
        return "-"
    found = estimate(values)
    return f"{found.middle:.4g} ({found.low:.4g}-{found.high:.4g})"
