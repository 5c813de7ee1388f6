"""`GET /v1/analytics/overview`: the campaigns of a workspace."""

from exporter.answers.answer import Answer
from exporter.catalogue import workspace
from exporter.catalogue.kinds import Feed, Rows
from exporter.config import CollectorsConfig

NAME = "overview"


def collector(config: CollectorsConfig) -> Feed | None:
    """Return the feed, if it is enabled."""
    own = config.overview
    if not own.enabled:
        return None
    interval_seconds = own.interval.total_seconds()
    return Feed(NAME, "/v1/analytics/overview", workspace.OVERVIEW, interval_seconds, rows=Rows.WORKSPACE)


def has_no_campaign(answer: Answer) -> bool:
    """Whether no campaign is active, as far as the answer says: then there is nothing to send."""
    return answer.numbers.get("active_campaigns") == [0]
