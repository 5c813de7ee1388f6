"""`GET /v1/analytics/mailboxes`: all-time figures, and those of windows of days."""

from collections.abc import Mapping
from datetime import date, timedelta

from exporter.catalogue import mailbox
from exporter.catalogue.kinds import ALL_TIME, Feed

PATH = "/v1/analytics/mailboxes"
FAMILIES = mailbox.METRICS


def all_time(interval_seconds: float) -> Feed:
    """Return the base feed, which says which mailboxes a workspace has."""
    return Feed(
        name=ALL_TIME,
        path=PATH,
        fields=mailbox.FIELDS,
        interval_seconds=interval_seconds,
        joins=False,
        window=ALL_TIME,
    )


def window(name: str, days: int, interval_seconds: float) -> Feed:
    """Return the feed of the `days` days that end today."""

    def query(today: date) -> Mapping[str, str]:
        return days_query(today - timedelta(days=days - 1), today)

    return Feed(
        name=name,
        path=PATH,
        fields=(*mailbox.EVENTS, *mailbox.RATES),
        interval_seconds=interval_seconds,
        query=query,
        window=name,
    )


def days_query(first: date, last: date) -> Mapping[str, str]:
    """Return the parameters that ask for a range of days, both inclusive."""
    return {"from": first.isoformat(), "to": last.isoformat()}
