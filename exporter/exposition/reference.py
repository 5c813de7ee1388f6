"""The reference of the metrics, docs/metrics.md, made from the catalogue.

`python -m exporter.exposition.reference > docs/metrics.md` writes it anew.
"""

from exporter.catalogue import own, workspace
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
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - the reference is this command's output
