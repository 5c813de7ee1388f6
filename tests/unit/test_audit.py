"""What the audit of dependencies makes of its tool's report."""

import json

from tests.audit import verdict

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
BROKEN = {"name": "broken", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1", "3.0"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def report(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_all_is_well_without_a_vulnerability() -> None:
    assert verdict(report(SOUND), "") == (["1 dependencies audited, 0 vulnerabilities"], True)


def test_a_vulnerability_is_listed_and_fails() -> None:
    lines, is_well = verdict(report(SOUND, BROKEN), "")
    assert lines == ["broken 2.0: CVE-1, mended in 2.1, 3.0", "2 dependencies audited, 1 vulnerabilities"]
    assert not is_well


def test_what_the_service_does_not_know_counts_as_not_audited() -> None:
    lines, is_well = verdict(report(SOUND, UNKNOWN), "")
    assert lines[0] == "1 dependencies audited, 0 vulnerabilities"
    assert lines[1].startswith("NOT AUDITED: 1 ")
    assert is_well


def test_a_service_that_does_not_answer_is_reported() -> None:
    assert verdict("", "Traceback\nConnectionError: refused\n") == (
        ["NOT AUDITED: ConnectionError: refused"],
        True,
    )
