"""Which workspaces an account has: what is gone is let go late, and never for one odd list."""

import pytest

from exporter.fleet.key import Key
from exporter.fleet.listing import GONE_SECONDS, Listing

LEAVE = 900.0
MANY = {Key(str(number)): f"name {number}" for number in range(10)}


def listing(*lists: tuple[float, dict[Key, str]]) -> Listing:
    """Return the listing after lists at their times."""
    known = Listing()
    for at, found in lists:
        known.take(found, at, LEAVE)
    return known


def without(*ids: str) -> dict[Key, str]:
    return {key: name for key, name in MANY.items() if key.id not in ids}


def test_a_workspace_leaves_when_two_lists_so_long_apart_are_without_it() -> None:
    assert listing((0, MANY), (60, without("3"))).names == MANY
    assert listing((0, MANY), (60, without("3")), (959, without("3"))).names == MANY
    assert listing((0, MANY), (60, without("3")), (960, without("3"))).names == without("3")


def test_a_workspace_that_was_on_a_list_in_between_stays() -> None:
    known = listing((0, MANY), (60, without("3")), (500, MANY), (960, without("3")))
    assert known.names == MANY


def test_an_empty_list_takes_nobody_away_for_7_days_and_says_so() -> None:
    known = listing((0, MANY), (60, {}), (60 + GONE_SECONDS - 1, {}))
    assert known.names == MANY
    assert known.doubt == "the list holds 0 of the 10 workspaces that were known"
    known.take({}, 60 + GONE_SECONDS, LEAVE)
    assert known.names == {}


def test_a_list_of_under_half_takes_nobody_away_and_adds_who_is_new() -> None:
    new = {Key("new"): "new"}
    known = listing((0, MANY), (60, new), (2000, new))
    assert known.names == MANY | new


@pytest.mark.parametrize(
    "found", [{}, {Key("3"): "name 3"}, {Key("new"): "new"}], ids=["none", "few", "others"]
)
def test_a_first_list_that_is_odd_takes_nobody_away_who_was_known_before(found: dict[Key, str]) -> None:
    """After a start with state, or a reload, no list has come yet."""
    known = Listing(MANY.copy())
    known.take(found, 0, LEAVE)
    assert known.names == MANY | found
    known.take(found, GONE_SECONDS - 1, LEAVE)
    assert known.names == MANY | found
    assert known.doubt


def test_lists_of_ever_new_workspaces_do_not_grow_without_bound() -> None:
    """As many are missing as the longest list held, and those that were known first are kept."""
    lists = [{Key(f"{turn}-{number}"): "" for number in range(10)} for turn in range(5)]
    known = listing(*((60.0 * turn, found) for turn, found in enumerate(lists)))
    assert known.names == lists[0] | lists[4]
    assert known.absent.keys() == lists[0].keys()


def test_lists_of_ever_new_workspaces_take_nobody_away_who_was_known_before_them() -> None:
    """Also if they are short."""
    known = listing((0, MANY), *((60.0 * turn, {Key(f"new {turn}"): ""}) for turn in range(1, 50)))
    assert known.names == MANY | {Key("new 49"): ""}


def test_a_workspace_that_is_missing_still_is_after_a_reload() -> None:
    known = listing((0, MANY), (60, without("3")))
    known.go_on(without("4"))
    assert (known.names, known.absent) == (without("4"), {Key("3"): 60})
    known.take(without("3", "4"), 960, LEAVE)
    assert known.names == without("3", "4")


def test_lists_of_ever_new_workspaces_do_not_grow_over_reloads() -> None:
    """Those that were known first are kept, and those of the last list."""
    known = listing((0, MANY))
    for turn in range(20):
        known.go_on(known.names)
        known.take({Key(f"{turn}-{number}"): "" for number in range(10)}, 60.0 * turn, LEAVE)
    assert known.names.keys() == MANY.keys() | {Key(f"19-{number}") for number in range(10)}


def test_a_list_says_whether_it_changed_what_is_to_be_saved() -> None:
    known = Listing()
    assert known.take(MANY, 0, LEAVE)
    assert not known.take(MANY, 60, LEAVE)
    assert known.take(without("3"), 120, LEAVE)
    assert not known.take(without("3"), 180, LEAVE)
    assert known.take(MANY, 240, LEAVE)


def test_a_list_of_half_is_believed() -> None:
    half = without("0", "1", "2", "3", "4")
    assert listing((0, MANY), (60, half), (960, half)).names == half


def test_a_whole_list_ends_the_doubt() -> None:
    known = listing((0, MANY), (60, {}), (120, MANY))
    assert (known.doubt, known.absent) == ("", {})
