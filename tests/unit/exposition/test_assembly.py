"""The body of everything is the same whether it is put together anew or where something changed."""

import gzip
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue.kinds import Metric
from exporter.exposition.assembly import Assembly, Part
from exporter.textformat.body import Piece, assemble
from exporter.textformat.lines import Format

FAMILIES = [Metric(f"sendkit_probe_{number}", "gauge", "A probe.", ("workspace",)) for number in range(3)]


def part(workspace: int, value: int = 0, rows: int = 1) -> Part:
    """Return a workspace's part: the first family as the value says, the others always the same."""
    return {
        metric.name: Piece.of([b'%s{workspace="%d"} %d\n' % (metric.name.encode(), workspace, number)] * rows)
        for metric, number in zip(FAMILIES, (value, 7, 8), strict=True)
    }


parts = st.builds(part, st.integers(0, 40), st.integers(0, 3), st.sampled_from([0, 1, 200]))
fleets = st.lists(st.lists(parts, max_size=3), max_size=40)


@given(st.lists(fleets, min_size=1, max_size=4))
def test_bodies_are_those_of_the_fleet_given_last_whatever_was_before(states: list[list[list[Part]]]) -> None:
    assembly = Assembly(FAMILIES)
    for fleet in states:
        bodies = assembly.assemble(fleet)
        for format_ in Format:
            anew = assemble([part for workspace in fleet for part in workspace], FAMILIES, format_)
            assert b"".join(bodies[format_].plain) == b"".join(anew.plain)
            assert gzip.decompress(b"".join(bodies[format_].gzip())) == b"".join(anew.plain)


def test_a_change_of_one_workspace_in_a_thousand_joins_its_group_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    joined: list[int] = []
    join = Piece.joined

    def joining(pieces: Sequence[Piece]) -> Piece:
        joined.append(len(pieces))
        return join(pieces)

    monkeypatch.setattr(Piece, "joined", joining)
    fleet = [[part(number)] for number in range(1000)]
    assembly = Assembly(FAMILIES)
    assembly.assemble(fleet)
    joined.clear()

    fleet[500] = [part(500, value=1)]
    bodies = assembly.assemble(fleet)

    assert b'workspace="500"} 1\n' in b"".join(bodies[Format.TEXT].plain)
    assert len(joined) == 2  # the family that changed: in the group, and over all groups
    assert sum(joined) < 100


def test_nothing_that_changed_is_nothing_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = [[part(number)] for number in range(100)]
    assembly = Assembly(FAMILIES)
    before = assembly.assemble(fleet)
    monkeypatch.setattr(Piece, "joined", lambda _: pytest.fail("joined again"))

    assert [*assembly.assemble(fleet)[Format.TEXT].plain] == [*before[Format.TEXT].plain]
