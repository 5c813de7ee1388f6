"""How sure a simulated figure is."""

import math

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


def mean(values: list[int] | list[float]) -> str:
    """Return a mean with its interval."""
    if not values:
        return "-"
    error = Z_TWO_SIDED_95 * float(np.std(values)) / math.sqrt(len(values))
    return f"{np.mean(values):.4g} ({np.mean(values) - error:.4g}-{np.mean(values) + error:.4g})"
