"""What holds for every test of the API client."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _silent_about_keys(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may end with a key in the log, even at its most talkative."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "canary" not in "\n".join(record.getMessage() for record in caplog.get_records("call"))
