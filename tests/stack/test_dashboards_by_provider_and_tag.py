"""Dashboards against the real Prometheus, which knows days of a fleet whose collectors are on."""

from dataclasses import replace

import pytest

from exporter.simulator import ScenarioRequest
from tests.dashboards import Object, dashboards, panels, targets, variables
from tests.stack import history
from tests.stack.choices import END, Choice, answer, values_of
from tests.stack.processes import Processes
from tests.stack.queries import Labels, Queries

EVERY = Choice("all", ".*", {})
MAILBOXES = 30
FLEET = {panel["title"]: panel for panel in panels(dashboards()["sendkit-fleet"])}
DOMAIN = {panel["title"]: panel for panel in panels(dashboards()["sendkit-domain"])}
SUMS = ("Mailboxes", "Not active", "Bouncing mailboxes")
"""Figures of the fleet that count mailboxes."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def past(module_processes: Processes) -> Queries:
    """The past of a workspace at several providers, a part of whose mailboxes is parked.

    A domain bounces far above what the workspace always has, so that single mailboxes count as bouncing.
    """
    spike, *others = history.Story().events
    worse = replace(spike, request=ScenarioRequest("bounce_spike", {"ratio": 0.7}))
    story = history.Story(
        mailboxes=MAILBOXES, workspaces=1, profile="mixed", collectors=True, events=(worse, *others)
    )
    return Queries(history.seed(module_processes, story, END).url)


def choosing(queries: Queries, **values: str) -> Choice:
    """Return a choice beside a domain and one of its mailboxes."""
    (labels, _), *_ = queries.instant("topk(1, mailbox:sendkit_emails_sent:increase1d)", END)
    place = {"domain": labels["domain"], "mailbox": labels["mailbox_id"]}
    return Choice("chosen", ".*", {**place, **values})


def rows(queries: Queries, panel: Object, choice: Choice = EVERY) -> list[dict[str, float]]:
    """Return what each query of a table of groups gets, by the group."""
    asked = [queries.instant(choice.fill(target["expr"]), END) for target in panel["targets"]]
    return [{next(iter(labels.values())): value for labels, value in found} for found in asked]


def figure(queries: Queries, title: str, choice: Choice) -> float:
    """Return a figure of the fleet."""
    found = queries.instant(choice.fill(FLEET[title]["targets"][0]["expr"]), END)
    return found[0][1] if found else 0.0


def by(queries: Queries, name: str, label: str) -> dict[str, float]:
    """Return how many mailboxes have each value of a label."""
    return {labels[label]: value for labels, value in queries.instant(f"count by ({label}) ({name})", END)}


@pytest.mark.parametrize(("title", "label"), [("Providers", "provider"), ("Tags", "tag")])
def test_a_table_of_groups_has_a_row_for_each_and_every_figure_in_it(
    past: Queries, title: str, label: str
) -> None:
    mailboxes, parked, sent, bounced, bound, replies, spam = rows(past, FLEET[title])

    assert mailboxes == by(past, f"sendkit_mailbox_{label}_info", label)
    assert len(mailboxes) > 2
    sending = by(
        past,
        f"(sendkit_mailbox_{label}_info and on (mailbox_id) sendkit_mailbox_sending_enabled == 1)",
        label,
    )
    assert parked == {name: count - sending.get(name, 0) for name, count in mailboxes.items()}
    assert sum(parked.values()) > 0
    for figures in (sent, bounced, replies):
        assert figures.keys() == mailboxes.keys()
        assert sum(figures.values()) > 0
    assert {*spam} <= {*mailboxes}
    assert 0 < max(spam.values()) < 1
    assert {name for name, count in sent.items() if count > 0} == {*bound}


def test_providers_add_up_to_the_fleet(past: Queries) -> None:
    mailboxes, _, sent, bounced, *_ = rows(past, FLEET["Providers"])

    assert sum(mailboxes.values()) == MAILBOXES
    for figures, name in ((sent, "sent"), (bounced, "bounced")):
        ((_, whole),) = past.instant(f"sum(mailbox:sendkit_emails_{name}:increase1d)", END)
        assert sum(figures.values()) == whole


@pytest.mark.parametrize("uid", ["sendkit-domain", "sendkit-mailbox"])
def test_warm_up_mail_is_shown_by_where_it_landed(past: Queries, uid: str) -> None:
    choice = choosing(past)
    (panel,) = (found for found in panels(dashboards()[uid]) if found["title"] == "Where warm-up mail lands")
    whose = 'domain="$domain"' + (',mailbox_id="$mailbox"' if uid == "sendkit-mailbox" else "")
    for target in panel["targets"]:
        ((_, shown),) = past.instant(choice.fill(target["expr"]), END)
        metric = f"sendkit_mailbox_warmup_window_{target['legendFormat']}"
        ((_, landed),) = past.instant(choice.fill(f"sum({metric}{{{whose}}})"), END)
        assert shown == landed
        assert answer(past, target, choice)


@pytest.mark.parametrize("uid", ["sendkit-fleet", "sendkit-domain"])
@pytest.mark.parametrize("name", ["provider", "tag"])
def test_what_can_be_chosen_is_what_the_mailboxes_have(past: Queries, uid: str, name: str) -> None:
    found = values_of(past, variables(dashboards()[uid])[name], EVERY)

    assert set(found) == {*by(past, f"sendkit_mailbox_{name}_info", name)}


@pytest.mark.parametrize("title", SUMS)
def test_a_figure_of_the_fleet_is_the_sum_of_those_of_each_provider(past: Queries, title: str) -> None:
    whole = figure(past, title, EVERY)
    parts = {
        provider: figure(past, title, choosing(past, provider=provider))
        for provider in by(past, "sendkit_mailbox_provider_info", "provider")
    }

    assert whole > 0
    assert sum(parts.values()) == whole
    assert figure(past, title, choosing(past, provider=f"({'|'.join(parts)})")) == whole


def test_a_provider_and_a_tag_leave_the_mailboxes_that_have_both(past: Queries) -> None:
    provider, tag = "gmail", "parked"
    both = (
        f'count(sendkit_mailbox_provider_info{{provider="{provider}"}} and on (mailbox_id) '
        f'sendkit_mailbox_tag_info{{tag="{tag}"}})'
    )
    ((_, expected),) = past.instant(both, END)

    assert figure(past, "Mailboxes", choosing(past, provider=provider, tag=tag)) == expected
    assert figure(past, "Mailboxes", choosing(past, tag=tag)) > expected
    assert figure(past, "Mailboxes", choosing(past, provider="nobody")) == 0


FOLLOWING = {
    "sendkit-fleet": {
        *("Mailboxes", "Bouncing mailboxes", "Not active", "At their limit", "Campaign mails sent per hour"),
        *("Bounces of sends, 24 h", "Bounces of sends, 7 d", "Bounces of the last hour by domain"),
        *("Worst domains by lower bound", "Worst mailboxes by lower bound"),
        *("Domains as SendKit counts them", "Providers", "Tags", "Warm-up"),
    },
    "sendkit-domain": {
        *("Bounces", "Sends", "Mailboxes", "Share of the bounces, 24 h", "Bounces per hour"),
        *("Sent today against the limit", "Campaign mails sent per hour", "Where warm-up mail lands"),
    },
}
"""The panels that show the chosen mailboxes alone, by their dashboard."""
LEVELS = ("slow burn", "page, ")
"""How the legends of configured levels begin, which stay."""
TARGETS = [
    pytest.param(uid, panel, target, id=f"{uid}-{panel['id']}-{target['refId']}")
    for uid, panel, target in targets()
    if uid in FOLLOWING
]


@pytest.mark.parametrize(("uid", "panel", "target"), TARGETS)
def test_panels_follow_the_choice_or_show_everything(
    past: Queries, uid: str, panel: Object, target: Object
) -> None:
    """The choice of all providers by name shows what All does, that of another one nothing of the panel."""
    is_level = target.get("legendFormat", "").startswith(LEVELS)
    everything = answer(past, target, choosing(past))
    named = by(past, "sendkit_mailbox_provider_info", "provider")
    all_by_name = answer(past, target, choosing(past, provider=f"({'|'.join(named)})"))
    nobody = answer(past, target, choosing(past, provider="nobody"))

    assert sorted_labels(all_by_name) == sorted_labels(everything)
    if panel["title"] in FOLLOWING[uid] and not is_level:
        assert nobody == [] or "vector(0)" in target["expr"]
    else:
        assert sorted_labels(nobody) == sorted_labels(everything)


def sorted_labels(found: list[Labels]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(labels.items()) for labels in found)
