"""Every query of the dashboards against the real Prometheus, which knows days of a past with a spike."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from tests.dashboards import Object, dashboards, targets, variables
from tests.stack import history
from tests.stack.choices import END, Choice, answer, knowing, values_of
from tests.stack.processes import Processes
from tests.stack.queries import Labels, Queries

pytestmark = pytest.mark.timeout(600)


QUIET = {
    "Suspect values per hour, by field",  # the simulated API answers as documented
    *("Providers", "Tags", "Where warm-up mail lands"),  # no collector was asked
}
"""Panels that rightly show nothing of this past."""


@pytest.fixture(scope="module")
def past(module_processes: Processes) -> Queries:
    """The past of three workspaces; in the first one a domain's mails have bounced since the morning."""
    story = history.Story(mailboxes=33, workspaces=3)
    return Queries(history.seed(module_processes, story, END).url)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """A Prometheus that knows nothing."""
    with knowing(tmp_path_factory.mktemp("nothing")) as queries:
        yield queries


EVERYTHING = Choice("all", ".*", {})


def choices(queries: Queries) -> list[Choice]:
    """Return all workspaces, the first one alone, and two, with a domain and a mailbox of the first."""
    wanted = variables(dashboards()["sendkit-mailbox"])
    workspaces = values_of(queries, wanted["workspace"], EVERYTHING)
    assert len(workspaces) == 3
    first = workspaces[0]
    made = []
    for identifier, workspace in (("all", ".*"), ("one", first), ("two", "|".join(workspaces[:2]))):
        inside = Choice(identifier, first, {})
        domain = values_of(queries, wanted["domain"], inside)[0]
        inside = Choice(identifier, first, {"domain": domain})
        mailbox = values_of(queries, wanted["mailbox"], inside)[0]
        made.append(Choice(identifier, workspace, {"domain": domain, "mailbox": mailbox}))
    return made


@pytest.fixture(scope="module")
def chosen(past: Queries) -> dict[str, Choice]:
    return {choice.id: choice for choice in choices(past)}


TARGETS = [
    pytest.param(panel, target, id=f"{uid}-{panel['id']}-{target['refId']}")
    for uid, panel, target in targets()
]


CHOICES = ("all", "one", "two")


@pytest.mark.parametrize(("panel", "target"), TARGETS)
@pytest.mark.parametrize("selection", CHOICES)
def test_query_returns_what_its_panel_shows(
    past: Queries, chosen: dict[str, Choice], panel: Object, target: Object, selection: str
) -> None:
    found = answer(past, target, chosen[selection])

    if panel["title"] in QUIET:
        assert found == []
        return
    assert found
    legend = target.get("legendFormat", "")
    needed = set(re.findall(r"\{\{(\w+)\}\}", legend))
    assert all(needed <= labels.keys() for labels in found), legend
    if panel["type"] in ("timeseries", "bargauge", "state-timeline", "heatmap"):
        names = [re.sub(r"\{\{(\w+)\}\}", lambda name: labels[name[1]], legend) for labels in found]  # noqa: B023
        assert len(set(names)) == len(names), "lines of one name"
    if panel["type"] == "stat":
        assert len(found) == 1


TABLES = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, dashboard in dashboards().items()
    for panel in dashboard["panels"]
    if panel["type"] == "table" and panel["title"] not in QUIET
]


