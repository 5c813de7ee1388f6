"""The reference of the metrics, docs/metrics.md, made from the catalogue.

`python -m exporter.exposition.reference > docs/metrics.md` writes it anew.
"""

from collections.abc import Iterable, Iterator

from exporter.answers.parse import MOST_UNKNOWN_STATES
from exporter.catalogue import mailbox, own, workspace
from exporter.config import Thresholds
from exporter.sendkit.feeds import families


def reference() -> str:
    """Return the catalogue as the Markdown of `docs/metrics.md`."""
    sections = (
        (
            "Mailboxes",
            "One series a mailbox, dropped when the workspace had no successful poll for `poll.stale_after`.",
            families(),
        ),
        ("Workspaces", "One series a workspace; poll metrics one a window, too.", workspace.METRICS),
        (
            "The exporter",
            "Besides the `process_*` and `python_*` metrics of the Prometheus client library.",
            own.METRICS,
        ),
    )
    lines = [
        "# Metrics",
        "",
        "Generated from `exporter/catalogue` by `make docs`; do not edit.",
        "",
        "Ratios are 0-1, times are Unix seconds; values are as of the last poll, without a timestamp.",
        "Missing data is absent, never 0.",
    ]
    for title, introduction, catalogue in sections:
        lines += [
            "",
            f"## {title}",
            "",
            introduction,
            "",
            "| metric | type | labels | what |",
            "|---|---|---|---|",
        ]
        for metric in catalogue:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            lines.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help_text} |")
    lines += ["", "## Values of labels", "", "| label | values |", "|---|---|"]
    lines += [f"| {label} | {values} |" for label, values in _values()]
    return "\n".join(lines) + "\n"


def _values() -> Iterator[tuple[str, str]]:
    """Yield the labels whose values are known beforehand, and these."""
    others = f"and any other that the API sends, {MOST_UNKNOWN_STATES} at most; beyond them it is `other`"
    yield "`status` of a mailbox", f"{_listed(mailbox.STATUSES)}, {others}"
    yield "`status` of warm-up", f"{_listed(mailbox.WARMUP_STATUSES)}, {others}"
    yield "`window`", "`all`, and the names of `windows` in the configuration"
    yield "`reason`", _listed(workspace.Reason)
    yield "`threshold`", f"the keys of `thresholds` in the configuration: {_listed(Thresholds.model_fields)}"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - the reference is this command's output
