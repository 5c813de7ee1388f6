"""What docs/capacity.md derives from the code and the rules is so."""

import re
from pathlib import Path

import yaml

from exporter.catalogue import mailbox
from exporter.catalogue.kinds import Metric
from exporter.config import Config

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs/capacity.md").read_text()
RULES = "".join(path.read_text() for path in (ROOT / "prometheus/rules").glob("*.yml"))
WINDOWED = len([*mailbox.EVENTS, *mailbox.RATES])


def series(metric: Metric) -> int:
    """A mailbox's series of a family, with all-time figures alone."""
    states = {field.metric: field.states for field in mailbox.FIELDS if field.states}
    return len(states.get(metric, [""]))


ALL_TIME_ALONE = sum(map(series, mailbox.METRICS))


def test_series_of_a_mailbox() -> None:
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


def test_what_is_dropped_no_rule_reads() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", TOLD, re.MULTILINE | re.DOTALL)
    (relabelling,) = yaml.safe_load(block)["metric_relabel_configs"]
    kept = [m for m in mailbox.METRICS if not re.fullmatch(relabelling["regex"], m.name)]

    assert {metric.name for metric in kept} == set(re.findall(r"sendkit_mailbox_[a-z_]+", RULES))
    share = sum(map(series, kept)) / (ALL_TIME_ALONE + WINDOWED)
    assert f"The rules read {sum(map(series, kept))} series" in TOLD
    assert f"{share:.0%}".replace("%", " %") in TOLD
