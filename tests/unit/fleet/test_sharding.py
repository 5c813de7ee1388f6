"""Workspaces are dealt out to shards evenly, each to one, and few of them move."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.fleet.key import Key
from exporter.fleet.sharding import index_of, owner

WORKSPACES = [Key(f"{number:024x}") for number in range(2000)]


@given(key=st.builds(Key, st.text(), st.text()), total=st.integers(1, 50))
def test_every_workspace_has_one_owner_among_the_shards(key: Key, total: int) -> None:
    assert 0 <= owner(key, total) < total


def test_shards_get_even_shares_of_the_workspaces() -> None:
    shares = [sum(owner(key, 4) == index for key in WORKSPACES) for index in range(4)]

    assert all(430 < share < 570 for share in shares), shares  # 500, give or take 3.6 standard deviations


def test_one_shard_more_takes_its_share_and_moves_nothing_else() -> None:
    before = [owner(key, 4) for key in WORKSPACES]
    after = [owner(key, 5) for key in WORKSPACES]
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert {new for _, new in moved} == {4}
    assert len(moved) < len(WORKSPACES) / 5 * 1.2


def test_a_workspace_is_the_same_one_through_any_account() -> None:
    assert all(
        owner(replace(key, account="other"), 7) == owner(replace(key, account="agency"), 7) == owner(key, 7)
        for key in WORKSPACES
    )


def test_workspaces_without_an_id_are_dealt_out_by_account() -> None:
    assert {owner(Key(account=f"account {number}"), 3) for number in range(50)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("text", "index"), [("0", 0), ("12", 12), ("sendkit-exporter-3", 3), ("a-1-b-20", 20)]
)
def test_an_index_is_a_number_or_a_pods_name(text: str, index: int) -> None:
    assert index_of(text) == index


@pytest.mark.parametrize("text", ["", "x", "-", "-1", "--shard-1", "pod-", "pod-x", "1.5", "-x1", "٣"])
def test_what_is_no_index_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number from 0 or a pod's name"):
        index_of(text)
