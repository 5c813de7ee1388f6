"""When in a cohort's life things happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.rhythm import (
    BOUNCED,
    CLICKED,
    DAY_SECONDS,
    KINDS,
    LIVE_DAYS,
    OPENED,
    POSITIVE_REPLIED,
    REPLIED,
    SENT,
    WARMUP_RECEIVED,
    WARMUP_SENT,
    Curve,
    curves,
)

MINUTE, HOUR = 60, 3600
FOLLOWS = [
    (BOUNCED, SENT),
    (OPENED, SENT),
    (CLICKED, OPENED),
    (REPLIED, SENT),
    (POSITIVE_REPLIED, REPLIED),
    (WARMUP_RECEIVED, WARMUP_SENT),
]

ages = st.floats(-DAY_SECONDS, (LIVE_DAYS + 1) * DAY_SECONDS)


def mean_age(curve: Curve) -> float:
    """Return the mean age of a curve's events, in seconds."""
    steps = range(0, LIVE_DAYS * DAY_SECONDS, 5 * MINUTE)
    return sum((1 - curve.at(step)) * 5 * MINUTE for step in steps)


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
@given(earlier=ages, later=ages, hour=st.integers(6, 8))
def test_a_curve_only_rises_and_stays_within_0_and_1(
    kind: int, earlier: float, later: float, hour: int
) -> None:
    earlier, later = sorted((earlier, later))
    curve = curves(hour)[kind]

    assert 0 <= curve.at(earlier) <= curve.at(later) <= 1


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_a_cohort_begins_at_nothing_and_ends_complete(kind: int) -> None:
    curve = curves(8)[kind]

    assert (curve.at(0), curve.at(LIVE_DAYS * DAY_SECONDS)) == (0, 1)


@pytest.mark.parametrize(("follower", "leader"), FOLLOWS)
@given(age=ages)
def test_nothing_comes_before_what_it_follows(follower: int, leader: int, age: float) -> None:
    assert curves(8)[follower].at(age) <= curves(8)[leader].at(age)


def test_mails_leave_in_the_hours_of_the_sending_day() -> None:
    sent = curves(8)[SENT]

    assert [sent.at(8 * HOUR), sent.at(18 * HOUR)] == [0.0, 1.0]
    assert 0.4 < sent.at(13 * HOUR) < 0.7


def test_bounces_lag_by_minutes() -> None:
    lag = mean_age(curves(8)[BOUNCED]) - mean_age(curves(8)[SENT])

    assert 3 * MINUTE < lag < 20 * MINUTE


def test_replies_lag_by_hours_to_days() -> None:
    replied = curves(8)[REPLIED]

    assert 8 * HOUR < mean_age(replied) - mean_age(curves(8)[SENT]) < 24 * HOUR
    assert replied.at(3 * DAY_SECONDS) < 1
