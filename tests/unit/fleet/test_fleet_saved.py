"""What state keeps of the whole fleet: its incidents, and whom the lists of accounts are without."""

from pathlib import Path

import pytest

from exporter.fleet import fleet_saved
from exporter.fleet.findings import Count, Finding, Judged, Kind, State
from exporter.fleet.incidents import MOST
from exporter.fleet.key import Key
from exporter.fleet.limits import Level
from exporter.fleet.listing import Listing
from exporter.fleet.poll import Instant
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Fleet

SAVED_AT = Instant(unix=1_000_000.0, steady=500.0)


def over_a_restart(fleet: Fleet, folder: Path, restarted: Instant = SAVED_AT) -> Fleet:
    """Return what the next exporter knows of a fleet."""
    state, known = StateDirectory(folder), Fleet()
    assert fleet_saved.saving(fleet, state, SAVED_AT)()
    fleet_saved.restore(known, state, restarted)
    state.close()
    return known


def test_all_incidents_that_last_are_known_after_a_restart_however_old_they_are(tmp_path: Path) -> None:
    fleet, lasting = Fleet(), MOST + 50
    for number in range(lasting):
        bounces = Finding(State.CRITICAL, Kind.BOUNCES, Level.WORKSPACE, "", Count(10, 100), 24)
        fleet.incidents.take(f"workspace {number}", Judged([bounces]), float(number))
    known = over_a_restart(fleet, tmp_path)
    assert [incident.since for incident in known.incidents] == [float(number) for number in range(lasting)]
    assert known.incidents.workspaces == fleet.incidents.workspaces


@pytest.mark.parametrize(
    ("restarted", "absent_since"),
    [
        (Instant(unix=1_000_300.0, steady=20.0), 20.0 - 100 - 300),
        (Instant(unix=900_000.0, steady=20.0), 20.0),
    ],
    ids=["another machine's clock", "a clock that was set back"],
)
def test_who_is_missing_from_lists_is_so_since_the_same_time_after_a_restart(
    tmp_path: Path, restarted: Instant, absent_since: float
) -> None:
    fleet = Fleet()
    fleet.listings["agency"] = Listing({Key("w1"): "one"}, absent={Key("w1"): 400.0}, most=7)
    known = over_a_restart(fleet, tmp_path, restarted)
    assert known.listings == {"agency": Listing(absent={Key("w1"): absent_since}, most=7)}


def test_a_disk_that_is_full_is_told_so_that_it_is_tried_again(tmp_path: Path) -> None:
    fleet, state = Fleet(), StateDirectory(tmp_path / "state")
    saving = fleet_saved.saving(fleet, state, SAVED_AT)
    assert saving()
    (tmp_path / "state").rename(tmp_path / "gone")
    assert not saving()
    state.close()
