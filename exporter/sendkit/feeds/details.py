"""`GET /v1/mailboxes`: whether a mailbox may send, its provider, tags, last error and DNS setup."""

from exporter.catalogue import details
from exporter.catalogue.kinds import Feed
from exporter.config import CollectorsConfig

NAME = "mailboxes"


def collector(config: CollectorsConfig) -> Feed | None:
    """Return the feed, if it is enabled."""
    own = config.mailboxes
    if not own.enabled:
        return None
    return Feed(NAME, "/v1/mailboxes", details.FIELDS, own.interval.total_seconds(), is_paged=True)
