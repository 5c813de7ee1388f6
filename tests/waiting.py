"""Waiting for what happens elsewhere: a condition is looked at until it holds or a deadline has passed."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5


async def until(condition: Callable[[], Value], seconds: float = 30.0, *, what: str = "") -> Value:
    """Return the condition's first true value; raise AssertionError when there is none in time."""
    deadline = (began := time.monotonic()) + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        await asyncio.sleep(_pause(began))
        began = time.monotonic()
    return value


def wait_for(condition: Callable[[], Value], seconds: float = 30.0, *, what: str = "") -> Value:
    """Return the condition's first true value, as `until` does, where no event loop runs."""
    deadline = (began := time.monotonic()) + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        time.sleep(_pause(began))
        began = time.monotonic()
    return value


def _pause(began: float) -> float:
    """Return how long to wait after a look that began then: twice as long as it took, as it costs as much."""
    return max(PAUSE_SECONDS, min(2 * (time.monotonic() - began), LONGEST_PAUSE_SECONDS))
