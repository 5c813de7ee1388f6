"""From bounds to states: when each bounce alert begins, and until when it lasts."""

from collections.abc import Callable, Iterator

from exporter.wilson import QUANTILES
from prometheus.table.bounce_elsewhere import elsewhere
from prometheus.table.bounce_limits import (
    DOMAIN_SPIKE,
    PER_LOGARITHM,
    USUAL_DAY,
    WORKSPACE_SPIKE,
    BounceLimit,
    Window,
    bounds_of,
)
from prometheus.table.bounce_series import bounced, counted_sends, half_busiest_day, sent, state, surely
from prometheus.table.bounce_thresholds import ENDS, fewest, limit_of
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import bridged, compared, labelled, wilson_lower
from prometheus.table.rule import Record

ABOVE = {MAILBOX: DOMAIN, DOMAIN: WORKSPACE}
"""The level whose spike says more than one of a level."""


def bounds(level: Level) -> tuple[Record, Record]:
    """Record the doubts of a level's windows, and the lower bounds."""
    name = f"{level.name}:sendkit_bounce_ratio"
    return (
        Record(
            record=f"{name}:counted_doubt",
            comment="Z² grows with the number of subjects: all of a workspace share one confidence.",
            expr="\nor\n".join(_doubt(level, *bound) for bound in bounds_of(level)),
        ),
        Record(record=surely(level), expr=wilson_lower(level, f"{name}:counted", f"{name}:counted_doubt")),
    )


def _doubt(level: Level, window: str, confidence: str) -> str:
    squared_z = f"{QUANTILES[confidence]:.4f} ^ 2"
    sends = f"({counted_sends(level, window)} > 0)"
    if level is WORKSPACE:
        expr = f"{squared_z} / {sends}"
    else:
        subjects = f"count by (workspace) ({sent(level, '1d')})"
        expr = f"({squared_z} + {PER_LOGARITHM} * ln({subjects})) / on (workspace) group_right () {sends}"
    return labelled(expr, window=window, confidence=confidence)


def begins(limit: BounceLimit, window: Window) -> str:
    """Return the condition that one window begins an alert with."""
    level = limit.level
    bound = f'{surely(level)}{{window="{window.span}", confidence="{window.confidence}"}}'
    conditions = [
        compared(bound, ">", limit_of(limit.alert, window.span)),
        compared(bounced(level, window.span), ">=", fewest(level, window)),
    ]
    if limit.happening:
        conditions += [rose_lately(level, bounced), rose_lately(level, sent)]
        if window.span not in {"1h", "1d"}:
            today = f'{level.name}:sendkit_bounce_ratio:counted{{window="1d"}}'
            conditions.append(compared(today, ">", limit_of(limit.alert, window.span)))
    if limit in {WORKSPACE_SPIKE, DOMAIN_SPIKE}:
        conditions.append(elsewhere(limit, window))
    joined = f"\nand on ({level.by})\n".join(f"({one})" if "\n" in one else one for one in conditions)
    return f"(\n{joined}\n)"


def rose_lately(level: Level, counted: Callable[[Level, str], str]) -> str:
    """Return the condition that bounces or sends rose within 2 h.

    What rose while there were no samples, as in an outage of the API, shows in the day alone.
    """
    day = counted(level, "1d")
    return f"({counted(level, '2h')} > 0 or {day} > {day} offset 2h)"


def any_begins(limit: BounceLimit) -> str:
    """Return 1 where any window begins an alert."""
    either = "\nor\n".join(begins(limit, window) for window in limit.windows)
    return f"0 * max by ({limit.level.by}) (\n{either}\n) + 1"


def lasting(limit: BounceLimit) -> Record:
    """Record 1 from where an alert begins until it is well again, and 0 from then on."""
    by, name = limit.level.by, state(limit)
    return Record(
        record=name,
        comment=_why(limit),
        expr=f"""\
{any_begins(limit)}
or on ({by})
0 * (
  {bridged(name)}
  and on ({by})
  (
{_ends(limit)}
  )
)
or on ({by})
(
  {bridged(name)}
  and on ({by})
  {sent(limit.level, "1d")}
)
""",
    )


def _why(limit: BounceLimit) -> str:
    if not limit.happening:
        return """
            1 from where it begins until a day and mails of its last 2 h are below the quiet level, or below half of
            the configured threshold if that is higher.
        """
    above = f", or ends with the spike of its {ABOVE[limit.level].name}" if limit.level in ABOVE else ""
    return f"""
        1 from where it begins until it is well again: a day of three quarters of the busiest day's sends, and
        mails of the last 2 h, are below the threshold, or nothing was sent for 3 days{above}. What is deleted
        ends within a day.
    """


def _ends(limit: BounceLimit) -> str:
    level = limit.level
    by, day, below = level.by, sent(level, "1d"), limit_of(limit.alert, ENDS)
    group = "" if level is WORKSPACE else " group_left ()"

    def well(window: str, operator: str) -> str:
        return (
            f"{bounced(level, window)}\n      {operator} on ({by})\n"
            f"        ({sent(level, window)} * on (workspace){group} {below})"
        )

    ends = [
        f"""\
    (
      {well("1d", "<")}
      and on ({by})
      {well("2h", "<=")}
      and on ({by})
      {sent(level, "2h")} > 0
      unless on ({by})
      ({day} < {2 * USUAL_DAY:g} * {half_busiest_day(level)})
    )
    or on ({by})
    max_over_time({day}[2d]) == 0
"""
    ]
    if level in ABOVE:
        above = f"{ABOVE[level].name}:sendkit_bounce_spike:bool"
        ends.append(
            f"""\
    or on ({by})
    (
      {day}
      and on ({ABOVE[level].by})
      last_over_time({above}[10m]) == 0
      and on ({ABOVE[level].by})
      max_over_time({above}[10m]) == 1
    )
"""
        )
    return "".join(ends).rstrip()


def within_a_day(limit: BounceLimit) -> Record:
    """Record 1 while an alert's condition is true."""
    return Record(record=state(limit), expr=any_begins(limit))


def states(*limits: BounceLimit) -> Iterator[Record]:
    """Record the states of alerts."""
    for limit in limits:
        yield within_a_day(limit) if limit.ends is None else lasting(limit)


def fires(limit: BounceLimit) -> str:
    """Return the expression of an alert."""
    if limit.ends is None:
        return f"max_over_time({state(limit)}[1d]) == 1"
    return f"{state(limit)} == 1"
