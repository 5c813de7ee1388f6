"""`GET /v1/blacklist-tests` and `GET /v1/inbox-placement`: the newest finished test of each."""

from exporter.answers.answer import Answer
from exporter.catalogue import workspace
from exporter.catalogue.kinds import Feed, Rows
from exporter.config import CollectorsConfig

NAME = "tests"


def newest_blacklist(answer: Answer) -> tuple[float, int, int] | None:
    """Return when the newest blacklist test ended (Unix seconds), and what it lists of how many mailboxes."""
    numbers = [
        value
        for name in ("blacklist_completed_timestamp_seconds", "blacklist_listed", "blacklist_checked")
        for value in answer.numbers.get(name, ())
        if value is not None
    ]
    return (numbers[0], int(numbers[1]), int(numbers[2])) if len(numbers) == 3 else None


def collector(config: CollectorsConfig) -> Feed | None:
    """Return the feed, if it is enabled."""
    own = config.tests
    if not own.enabled:
        return None
    interval_seconds = own.interval.total_seconds()
    parts = tuple(
        Feed(name, path, fields, interval_seconds, rows=Rows.NEWEST, is_paged=True)
        for name, path, fields in (
            ("blacklist", "/v1/blacklist-tests", workspace.BLACKLIST),
            ("placement", "/v1/inbox-placement", workspace.PLACEMENT),
        )
    )
    fields = tuple(field for part in parts for field in part.fields)
    return Feed(NAME, "", fields, interval_seconds, rows=Rows.NEWEST, is_paged=True, parts=parts)
