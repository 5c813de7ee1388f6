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
    Curve,
    rhythm,
)

MINUTE, HOUR = 60, 3600
LATE = 0.2
FOLLOWS = [
    (BOUNCED, SENT),
    (OPENED, SENT),
    (CLICKED, OPENED),
    (REPLIED, SENT),
    (POSITIVE_REPLIED, REPLIED),
]

ages = st.floats(-DAY_SECONDS, (LIVE_DAYS + 1) * DAY_SECONDS)


def mean_age(curve: Curve) -> float:
    """Return the mean age of a curve's events, in seconds."""
    steps = range(0, LIVE_DAYS * DAY_SECONDS, 5 * MINUTE)
    return sum((1 - curve.at(step)) * 5 * MINUTE for step in steps)


def come(kind: int, age_seconds: float, hour: int = 8) -> float:
    """Return the share of a kind of events that has come by an age."""
    return sum(weight * share for weight, share in rhythm(hour, LATE).reached(age_seconds)[kind])


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
@given(earlier=ages, later=ages, hour=st.integers(6, 8))
def test_what_has_come_only_rises_and_stays_within_0_and_1(
    kind: int, earlier: float, later: float, hour: int
) -> None:
    earlier, later = sorted((earlier, later))

    assert 0 <= come(kind, earlier, hour) <= come(kind, later, hour) + 1e-9 <= 1 + 2e-9


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_a_cohort_begins_at_nothing_and_ends_complete(kind: int) -> None:
    assert come(kind, 0) == 0
    assert come(kind, LIVE_DAYS * DAY_SECONDS) == pytest.approx(1)


@pytest.mark.parametrize(("follower", "leader"), FOLLOWS)
@given(age=ages)
def test_nothing_comes_before_what_it_follows(follower: int, leader: int, age: float) -> None:
    assert come(follower, age) <= come(leader, age) + 1e-9


@given(age=ages, share=st.floats(0, 1))
def test_of_the_first_mails_no_more_comes_than_there_are(age: float, share: float) -> None:
    for parts in rhythm(8, LATE).reached(age, share):
        assert sum(weight * reached for weight, reached in parts) <= share + 1e-9


def test_mails_leave_in_the_hours_of_the_sending_day() -> None:
    sent = rhythm(8, LATE).sent

    assert [sent(8 * HOUR), sent(18 * HOUR)] == [0.0, 1.0]
    assert 0.4 < sent(13 * HOUR) < 0.7


def test_bounces_lag_by_minutes_to_a_day() -> None:
    lags = [
        mean_age(curve) - mean_age(rhythm(8, LATE).parts[SENT][0][1])
        for _, curve in rhythm(8, LATE).parts[BOUNCED]
    ]
    most = rhythm(8, LATE).parts[BOUNCED][0][0]

    assert most == 1 - LATE
    assert 3 * MINUTE < lags[0] < 20 * MINUTE
    assert 2 * HOUR < lags[1] < 4 * HOUR
    assert 10 * HOUR < lags[2] < 24 * HOUR


def test_bounces_may_all_come_within_minutes() -> None:
    ((weight, _),) = rhythm(8, 0).parts[BOUNCED]

    assert weight == 1


def test_replies_lag_by_hours_to_days() -> None:
    (_, replied), (_, sent) = rhythm(8, LATE).parts[REPLIED][0], rhythm(8, LATE).parts[SENT][0]

    assert 8 * HOUR < mean_age(replied) - mean_age(sent) < 24 * HOUR
    assert replied.at(3 * DAY_SECONDS) < 1
