"""`GET /v1/mailboxes`: whether a mailbox may send, its provider, tags, last error and DNS setup."""

from exporter.answers.answer import Answer
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


def parked(answer: Answer) -> frozenset[str]:
    """Return the ids of the mailboxes whose operator switched sending off."""
    sending = answer.numbers.get("sending_enabled", ())
    return frozenset(mailbox_id for mailbox_id, may in zip(answer.ids, sending, strict=False) if may == 0)
