"""The first line of the page: how the mail is, the worst by name and with its numbers."""

import json
import re
from typing import Any

import pytest

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Feed
from exporter.catalogue.workspace import Reason
from exporter.exposition.privacy import masked
from exporter.exposition.rendering import Disclosure
from exporter.fleet.findings import Kind
from exporter.fleet.incidents import Incident, Incidents
from exporter.fleet.judged import judged
from exporter.fleet.limits import Level
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.recent import Recent, Rise
from exporter.fleet.workspace import Fleet, Workspace
from exporter.page import report
from exporter.page import status as status_page
from exporter.sendkit.feeds import details
from tests.pages import NOW, PLAIN, Page, answer_of, fresh, page_of


def send(workspace: Workspace, *rises: Rise) -> None:
    """Let mailboxes of a workspace send, and bounce, just now."""
    workspace.recent = workspace.recent.after(rises, workspace.recent.left, NOW.unix)
    answer = workspace.all_time.answer
    assert answer
    workspace.judged = judged(workspace.recent, answer, workspace.thresholds)


@pytest.fixture
def fleet() -> Fleet:
    """Two workspaces, the domain acme.example of one of which bounces."""
    fleet = Fleet()
    bouncing, quiet = fresh(fleet, "acme", answer_of(4)), fresh(fleet, "beta", answer_of(4))
    send(bouncing, Rise("m0", "acme.example", 60, 17), Rise("m1", "acme.example", 46, 11))
    send(quiet, Rise("m0", "acme.example", 500, 5))
    return fleet


def document(fleet: Fleet, disclosure: Disclosure = PLAIN) -> dict[str, Any]:
    written = json.dumps(report.document(status_page.look(fleet, NOW, disclosure)), allow_nan=False)
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_spike_is_the_first_line_with_its_name_and_numbers(fleet: Fleet) -> None:
    page = page_of(fleet)
    assert page.headline == "✕ acme bounces: 28 of 106 in 24 h, at least 15 %"
    assert page.data == "✓ Data: All 2 workspaces fresh"
    assert "<title>✕ acme bounces: 28 of 106 in 24 h" in page.source


def test_a_domain_is_named_with_its_workspace_while_the_workspace_as_a_whole_is_well(fleet: Fleet) -> None:
    send(next(iter(fleet)), Rise("m2", "other.example", 2000, 20))
    assert page_of(fleet).headline == "✕ acme.example bounces: 28 of 106 in 24 h, at least 15 % (acme)"


def test_what_else_is_critical_is_counted_by_what_it_is(fleet: Fleet) -> None:
    """A domain's bounces are also those of its workspace: one incident, which is not counted twice."""
    send(next(iter(fleet)), Rise("m2", "other.example", 2000, 20))
    worse = fresh(fleet, "gamma", answer_of(4, address="anna{}@worse.example"))
    send(worse, *(Rise(f"m{row}", "worse.example", 100, 30) for row in range(3)))
    send(worse, Rise("m3", "other.example", 900, 2))
    assert {finding.level for finding in worse.judged.critical.values()} == {Level.WORKSPACE, Level.DOMAIN}
    assert page_of(fleet).headline == (
        "✕ worse.example bounces: 90 of 300 in 24 h, at least 22 % (gamma); also critical: 1 domain"
    )


def test_the_worst_of_several_warnings_is_named() -> None:
    fleet = Fleet()
    workspace = fresh(fleet, "acme", answer_of(3, ["suspended", "active", "active"]))
    workspace.judged = judged(workspace.recent, answer_of(3), workspace.thresholds)
    one = "acme.example is unhealthy: 1 of 3 mailboxes is no longer active or bounces too much"
    assert page_of(fleet).headline == f"▲ 1 warning: {one}"
    other = fresh(fleet, "beta", answer_of(5, ["suspended"] * 2 + ["active"] * 3))
    other.judged = judged(other.recent, answer_of(5), other.thresholds)
    two = "acme.example is unhealthy: 2 of 5 mailboxes are no longer active or bounce too much (beta)"
    assert page_of(fleet).headline == f"▲ 2 warnings, the worst: {two}"


