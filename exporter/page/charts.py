"""Small charts, drawn here as SVG: no script and no picture from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.fleet.recent import HOUR_SECONDS, HOURS, Recent

WIDTH, HEIGHT, GAP, BASE = 480, 90, 2, 18


@dataclass(frozen=True, slots=True)
class Hour:
    """What was sent in an hour (from 0 to 23, UTC), and what of it bounced."""

    hour: int
    sent: int
    bounced: int


def hours(recent: Recent) -> list[Hour]:
    """Return the last 24 whole hours and the one that is under way, the oldest first."""
    current = int(recent.now // HOUR_SECONDS)
    parts = recent.workspace.day.parts
    found = []
    for number in range(current - HOURS, current + 1):
        bounced, sent = parts[number].of("") if number in parts else (0, 0)
        found.append(Hour(number % 24, sent, bounced))
    return found


def bars(found: Sequence[Hour], name: str, title: str) -> str:
    """Return a bar for each hour; `name` is which of its numbers."""
    numbers = [getattr(hour, name) for hour in found]
    most, width = max([*numbers, 1]), WIDTH / len(found)
    drawn = []
    for place, (hour, number) in enumerate(zip(found, numbers, strict=True)):
        height = (HEIGHT - BASE) * number / most
        left = place * width
        drawn.append(
            f'<rect x="{left:.1f}" y="{HEIGHT - BASE - height:.1f}" width="{width - GAP:.1f}" '
            f'height="{height:.1f}"><title>{hour.hour:02d}:00 UTC: {number}</title></rect>'
        )
        if hour.hour % 6 == 0:
            middle = left + (width - GAP) / 2
            drawn.append(f'<text x="{middle:.1f}" y="{HEIGHT - 3}">{hour.hour:02d}:00</text>')
    return (
        f'<svg class="chart {name}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}, most {most if any(numbers) else 0}">{"".join(drawn)}</svg>'
    )
