"""What tests of polling look for in the log, and the refusal that many of them provoke."""

from structlog.types import EventDict

from tests.scripted_api import answer

UNAUTHORIZED = answer(401, b'{"error": "Unauthorized", "message": "no such key", "code": 401}')


def reported(logged: list[EventDict], event: str, **fields: object) -> list[EventDict]:
    """Return the events above debug with this text and these fields."""
    wanted = {"event": event, **fields}.items()
    return [found for found in logged if wanted <= found.items() and found["log_level"] != "debug"]
