"""Ranges of days are asked for by full timestamps of their bounds, in the configured time zone."""

from datetime import UTC, date, tzinfo
from zoneinfo import ZoneInfo

import pytest

from exporter.sendkit.feeds import analytics


@pytest.mark.parametrize(
    ("zone", "begin", "end"),
    [
        (UTC, "2024-03-30T00:00:00.000Z", "2024-03-31T23:59:59.999Z"),
        (ZoneInfo("Europe/Berlin"), "2024-03-29T23:00:00.000Z", "2024-03-31T21:59:59.999Z"),
        (ZoneInfo("Pacific/Kiritimati"), "2024-03-29T10:00:00.000Z", "2024-03-31T09:59:59.999Z"),
        (ZoneInfo("America/New_York"), "2024-03-30T04:00:00.000Z", "2024-04-01T03:59:59.999Z"),
    ],
    ids=str,
)
def test_a_range_of_days_begins_and_ends_with_the_days_of_the_time_zone(
    zone: tzinfo, begin: str, end: str
) -> None:
    """Berlin's 31 March has 23 hours."""
    assert analytics.days_query(date(2024, 3, 30), date(2024, 3, 31), zone) == {"from": begin, "to": end}


def test_a_window_is_asked_for_in_its_time_zone() -> None:
    week = analytics.window("7d", 7, 900, ZoneInfo("Asia/Tokyo"))
    assert week.query(date(2024, 5, 7)) == {
        "from": "2024-04-30T15:00:00.000Z",
        "to": "2024-05-07T14:59:59.999Z",
    }