@pytest.mark.parametrize(("uid", "panel"), TABLES)
@pytest.mark.parametrize("selection", CHOICES)
def test_queries_of_a_table_meet_in_its_rows(
    past: Queries, chosen: dict[str, Choice], uid: str, panel: Object, selection: str
) -> None:
    """The rows of all queries are those of the first, distinguished by the labels that all of them have."""
    answers = [answer(past, target, chosen[selection]) for target in panel["targets"]]
    common = (
        set.intersection(*({*labels} for found in answers for labels in found)) if len(answers) > 1 else set()
    )
    keys = [{tuple(labels[name] for name in sorted(common)) for labels in found} for found in answers]
    assert "__name__" not in common
    for found, rows in zip(answers, keys, strict=True):
        assert rows <= keys[0]
        assert len(rows) == len(found) or len(answers) == 1, "two values for one row"
    organize = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]
    columns = {name for found in answers for labels in found for name in labels}
    told = {*organize["renameByName"], *organize["excludeByName"]}
    assert columns <= told, "a column that nobody asked for"


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_query_of_an_empty_fleet_is_no_error(nothing: Queries, panel: Object, target: Object) -> None:
    found = answer(nothing, target, Choice("none", ".*", {"domain": "", "mailbox": ""}))

    assert len(found) <= 1
    if found:  # a count says 0 rather than nothing
        assert "vector(0)" in target["expr"]


@pytest.mark.parametrize("uid", dashboards())
def test_each_variable_of_a_dashboard_has_values(
    past: Queries, nothing: Queries, chosen: dict[str, Choice], uid: str
) -> None:
    empty = Choice("none", ".*", {"domain": "", "mailbox": ""})
    asked = [each for each in dashboards()[uid]["templating"]["list"] if each["type"] == "query"]
    for variable, selection in product(asked, CHOICES):
        is_of_collector = variable["name"] in ("provider", "tag")  # all are off
        assert bool(values_of(past, variable, chosen[selection])) is not is_of_collector
        assert values_of(nothing, variable, empty) == []


def test_the_spike_is_seen_where_one_looks(past: Queries, chosen: dict[str, Choice]) -> None:
    """The domain that bounces is the first of the worst, pages, and is the darkest row of the heatmap."""
    by_title = {panel["title"]: panel for panel in dashboards()["sendkit-fleet"]["panels"]}
    everything = chosen["all"]

    def instant(title: str, letter: int = 0) -> list[tuple[Labels, float]]:
        expr = by_title[title]["targets"][letter]["expr"]
        return sorted(past.instant(everything.fill(expr), END), key=lambda found: -found[1])

    worst = instant("Worst domains by lower bound")[0][0]["domain"]
    assert worst == everything.values["domain"]
    mailboxes = instant("Worst mailboxes by lower bound")
    assert mailboxes[0][0]["domain"] == worst
    assert mailboxes[0][0]["address"].endswith(f"@{worst}")
    assert instant("Critical")[0][1] >= 1
    fired = {(labels["alert"], labels.get("domain")) for labels, _ in instant("Firing now")}
    assert ("DomainBounceSpike", worst) in fired
    heat = past.span(
        everything.fill(by_title["Bounces of the last hour by domain"]["targets"][0]["expr"]),
        END - 86_400,
        END,
        3600,
    )
    totals = {labels["domain"]: sum(float(value) for _, value in samples) for labels, samples in heat}
    assert max(totals, key=lambda domain: totals[domain]) == worst


def test_the_bounds_of_several_workspaces_are_those_that_the_rules_record(
    past: Queries, chosen: dict[str, Choice]
) -> None:
    """Of one workspace alone, the Fleet's band is the recorded one."""
    panel = next(
        panel
        for panel in dashboards()["sendkit-fleet"]["panels"]
        if panel["title"] == "Bounces of sends, 24 h"
    )
    one = chosen["one"]
    recorded = {
        "lower bound": "workspace:sendkit_bounce_ratio:wilson_lower",
        "99 % interval": "workspace:sendkit_bounce_ratio:wilson_upper",
    }
    for target in panel["targets"]:
        if name := recorded.get(target["legendFormat"]):
            ((_, drawn),) = past.instant(one.fill(target["expr"]), END)
            ((_, expected),) = past.instant(
                one.fill(f'{name}{{workspace="$workspace",window="1d",confidence="99"}}'), END
            )
            assert drawn == pytest.approx(expected)