def test_domains_are_listed_before_mailboxes_the_worst_first(fleet: Fleet) -> None:
    page = page_of(fleet)
    first, second = page.section("domains").rows
    assert first == "acme.example ✕ bounces 28 of 106 (26 %), at least 15 % 4 acme"
    assert second == "acme.example ✓ no spike 5 of 500 (1 %), at least 0.2 % 4 beta"
    assert page.source.index('id="domains"') < page.source.index('id="mailboxes"')


def test_a_quiet_fleet_says_how_many_mails_that_is(fleet: Fleet) -> None:
    first, second = fleet
    fleet.forget(first, 0)
    assert page_of(fleet).headline == "✓ No bounce spike: 5 of 500 (1 %) bounced in 24 h"
    second.recent = Recent()
    second.judged = judged(Recent(), answer_of(4), second.thresholds)
    assert page_of(fleet).headline == "○ Too few mails to judge yet: 0 seen in 24 h"


def test_data_that_does_not_count_is_never_green() -> None:
    fleet = Fleet()
    refused = fresh(fleet, "acme", answer_of(4))
    send(refused, Rise("m0", "acme.example", 500, 5))
    refused.all_time.failed(Reason.AUTH, "401", NOW, 1.0)
    page = page_of(fleet)
    assert page.headline == "✕ No new data: what bounces now is not known"
    assert page.data == "✕ Data: 1 of 1 workspace failing"
    assert page.section("domains").rows == [
        "acme.example ○ not known now 5 of 500 (1 %), at least 0.2 % 4 acme"
    ]
    send(fresh(fleet, "beta", answer_of(4)), Rise("m0", "beta.example", 300, 2))
    assert (
        page_of(fleet).headline == "✕ No bounce spike in 1 of 2 workspaces: 2 of 300 (0.7 %) bounced in 24 h"
    )


def test_a_workspace_whose_figures_were_dropped_is_not_taken_for_a_new_one() -> None:
    fleet = Fleet()
    refused = fresh(fleet, "acme", answer_of(4))
    send(refused, Rise("m0", "acme.example", 500, 5))
    refused.all_time.failed(Reason.AUTH, "401", NOW, 1.0)
    refused.all_time.reading = None
    assert page_of(fleet).headline == "✕ No data: what bounces now is not known"


def test_what_is_wrong_leads_to_what_to_do(fleet: Fleet) -> None:
    """To the runbook of the alert that fires for it."""
    assert page_of(fleet).source.count('href="runbooks/SendKitWorkspaceBounceSpike">What to do<') == 1
    refused = Incident("beta", Kind.REFUSED, Level.WORKSPACE, "", NOW.unix - 60, 0, 0, 0)
    fleet.incidents = Incidents([refused])
    assert 'href="runbooks/SendKitAuthFailed"' in page_of(fleet).source
    fleet.forget(next(iter(fleet)), 0)
    assert "What to do<" not in page_of(fleet).source


def test_mailboxes_that_have_long_not_been_active_are_one_line() -> None:
    fleet = Fleet()
    workspace = fresh(fleet, "acme", answer_of(40, ["suspended"] * 27 + ["active"] * 13))
    workspace.recent = Recent(left={"m3": NOW.unix - 60}, now=NOW.unix)
    section = page_of(fleet).section("mailboxes")
    assert [row.split()[0] for row in section.rows] == ["anna3@acme.example"]
    assert "or since before this exporter started: 26 suspended" in section.text


def test_incidents_are_shown_with_their_times_and_numbers(fleet: Fleet) -> None:
    over = Incident(
        "acme", Kind.BOUNCES, Level.DOMAIN, "acme.example", NOW.unix - 7200, 28, 106, 24, NOW.unix
    )
    lasts = Incident("beta", Kind.LEAVING, Level.WORKSPACE, "", NOW.unix - 60, 5, 40, 1)
    fleet.incidents = Incidents([over, lasts])
    assert page_of(fleet).section("incidents").rows == [
        "2025-10-09 08:52 lasts beta loses mailboxes: 5 of 40 are no longer active within an hour beta",
        "2025-10-09 06:53 2025-10-09 08:53 acme.example bounces: 28 of 106 in 24 h, at least 15 % acme",
    ]


