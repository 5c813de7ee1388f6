"""Waiting for what happens elsewhere: a condition is looked at until it holds or a deadline has passed."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PAUSE_SECONDS = 0.02


async def until(condition: Callable[[], Value], seconds: float = 30.0, *, what: str = "") -> Value:
    """Return the condition's first true value; raise AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        await asyncio.sleep(PAUSE_SECONDS)
    return value


def wait_for(condition: Callable[[], Value], seconds: float = 30.0, *, what: str = "") -> Value:
    """Return the condition's first true value, as `until` does, where no event loop runs."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        time.sleep(PAUSE_SECONDS)
    return value
