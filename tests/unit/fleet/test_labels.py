"""Labels of workspaces: each has one of its own, whatever their names."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from exporter.fleet.key import Key
from exporter.fleet.labels import Labels, labels_for

A, B, C = Key("a"), Key("b"), Key("c")
NAMES = st.dictionaries(
    st.sampled_from("abcdef").map(Key),
    st.sampled_from(["x", "x (a)", "x (a) (a)", "x (b)", "y", ""]),
    max_size=6,
)


def test_a_name_that_several_share_is_followed_by_the_id() -> None:
    assert labels_for({A: "x", B: "x", C: "y"}) == {A: "x (a)", B: "x (b)", C: "y"}


def test_a_workspace_without_a_name_goes_by_its_id() -> None:
    assert labels_for({A: ""}) == {A: "a"}


def test_a_workspace_that_has_the_name_of_its_account_keeps_it() -> None:
    assert labels_for({Key(account="x"): "x", A: "x"}) == {Key(account="x"): "x", A: "x (a)"}


@given(NAMES)
def test_no_two_workspaces_have_one_label(names: Mapping[Key, str]) -> None:
    labels = labels_for(names)
    assert len({*labels.values()}) == len(names)


def test_a_label_that_is_longer_than_by_its_id_alone_gives_way_to_a_new_name_too() -> None:
    labels = Labels()
    for key, name in {A: "x", B: "x", C: "x (a)"}.items():
        labels.put(key, name)
    assert labels.changed()[A] == "x (a) (a)"
    labels.put(Key("d"), "x (a) (a)")
    assert labels.changed() == {Key("d"): "x (a) (a)", A: "x (a) (a) (a)", B: "x (b)", C: "x (a)"}


@given(NAMES, NAMES)
def test_a_change_names_every_label_that_changed(first: Mapping[Key, str], second: Mapping[Key, str]) -> None:
    labels = Labels()
    for key, name in first.items():
        labels.put(key, name)
    shown = dict(labels.changed())
    for key in first.keys() - second.keys():
        labels.drop(key)
        del shown[key]
    for key, name in second.items():
        labels.put(key, name)
    shown |= labels.changed()
    assert shown == labels_for(second)
