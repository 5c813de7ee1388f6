"""The picture of the evaluation: delay against false alarms, with the limit as a line."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from evaluation.intervals import Estimate

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, GAP = 300, 220, 46, 40, 34, 24
TICKS = (0.1, 1, 10, 100, 1000)
COLOURS = {"shipped": "#1a7f37", "former": "#b35900"}
LIMIT = "#57606a"


@dataclass(frozen=True)
class Point:
    """What some rules reach."""

    name: str
    alarms: float
    """False alarms a month."""
    mails: Estimate


@dataclass
class Panel:
    """One incident: the limit by false alarms a month, and the rules."""

    title: str
    limit: Sequence[tuple[float, Estimate]]
    points: list[Point] = field(default_factory=list)

    @property
    def highest(self) -> float:
        """Return where the axis of mails ends."""
        top = max(point.high for _, point in self.limit)
        top = max([top, *(point.mails.high for point in self.points)])
        step = 10.0 ** math.floor(math.log10(top)) / 2
        return float(math.ceil(top / step) * step)

    def place(self, alarms: float, mails: float) -> tuple[float, float]:
        """Return where a figure is drawn within the panel."""
        share = (math.log10(max(alarms, TICKS[0])) + 1) / 4
        return LEFT + share * (WIDTH - LEFT), TOP + (1 - mails / self.highest) * (HEIGHT - TOP - BOTTOM)

    def drawn(self) -> Iterator[str]:
        """Yield the panel's parts."""
        floor = HEIGHT - BOTTOM
        yield _text(LEFT, 16, f"{self.title}: mails until it is noticed", bold=True)
        for tick in TICKS:
            x, _ = self.place(tick, 0)
            yield f'<path d="M{x:.1f} {TOP}V{floor}" stroke="#d0d7de"/>'
            yield _text(x, floor + 14, f"{tick:g}", anchor="middle")
        for part in (0, 0.5, 1):
            _, y = self.place(1, part * self.highest)
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="#d0d7de"/>'
            yield _text(LEFT - 4, y + 4, f"{part * self.highest:g}", anchor="end")
        yield _text((LEFT + WIDTH) / 2, floor + 30, "false alarms a month", anchor="middle")
        line = " ".join("{:.1f},{:.1f}".format(*self.place(alarms, at.middle)) for alarms, at in self.limit)
        yield f'<polyline points="{line}" fill="none" stroke="{LIMIT}" stroke-width="2"/>'
        for point in self.points:
            x, y = self.place(point.alarms, point.mails.middle)
            (_, low), (_, high) = (self.place(1, end) for end in (point.mails.low, point.mails.high))
            colour = COLOURS[point.name]
            yield f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="2"/>'
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
            yield _text(x, y - 9, f"{point.name}: {point.mails.middle:.3g}", anchor="middle", colour=colour)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, colour: str = "#24292f"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(text)}</text>'
    )


def svg(panels: Sequence[Panel]) -> str:
    """Return the panels side by side."""
    width = len(panels) * (WIDTH + GAP)
    space = "http://www.w3.org/2000/svg"
    parts = [
        f'<svg xmlns="{space}" viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * (WIDTH + GAP)} 0)">', *panel.drawn(), "</g>"]
    return "\n".join([*parts, "</svg>", ""])
