"""`GET /v1/blacklist-tests` and `GET /v1/inbox-placement`: the newest finished test of each."""

from exporter.catalogue import workspace
from exporter.catalogue.kinds import Feed, Rows
from exporter.config import CollectorsConfig

NAME = "tests"


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
    return Feed(NAME, "", fields, interval_seconds, rows=Rows.NEWEST, parts=parts)
