import pytest

from exporter.page import wording
from exporter.page.wording import MISSING


@pytest.mark.parametrize(
    ("value", "expected"), [(None, MISSING), (0, "0"), (41, "41"), (10233, "10,233"), (10**300, "1e+300")]
)
def test_a_count_is_grouped_by_thousands_and_a_missing_one_is_a_dash(
    value: float | None, expected: str
) -> None:
    assert wording.number(value) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (None, MISSING),
        (0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.05, "5 %"),
        (0.0612, "6.1 %"),
        (0.0996, "10 %"),
        (7 / 41, "17 %"),
        (1, "100 %"),
        (12.5, "1,250 %"),
    ],
)
def test_percent_never_shows_something_as_nothing(ratio: float | None, expected: str) -> None:
    assert wording.percent(ratio) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (7, 41, "7 of 41 (17 %)"),
        (0, 41, "0 of 41 (0 %)"),
        (3, 0, "3 of 0"),
        (None, 41, MISSING),
        (7, None, MISSING),
        (5, 3, "5 of 3 (167 %)"),
    ],
)
def test_a_part_is_shown_with_its_whole_and_its_percentage(
    part: float | None, whole: float | None, expected: str
) -> None:
    assert wording.part_of(part, whole) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, MISSING),
        (-3, "0 s"),
        (22.6, "23 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (59.7, "1 min"),
        (754, "12 min"),
        (7800, "2 h 10 min"),
        (3600, "1 h"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_span_names_the_two_largest_units(seconds: float | None, expected: str) -> None:
    assert wording.span(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, MISSING), (0.418, "0.42 s"), (3.14, "3.1 s"), (45.4, "45 s")]
)
def test_a_duration_has_the_unit_that_reads_best(seconds: float | None, expected: str) -> None:
    assert wording.duration(seconds) == expected


def test_a_moment_is_shown_as_the_time_since() -> None:
    assert (wording.ago(23), wording.ago(None)) == ("23 s ago", MISSING)


def test_listing_tells_how_many_it_leaves_out() -> None:
    assert wording.listing(["a", "b"], 2) == "a, b"
    assert wording.listing(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (0.1554, ", at least 15 %"),
        (0.0319, ", at least 3.1 %"),
        (0.03, ", at least 3 %"),
        (0.0004, ""),
        (0.0, ""),
        (None, ""),
        (1.0, ", at least 100 %"),
    ],
)
def test_a_bound_is_rounded_down_or_left_out_where_it_says_nothing(bound: float | None, words: str) -> None:
    assert wording.at_least(bound) == words
