"""What docs/capacity.md derives from the code and the rules is so."""

import re
from math import ceil
from pathlib import Path

from exporter.catalogue import details, mailbox, warmup, workspace
from exporter.catalogue.kinds import Check, Metric
from exporter.catalogue.workspace import Reason
from exporter.config import Config
from exporter.sendkit.paging import PAGE_ROWS
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs/capacity.md").read_text()
RULES = "".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
WINDOWED = len([*mailbox.EVENTS, *mailbox.RATES])


def series(metric: Metric) -> int:
    """A mailbox's series of a family, with all-time figures alone."""
    states = {field.metric: field.states for field in mailbox.FIELDS if field.states}
    return len(states.get(metric, [""]))


ALL_TIME_ALONE = sum(map(series, mailbox.METRICS))


def test_the_document_says_how_many_series_a_mailbox_has() -> None:
    assert f"| series | {ALL_TIME_ALONE} | {ALL_TIME_ALONE + WINDOWED} | {WINDOWED} |" in TOLD
    older = ALL_TIME_ALONE - WINDOWED - len(mailbox.COUNTERS)
    assert f"without `performance` and `rates`, has {older}." in TOLD


def test_figures_are_by_the_defaults() -> None:
    fields = Config.model_fields
    (window,) = fields["windows"].default
    rate = 60 / fields["poll"].default.interval.total_seconds() + 60 / window.interval.total_seconds()

    assert f"| 1 | {rate:.2f} | {rate / 60:.3f} |" in TOLD
    assert f"`max_concurrent_requests` ({fields['api'].default.max_concurrent_requests})" in TOLD
    assert f"up to {fields['api'].default.max_concurrent_requests * 60 / rate:.0f} / `t` workspaces" in TOLD


def test_requests_of_collectors_are_by_the_defaults() -> None:
    config = Config.model_fields["collectors"].default
    a_day = {
        name: 86_400 / getattr(config, name).interval.total_seconds() for name in type(config).model_fields
    }
    windows = sum(
        86_400 / window.interval.total_seconds() for window in Config.model_fields["windows"].default
    )
    polls = 86_400 / Config.model_fields["poll"].default.interval.total_seconds() + windows
    for mailboxes in (10, 200, 2000):
        pages = ceil(mailboxes / PAGE_ROWS)
        requests = (
            polls,
            pages * a_day["mailboxes"],
            pages * a_day["warmup"],
            a_day["overview"],
            2 * a_day["tests"],
        )
        row = " | ".join(f"{number:,.0f}" for number in (mailboxes, *requests))
        assert f"| {row} |" in TOLD


def test_the_document_says_how_many_series_collectors_add() -> None:
    of_details = sum(field.metric is not None for field in details.FIELDS if field.check is not Check.TAGS)
    of_warmup = len(warmup.FIELDS)
    assert (
        f"add {of_details + of_warmup} series to a mailbox, {of_details} by `mailboxes` and {of_warmup} by"
    ) in TOLD
    of_tests = len([*workspace.BLACKLIST, *workspace.PLACEMENT])
    assert f"{3 + len(Reason)} series by each collector, {len(workspace.OVERVIEW)} more by" in TOLD
    assert f"{of_tests} more by `tests`" in TOLD


def test_what_is_dropped_no_rule_reads() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", TOLD, re.MULTILINE | re.DOTALL)
    (relabelling,) = from_yaml(block)["metric_relabel_configs"]
    kept = [m for m in mailbox.METRICS if not re.fullmatch(relabelling["regex"], m.name)]

    read = set(re.findall(r"sendkit_mailbox_[a-z_]+", RULES))
    assert {metric.name for metric in kept} == read & {metric.name for metric in mailbox.METRICS}
    of_collectors = {field.metric.name for field in (*details.FIELDS, *warmup.FIELDS) if field.metric}
    assert f"of the collectors' they read {len(read & of_collectors)}" in TOLD
    assert all(f"`{name.removeprefix('sendkit_mailbox')}`" in TOLD for name in read & of_collectors)
    share = sum(map(series, kept)) / (ALL_TIME_ALONE + WINDOWED)
    assert f"The rules read {sum(map(series, kept))} series" in TOLD
    assert f"{share:.0%}".replace("%", " %") in TOLD
