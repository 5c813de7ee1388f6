"""PromQL that several rules share."""

from exporter.wilson import QUANTILES
from prometheus.table.levels import Level

EXPORTERS = "sendkit_exporter_build_info"
"""The exporters that are scraped, whatever the scrape job is called: a failed scrape ends the series."""

STALE_AGE = (
    "time() - workspace:sendkit_last_success:timestamp_seconds"
    " > clamp_min(3 * workspace:sendkit_poll_interval:seconds, 300)"
)
"""The age of a workspace's last successful poll, where it is too old."""


def threshold(name: str) -> str:
    """Return a configured threshold of every workspace."""
    return f'workspace:sendkit_alert_threshold:last2h{{threshold="{name}"}}'


def compared(vector: str, operator: str, bound: str) -> str:
    """Return a vector compared with a bound of its workspace, to be put in brackets."""
    return f"""
    {vector}
  {operator} on (workspace) group_left ()
    {bound}
"""


def labelled(expr: str, **labels: str) -> str:
    """Return a vector with further labels."""
    for name, value in labels.items():
        expr = f'label_replace({expr}, "{name}", "{value}", "", "")'
    return expr


def highest(level: Level, vector: str) -> str:
    """Return a vector of a level without the labels of the exporter's replicas."""
    return f"max by ({level.by}) ({vector})"


def rises(level: Level, counter: str, window: str, offset: str = "") -> str:
    """Return how much a counter rose over a window, of replicas the highest, as a whole number."""
    return f"round({highest(level, f'increase({counter}[{window}]{offset})')})"


def summed(level: Level, vector: str) -> str:
    """Return the sums of a vector on a level."""
    return f"sum by ({level.by}) ({vector})"


BRIDGED = "2h"
"""For so long Prometheus may be away: what is missing then is what was recorded before."""


def bridged(series: str) -> str:
    """Return the newest value of a recorded series, also after Prometheus was away."""
    return f"last_over_time({series}[{BRIDGED}])"


def bridged_before(series: str) -> str:
    """Return the value of a recorded series an evaluation ago, also after Prometheus was away."""
    return f"last_over_time({series}[{BRIDGED}] offset 1m)"


def last_hour(vector: str) -> str:
    """Return the newest value of a series that is recorded every half hour."""
    return f"last_over_time({vector}[1h])"


def wilson_doubt(sent: str, window: str, confidence: str) -> str:
    """Return the doubt u = Z^2 / n that a window's sends leave, with its labels."""
    return labelled(f"{QUANTILES[confidence]:.4f} ^ 2 / ({sent} > 0)", window=window, confidence=confidence)


def wilson_lower(level: Level, ratio: str, doubt: str) -> str:
    """Return the lower bound of the Wilson score interval from recorded ratios p and doubts u.

    LB = max(0, (p + u/2 - sqrt(u * (p * (1 - p) + u/4))) / (1 + u))
    """
    return f"""\
clamp_min(
    (
        {doubt} / 2
      + on ({level.by}, window) group_left ()
        {ratio}
      -
        sqrt(
            {doubt}
          * (
                {doubt} / 4
              + on ({level.by}, window) group_left ()
                ({ratio} * (1 - {ratio}))
            )
        )
    )
  / (1 + {doubt}),
  0
)
"""


def wilson_upper(level: Level) -> str:
    """Return the upper bound of the Wilson score interval.

    The two bounds lie evenly around (p + u/2) / (1 + u).
    """
    name = f"{level.name}:sendkit_bounce_ratio"
    return f"""\
(
    {name}:wilson_doubt
  + on ({level.by}, window) group_left ()
    2 * {name}:rolling
)
/ (1 + {name}:wilson_doubt)
- {name}:wilson_lower
"""


def wilson_bounds(bounced: str, sent: str, confidence: str = "99") -> tuple[str, str, str]:
    """Return the ratio of bounces with the lower and the upper bound of its Wilson score interval.

    For sums that no rule records, such as those of the workspaces that are chosen on a dashboard.
    """
    z = QUANTILES[confidence]
    # p and u of the formula above as b / n and z^2 / n, multiplied by n: each vector is written, and read, seldom.
    middle = f"{bounced} + {z * z / 2:.8f}"
    spread = f"{z:.8f} * sqrt({bounced} * clamp_min({sent} - {bounced}, 0) / {sent} + {z * z / 4:.8f})"
    # Without sends there is no bound, rather than one that is no number.
    scale = f"(({sent} > 0) + {z * z:.8f})"
    ratio = f"clamp_max({bounced} / ({sent} > 0), 1)"
    return (
        ratio,
        f"clamp(({middle} - {spread}) / {scale}, 0, 1)",
        f"clamp_max(({middle} + {spread}) / {scale}, 1)",
    )
