"""`GET /v1/warmup/stats`: where the warm-up e-mails of the last days landed."""

from exporter.catalogue import warmup
from exporter.catalogue.kinds import Feed
from exporter.config import CollectorsConfig

NAME = "warmup"


def collector(config: CollectorsConfig) -> Feed | None:
    """Return the feed, if it is enabled."""
    own = config.warmup
    if not own.enabled:
        return None
    return Feed(
        NAME,
        "/v1/warmup/stats",
        warmup.FIELDS,
        own.interval.total_seconds(),
        query=lambda _today: {"days": str(own.days)},
        items="data.mailboxes",
        id_name="id",  # not `_id`, as elsewhere
        is_paged=True,
    )
