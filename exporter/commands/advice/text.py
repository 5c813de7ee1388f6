"""Advice as lines of text."""

from collections.abc import Sequence

from exporter.commands.advice.judged import Advice
from exporter.nouns import several

_HEADINGS = ("threshold", "configured", "would have called", "fits", "at other values")


def lines(advice: Sequence[Advice], days: int, workspaces: int) -> list[str]:
    """Return a table of the advice, and what it means."""
    rows = [_HEADINGS, *(_row(each) for each in advice)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return [
        f"Days with mail: {days}, workspaces: {workspaces}.",
        "A threshold calls when something is above it on a day, and was not on the day before.",
        "It fits if that is at most once a workspace and month.",
        "",
        *table,
    ]


def _row(advice: Advice) -> tuple[str, ...]:
    others = ", ".join(
        f"{value:g}: {count}" for value, count in advice.incidents.items() if value != advice.configured
    )
    fits = "none of these" if advice.fits is None else f"{advice.fits:g}"
    return (
        advice.threshold,
        f"{advice.configured:g}",
        several(advice.now, "time"),
        "yes" if advice.fits == advice.configured else fits,
        others,
    )
