"""`GET /v1/analytics/mailboxes`: all-time figures, and those of windows of days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

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


def window(name: str, days: int, interval_seconds: float, zone: tzinfo = UTC) -> Feed:
    """Return the feed of the `days` days of a time zone that end today."""

    def query(today: date) -> Mapping[str, str]:
        return days_query(today - timedelta(days=days - 1), today, zone)

    return Feed(
        name=name,
        path=PATH,
        fields=(*mailbox.EVENTS, *mailbox.RATES),
        interval_seconds=interval_seconds,
        query=query,
        window=name,
    )


def days_query(first: date, last: date, zone: tzinfo = UTC) -> Mapping[str, str]:
    """Return the parameters that ask for a range of days of a time zone, both inclusive.

    They are full timestamps of the first and the last millisecond: whether a bare date as `to` includes its
    day is not documented, nor the time zone of a date.
    """
    end = _midnight(last + timedelta(days=1), zone) - timedelta(milliseconds=1)
    return {"from": _timestamp(_midnight(first, zone)), "to": _timestamp(end)}


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _timestamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
