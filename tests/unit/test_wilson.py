import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.wilson import lower_bound

Z_999 = 3.0902
counts = st.integers(0, 10**6)
some_trials = st.integers(1, 10**6)


@pytest.mark.parametrize(
    ("events", "trials", "expected"),
    [(1, 4, 0.0353), (7, 41, 0.0750), (12, 200, 0.0313), (3, 3, 0.3566), (0, 100, 0.0)],
)
def test_it_is_the_wilson_bound_at_99_percent(events: int, trials: int, expected: float) -> None:
    """The expected values come from solving p - L = z·sqrt(L(1-L)/n) for L by bisection."""
    assert lower_bound(events, trials) == pytest.approx(expected, abs=5e-5)


@given(counts, some_trials, st.sampled_from([1.6449, 2.3263, Z_999]))
def test_it_solves_the_equation_the_interval_is_defined_by(events: int, trials: int, z: float) -> None:
    bound = lower_bound(events, trials, z)
    assert bound is not None
    ratio = min(events / trials, 1.0)
    assert ratio - bound == pytest.approx(z * math.sqrt(bound * (1 - bound) / trials), abs=1e-6)


@given(st.integers(-5, 0), counts)
def test_nothing_is_known_without_a_trial(trials: int, events: int) -> None:
    assert lower_bound(events, trials) is None


@given(some_trials, st.integers(0, 10**6))
def test_more_events_than_trials_count_as_all_of_them(trials: int, excess: int) -> None:
    assert lower_bound(trials + excess, trials) == lower_bound(trials, trials)


@given(counts, st.one_of(some_trials, st.floats(min_value=0, max_value=1e300, exclude_min=True)))
def test_it_is_a_ratio_and_never_above_the_plain_one(events: int, trials: float) -> None:
    bound = lower_bound(events, trials)
    assert bound is not None
    assert 0 <= bound <= min(events / trials, 1) + 1e-12


@given(counts, some_trials)
def test_the_lower_bound_is_lower_with_more_confidence(events: int, trials: int) -> None:
    sure, surer = lower_bound(events, trials), lower_bound(events, trials, Z_999)
    assert sure is not None
    assert surer is not None
    assert surer <= sure


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(2, 50))
def test_the_same_ratio_of_more_trials_promises_more(events: int, trials: int, times: int) -> None:
    few, many = lower_bound(events, trials), lower_bound(events * times, trials * times)
    assert few is not None
    assert many is not None
    assert many >= few - 1e-12
