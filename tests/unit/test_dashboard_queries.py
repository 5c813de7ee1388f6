"""The queries of the dashboards read what exists, and no more than they show."""

import re

import pytest

from exporter.catalogue import own, workspace
from exporter.config import Thresholds
from exporter.sendkit.feeds import families
from tests.dashboards import (
    Object,
    shipped_rules,
    targets,
)

TARGETS = [
    pytest.param(panel, target, id=f"{uid}-{panel['id']}-{target['refId']}")
    for uid, panel, target in targets()
]
RECORDED = {rule["record"] for rule in shipped_rules() if "record" in rule}
EXPORTED = {metric.name for metric in (*families(), *workspace.METRICS, *own.METRICS)}
OF_OTHERS = {
    "up",
    "scrape_duration_seconds",
    "ALERTS",
    "ALERTS_FOR_STATE",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}
NAME = re.compile(r"(?<![\w\"$])[A-Za-z_][\w:]*(?=\{)")


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_query_reads_series_that_exist(panel: Object, target: Object) -> None:
    names = set(NAME.findall(target["expr"])) - {"by", "on"}
    assert names <= RECORDED | EXPORTED | OF_OTHERS
    assert names or "sendkit_exporter_" in target["expr"]


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_counters_are_read_as_rises_over_a_window_that_holds_some_scrapes(
    panel: Object, target: Object
) -> None:
    expr = target["expr"]
    counters = re.findall(
        r"(\w*)\(?(\w+_total)\b(?:\{[^}]*\})?(\[[^]]*\])?", re.sub(r"\bon \([^)]*\)", "", expr)
    )
    for function, name, window in counters:
        assert function in ("rate", "increase"), name
        assert window in ("[$__rate_interval]", "[1h]", "[1d]"), name


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_no_query_holds_a_threshold_of_its_own(panel: Object, target: Object) -> None:
    """What the exporter's configuration sets comes from the exporter."""
    configured = {f"{value:g}" for value in Thresholds().model_dump().values() if value < 1}
    numbers = set(re.findall(r"(?<![\w.\"])0\.\d+", re.sub(r'"[^"]*"|quantile\(0\.5', "", target["expr"])))
    assert not numbers & configured
    named = set(re.findall(r'threshold="(\w+)"', target["expr"]))
    assert named <= set(Thresholds.model_fields)


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_no_plot_reads_every_mailbox_at_every_step(panel: Object, target: Object) -> None:
    """10,000 mailboxes at 700 steps are 7 million samples: plots of the fleet read what is recorded.

    Which mailboxes have the chosen provider is looked up once, at the end.
    """
    if target.get("instant"):
        return
    selector = r"(?<![\w:])(?:sendkit_mailbox_|mailbox:)\w[\w:]*(\{[^}]*\}(?:\[15m\] @ end\(\))?)?"
    for labels in re.findall(selector, target["expr"]):
        assert 'domain="$domain"' in labels or labels.endswith(" @ end()")


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_query_sees_the_workspaces_chosen_alone(panel: Object, target: Object) -> None:
    """The exporter's figures, and some alerts, are of no workspace; a threshold is joined to its own."""
    selectors = re.findall(r"(?<![\w\"])([A-Za-z_][\w:]*)\{([^}]*)\}", target["expr"])
    for name, labels in selectors:
        if name in OF_OTHERS - {"ALERTS", "ALERTS_FOR_STATE"} or name.startswith(
            ("sendkit_exporter_", "sendkit_api_")
        ):
            continue
        whole = name in ("ALERTS", "ALERTS_FOR_STATE") and 'workspace=~"$workspace|"' in labels
        joined = name.startswith("workspace:") and "threshold" in name and "/ on (workspace" in target["expr"]
        assert joined or whole or 'workspace=~"$workspace"' in labels, name
