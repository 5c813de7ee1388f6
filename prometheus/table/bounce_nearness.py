"""How near a subject is to a bounce alert, for the alerts' texts and the dashboards."""

from prometheus.table.bounce_limits import BounceLimit, Window
from prometheus.table.bounce_series import bounced, surely
from prometheus.table.bounce_thresholds import THRESHOLD, fewest, limit_of
from prometheus.table.promql import labelled, last_hour


def of_threshold(limit: BounceLimit, labels: str) -> str:
    """Return the bounds of an alert's windows, each divided by its threshold: above 1 it begins."""
    windows = "|".join(dict.fromkeys(window.span for window in limit.windows))
    confidences = "|".join(dict.fromkeys(window.confidence for window in limit.windows))
    bound = f'{surely(limit.level)}{{window=~"{windows}",confidence=~"{confidences}",{labels}}}'
    return f'{bound} / on (workspace, window) group_left () {THRESHOLD}{{alert="{limit.alert}"}}'


def near_beginning(limit: BounceLimit, labels: str) -> str:
    """Return how near an alert's windows are to beginning it: at 1 one does, if it is happening.

    It is the smaller of two shares, of the bound in the threshold and of the bounces in the fewest that count,
    so that 1 bounce of 1 send is not near.
    """
    return " or ".join(
        labelled(f"({_nearness(limit, window, labels)})", window=window.span) for window in limit.windows
    )


def _nearness(limit: BounceLimit, window: Window, labels: str) -> str:
    level, many = limit.level, "on (workspace) group_left ()"
    which = f'window="{window.span}",confidence="{window.confidence}",{labels}'
    of_level = (
        f"max by ({level.by}) ({surely(level)}{{{which}}}) / {many} {limit_of(limit.alert, window.span)}"
    )
    counted = f"{bounced(level, window.span)}{{{labels}}}"
    if window.span not in {"1h", "1d"}:
        counted = last_hour(counted)
    of_fewest = f"max by ({level.by}) ({counted}) / {many} {fewest(level, window)}"
    return f"({of_level}) <= on ({level.by}) ({of_fewest}) or ({of_fewest}) < on ({level.by}) ({of_level})"
