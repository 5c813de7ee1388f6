"""Panels of what fires and of a mailbox's peers, against the real Prometheus, which knows just that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards import dashboards
from tests.stack.choices import END, Choice, knowing
from tests.stack.queries import Labels, Queries

ALERTS = (
    ("SendKitDomainBounceSpike", 'domain="acme.example",severity="critical",workspace="acme"', 600),
    (
        "SendKitMailboxBounceSpike",
        'domain="acme.example",mailbox_id="m1",severity="critical",workspace="acme"',
        3600,
    ),
    ("SendKitExporterDown", 'severity="critical"', 60),
    ("SendKitWorkspaceStale", 'severity="critical",workspace="beta"', 1200),
)
"""Alerts that fire: their names and labels, and since how many seconds."""


@pytest.fixture(scope="module")
def unaddressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """A Prometheus in which alerts fire, and which has no addresses configured."""
    mailbox = 'sendkit_mailbox_info{domain="acme.example",email="",mailbox_id="m1",workspace="acme"}'
    lines = [f"{mailbox} 1 {END}\n"]
    for name, labels, seconds in ALERTS:
        lines.append(f'ALERTS{{alertname="{name}",alertstate="firing",{labels}}} 1 {END}\n')
        lines.append(f'ALERTS_FOR_STATE{{alertname="{name}",{labels}}} {END - seconds} {END}\n')
    with knowing(tmp_path_factory.mktemp("unaddressed"), lines) as queries:
        yield queries


def test_what_fires_is_shown_with_or_without_addresses_the_longest_first(unaddressed: Queries) -> None:
    """The exporter as a whole concerns each of its workspaces; other workspaces are not asked for."""
    by_title = {panel["title"]: panel for panel in dashboards()["sendkit-fleet"]["panels"]}
    acme = Choice("acme", "acme", {})

    def found(title: str) -> list[tuple[Labels, float]]:
        return unaddressed.instant(acme.fill(by_title[title]["targets"][0]["expr"]), END)

    shown = [(labels["alert"], labels.get("address"), labels["state"]) for labels, _ in found("Firing now")]
    assert shown == [
        ("MailboxBounceSpike", "m1", "firing"),
        ("DomainBounceSpike", None, "firing"),
        ("ExporterDown", None, "firing"),
    ]
    assert [value for _, value in found("Critical")] == [3]


def test_what_fires_is_in_the_order_of_its_level_and_severity(tmp_path: Path) -> None:
    """The table sorts by the place; how long it lasts is as of the end of the time range, not of now."""
    workspace, domain = 'workspace="acme"', 'domain="a.example",workspace="acme"'
    mailbox = f'mailbox_id="m1",{domain}'
    expected = ["critical", "warning"] * 3
    lines = []
    for place, (labels, severity) in enumerate(
        zip([workspace] * 2 + [domain] * 2 + [mailbox] * 2, expected, strict=True)
    ):
        name = f'alertname="SendKitNumber{place}",severity="{severity}",{labels}'
        lines.append(f'ALERTS{{alertstate="firing",{name}}} 1 {END}\n')
        lines.append(f"ALERTS_FOR_STATE{{{name}}} {END - 100 * place - 60} {END}\n")
    panels = {panel["title"]: panel for panel in dashboards()["sendkit-fleet"]["panels"]}
    with knowing(tmp_path, lines) as queries:
        found = queries.instant(
            Choice("acme", "acme", {}).fill(panels["Firing now"]["targets"][0]["expr"]), END
        )
    assert sorted(
        (labels["level"], labels["severity"], labels["alert"], value) for labels, value in found
    ) == [
        (str(place), severity, f"Number{place}", 100 * place + 60) for place, severity in enumerate(expected)
    ]


@pytest.mark.parametrize(("severity", "expected"), [("critical", 2), ("warning", 1), (None, 0)])
def test_a_domain_with_an_alert_is_not_called_healthy(
    tmp_path: Path, severity: str | None, expected: int
) -> None:
    """Its bounces may spike while each mailbox of it is within its own threshold."""
    domain = 'domain="a.example",workspace="acme"'
    lines = [f"domain:sendkit_unhealthy_mailboxes:ratio{{{domain}}} 0.05 {END}\n"]
    for name, threshold in (("unhealthy_mailboxes_warning", 0.3), ("unhealthy_mailboxes_critical", 0.5)):
        lines.append(
            f'workspace:sendkit_alert_threshold:last2h{{threshold="{name}",workspace="acme"}} '
            f"{threshold} {END}\n"
        )
    firing = 'ALERTS{alertname="SendKitSpike",alertstate="firing"'
    if severity:
        lines.append(f'{firing},severity="{severity}",{domain}}} 1 {END}\n')
    lines.append(f'{firing},severity="critical",mailbox_id="m1",{domain}}} 1 {END}\n')
    panels = {panel["title"]: panel for panel in dashboards()["sendkit-domain"]["panels"]}
    with knowing(tmp_path, lines) as queries:
        choice = Choice("acme", "acme", {"domain": "a.example"})
        [(_, value)] = queries.instant(choice.fill(panels["Health"]["targets"][0]["expr"]), END)
    assert value == expected


def test_positive_replies_are_shown_as_a_share_of_sends_and_beside_it_of_replies(
    tmp_path: Path,
) -> None:
    """Operators judge a list by the second, which does not fall because more is sent."""
    seven_days = {"sent": 400, "replied": 20, "positive_replied": 8}
    lines = [
        f'workspace:sendkit_emails_{word}:increase7d{{workspace="acme"}} {count} {END}\n'
        for word, count in seven_days.items()
    ]
    panels = dashboards()["sendkit-fleet"]["panels"]
    shown = [
        panel for panel in panels if panel["title"] in {"Positive / sends, 7 d", "Positive / replies, 7 d"}
    ]
    places = [panel["gridPos"] for panel in shown]
    assert places[0]["y"] == places[1]["y"]
    assert places[0]["x"] + places[0]["w"] == places[1]["x"]
    assert all("tags of the workspace change their meaning" in panel["description"] for panel in shown)
    acme = Choice("acme", "acme", {})
    with knowing(tmp_path, lines) as queries:
        found = [queries.instant(acme.fill(panel["targets"][0]["expr"]), END) for panel in shown]
    assert [[value for _, value in series] for series in found] == [[8 / 400], [8 / 20]]


PEERS = 30


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """A Prometheus that knows a domain of mailboxes, m0 to m29, each worse than the one before."""
    lines = []
    for number in range(PEERS):
        labels = f'domain="acme.example",mailbox_id="m{number}",workspace="acme"'
        info = f'sendkit_mailbox_info{{email="{number}@acme.example",{labels}}}'
        bound = f'mailbox:sendkit_bounce_ratio:wilson_lower{{confidence="99",window="1d",{labels}}}'
        lines += [f"{info} 1 {END}\n", f"{bound} {number / 1000} {END}\n"]
    with knowing(tmp_path_factory.mktemp("crowd"), lines) as queries:
        yield queries


def test_a_mailbox_is_shown_beside_the_worst_of_its_domain_however_well_it_does(crowd: Queries) -> None:
    """They go by their addresses without the domain."""
    by_title = {panel["title"]: panel for panel in dashboards()["sendkit-mailbox"]["panels"]}
    choice = Choice("m0", "acme", {"domain": "acme.example", "mailbox": "m0"})
    own, others = (
        [labels["address"] for labels, _ in crowd.instant(choice.fill(target["expr"]), END)]
        for target in by_title["Lower bounds of the domain"]["targets"]
    )
    assert own == ["0"]
    assert others == [str(number) for number in range(PEERS - 1, PEERS - 11, -1)]
