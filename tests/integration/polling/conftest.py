"""What holds for every test of polling."""

import json
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """The log's events; none of them ever holds a key."""
    with capture_logs() as events:
        yield events
    assert "canary" not in json.dumps(events, default=repr)
