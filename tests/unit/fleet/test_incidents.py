"""The last incidents: what became critical, and when it was well again."""

import pytest

from exporter.fleet.findings import Count, Finding, Judged, Kind, State
from exporter.fleet.incidents import MOST, Incidents
from exporter.fleet.limits import Level


def judged(*domains: str, part: int = 10, whole: int = 100) -> Judged:
    return Judged(
        [
            Finding(State.CRITICAL, Kind.BOUNCES, Level.DOMAIN, domain, Count(part, whole), 24)
            for domain in domains
        ]
    )


def names(incidents: Incidents) -> list[tuple[str, str, float, float | None]]:
    return [(each.workspace, each.name, each.since, each.until) for each in incidents]


def test_an_incident_begins_once_and_ends_once() -> None:
    incidents = Incidents()
    assert [each.name for each in incidents.take("acme", judged("a"), 1.0)[0]] == ["a"]
    assert incidents.take("acme", judged("a"), 2.0) == ([], [])
    begun, ended = incidents.take("acme", judged("b"), 3.0)
    assert ([each.name for each in begun], [each.name for each in ended]) == (["b"], ["a"])
    assert incidents.take("beta", Judged(), 4.0) == ([], [])
    assert names(incidents) == [("acme", "a", 1.0, 3.0), ("acme", "b", 3.0, None)]


def test_an_incident_has_the_numbers_of_its_worst_moment() -> None:
    incidents = Incidents()
    for part in (10, 40, 20):
        incidents.take("acme", judged("a", part=part), float(part))
    [incident] = incidents
    assert (incident.part, incident.whole) == (40, 100)


def test_its_numbers_are_of_the_time_in_which_it_was_worst() -> None:
    incidents = Incidents()
    for count, hours in ((Count(7, 12), 2), (Count(5, 100), 24)):
        finding = Finding(State.CRITICAL, Kind.BOUNCES, Level.DOMAIN, "a", count, hours)
        incidents.take("acme", Judged([finding]), 1.0)
    [incident] = incidents
    assert (incident.count, incident.hours) == (Count(7, 12), 2)


def test_what_lasts_is_known_as_critical_and_follows_a_renamed_workspace() -> None:
    incidents = Incidents()
    incidents.take("acme", judged("a"), 1.0)
    incidents.take("beta", judged("b"), 1.0)
    incidents.renamed({"acme": "beta", "beta": "acme"})
    assert [finding.name for finding in incidents.open_of("beta")] == ["a"]
    assert incidents.take("beta", judged("a"), 2.0) == ([], [])


def test_an_incident_that_is_known_by_two_labels_is_one_when_they_become_one() -> None:
    """After a restart a workspace may have its last label, and its incidents the one before, or after."""
    incidents = Incidents()
    incidents.take("new", judged("a", "b"), 1.0)
    incidents.take("old", judged("b", "c"), 2.0)
    incidents.renamed({"old": "new"})
    assert names(incidents) == [("new", "a", 1.0, None), ("new", "b", 1.0, None), ("new", "c", 2.0, None)]
    assert [each.name for each in incidents.take("new", Judged(), 3.0)[1]] == ["a", "b", "c"]
    assert not incidents.workspaces


def test_so_many_are_kept_and_no_more() -> None:
    incidents = Incidents()
    for number in range(MOST + 50):
        incidents.take("acme", judged(f"d{number}"), float(number))
    assert len(list(incidents)) == MOST
    assert [each.name for each in incidents][-1] == f"d{MOST + 49}"


def test_what_lasts_begins_once_however_many_subjects_are_critical() -> None:
    incidents = Incidents()
    many = judged(*(f"d{number}" for number in range(MOST + 50)))
    assert len(incidents.take("acme", many, 1.0)[0]) == MOST + 50
    assert incidents.take("acme", many, 2.0) == ([], [])
    assert len(incidents.open_of("acme")) == MOST + 50


def test_an_incident_that_is_over_is_the_first_to_be_forgotten() -> None:
    incidents = Incidents()
    incidents.take("acme", judged("lasting"), 1.0)
    for number in range(MOST + 50):
        incidents.take("acme", judged("lasting", f"d{number}"), 2.0 + number)
    assert len(list(incidents)) == MOST
    assert names(incidents)[0] == ("acme", "lasting", 1.0, None)
    assert [finding.name for finding in incidents.open_of("acme")] == ["lasting", f"d{MOST + 49}"]


def test_beyond_the_most_that_may_last_nothing_begins_again_at_each_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.fleet.incidents.MOST_LASTING", 5)
    incidents = Incidents()
    many = judged(*(f"d{number}" for number in range(9)))
    assert [len(incidents.take("acme", many, float(poll))[0]) for poll in range(3)] == [5, 0, 0]
    assert len(incidents.take("acme", Judged(), 4.0)[1]) == 5
    assert len(incidents.take("acme", many, 5.0)[0]) == 5


def test_the_workspaces_are_known_of_which_something_is_critical() -> None:
    incidents = Incidents()
    for workspace in ("acme", "beta"):
        incidents.take(workspace, judged("a"), 1.0)
    incidents.take("beta", Judged(), 2.0)
    assert Incidents(incidents).workspaces == incidents.workspaces == {"acme"}