def test_nothing_of_the_api_is_longer_than_200_characters_or_obeyed_by_a_terminal() -> None:
    fleet = Fleet()
    name = "x" * 150 + "\x1b[31m" + "y" * 150
    workspace = fresh(fleet, name, answer_of(4, ["s" * 300] * 4, "a" * 100 + "{}@" + "d" * 250 + ".example"))
    send(workspace, Rise("m0", "d" * 250 + ".example", 100, 30))
    view = status_page.look(fleet, NOW, PLAIN)
    for source in (
        page_of(fleet).source,
        status_page.render_workspace(view, "1"),
        json.dumps(report.document(view)),
    ):
        assert "\x1b" not in source
        assert "\\u001b" not in source
        for longest in ("x" * 201, "s" * 201, "d" * 201, "a" * 201):
            assert longest not in re.sub(r'href="[^"]*"', "", source)


class TestDocument:
    def test_it_says_how_mail_and_data_are(self, fleet: Fleet) -> None:
        found = document(fleet)
        assert found["mail"] == {
            "state": "critical",
            "summary": "acme bounces: 28 of 106 in 24 h, at least 15 %",
        }
        assert found["data"] == {"state": "ok", "summary": "All 2 workspaces fresh"}

    def test_it_has_a_row_for_each_workspace_and_domain(self, fleet: Fleet) -> None:
        found = document(fleet)
        first, second = found["workspaces"]
        assert first == {
            "name": "acme",
            "mail": "critical",
            "data": "ok",
            "mailboxes": 4,
            "bounced_24h": 28,
            "sent_24h": 106,
            "bounce_ratio_lower_bound": pytest.approx(0.155, abs=0.001),
        }
        assert (second["name"], second["mail"]) == ("beta", "ok")
        domain, _ = found["domains"]
        assert domain == {
            "workspace": "acme",
            "domain": "acme.example",
            "mail": "critical",
            "data": "ok",
            "mailboxes": 4,
            "bounced_24h": 28,
            "sent_24h": 106,
            "bounce_ratio_lower_bound": pytest.approx(0.155, abs=0.001),
        }

    def test_mailboxes_in_trouble_have_reasons_and_an_address_by_the_privacy_mode(self) -> None:
        fleet = Fleet()
        fresh(fleet, "acme", answer_of(2, ["active", "suspended"]))
        [box] = document(fleet, Disclosure(masked))["mailboxes"]
        assert box == {
            "workspace": "acme",
            "domain": "acme.example",
            "mailbox_id": "m1",
            "email": "a***@acme.example",
            "reasons": ["status is suspended"],
        }

    def test_without_a_mail_there_is_no_bound(self) -> None:
        fleet = Fleet()
        fresh(fleet, "acme", answer_of(2))
        [workspace] = document(fleet)["workspaces"]
        assert workspace["sent_24h"] == 0
        assert workspace["bounce_ratio_lower_bound"] is None


def test_a_workspace_has_a_page_with_charts_that_are_drawn_here(fleet: Fleet) -> None:
    view = status_page.look(fleet, NOW, PLAIN).of("acme")
    assert view
    page = Page(status_page.render_workspace(view, "1.2.3"))
    assert page.headline.startswith("✕ acme bounces: 28 of 106")
    assert "the last 24 hours" in page.section("hours").text
    assert "Mails sent by the hour (UTC), 106 at most" in page.section("hours").text
    assert len([tag for tag, _ in page.elements if tag == "rect"]) == 2 * 25
    assert "106" in re.findall(r"<title>08:00 UTC: (\d+)</title>", page.source)
    assert not {"script", "img", "iframe"} & {tag for tag, _ in page.elements}
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert {"../", "../metrics"} <= links
    assert status_page.look(fleet, NOW, PLAIN).of("none") is None


def test_the_text_of_a_last_error_is_on_the_page_and_in_the_document() -> None:
    fleet = Fleet()
    workspace = fresh(fleet, "acme", answer_of(2))
    feed = Feed(details.NAME, "/v1/mailboxes", (), 900)
    texts = {"last_error": ["", "SMTP 535: authentication failed"]}
    found = Answer(["m0", "m1"], texts=texts)
    workspace.polls[feed.name] = Poll(feed, 1800.0, Reading(found, None), NOW.unix, NOW.steady)
    section = page_of(fleet).section("mailboxes")
    assert "anna1@acme.example ▲ last error: SMTP 535: authentication failed" in section.rows[0]
    [box] = document(fleet)["mailboxes"]
    assert (box["mailbox_id"], box["reasons"]) == ("m1", ["last error: SMTP 535: authentication failed"])
