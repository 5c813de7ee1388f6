"""What bounces are held against: the configured thresholds, and the quiet level of the workspace."""

from collections.abc import Iterator

from prometheus.table.bounce_limits import FEWEST_DOMAINS, HIGHEST, LIMITS, MINIMUM, BounceLimit, Window
from prometheus.table.bounce_series import sent
from prometheus.table.levels import DOMAIN, Level
from prometheus.table.promql import bridged, labelled, threshold
from prometheus.table.rule import Record

QUIET = "workspace:sendkit_bounce_ratio:quiet"
THRESHOLD = "workspace:sendkit_bounce_ratio:threshold"
KNOWN = "3d"
"""A week is the last one that was recorded within so many days: Prometheus may have been away for two."""
ENDS = "ends"
"""The window label of the threshold below which an alert ends."""


def quiet_level() -> Record:
    """Record what a workspace surely bounced in the 7 days until a day ago, or before it was watched."""
    ratio = "workspace:sendkit_bounce_ratio"
    many = f"count by (workspace) ({bridged(sent(DOMAIN, '1d'))}) >= {FEWEST_DOMAINS}"

    def week(offset: str) -> str:
        # What was recorded by rules of before has the window 7d alone.
        usual, whole = (
            f'last_over_time({ratio}:wilson_lower{{window="{window}", confidence="99"}}[{KNOWN}] offset {offset})'
            for window in ("usual", "7d")
        )
        return f"({usual} or on (workspace) {whole})"

    earlier = f'min_over_time({ratio}:wilson_lower{{window="earlier", confidence="99"}}[1d])'
    since = f'last_over_time({ratio}:wilson_upper{{window="watched", confidence="99"}}[1d])'
    return Record(
        record=QUIET,
        comment=f"""
            What the workspace surely bounced (99 %) in the 7 days until a day ago, without the domains that
            bounced far too much. As long as no such week has been recorded as a whole, also what it surely bounced before it was watched, by the API's own counts,
            but no more than it can have bounced since: the higher one. A workspace of fewer than
            {FEWEST_DOMAINS} domains is always held against the latter: a single domain that bounces would raise
            its week too much. An exporter that starts without its state counts an incident as earlier: so the
            least of a day counts.
        """,
        expr=f"""\
max by (workspace) (
  ({week("1d")} and on (workspace) {many})
  or
  (
    min by (workspace) ({earlier} or {since})
    and on (workspace)
    {earlier}
    unless on (workspace)
    ({week("1d")} and on (workspace) {week("8d")} and on (workspace) {many})
  )
)
""",
    )


def thresholds() -> Record:
    """Record the thresholds of all alerts: of each window, and the one below which it ends."""
    return Record(
        record=THRESHOLD, expr="\nor\n".join(each for limit in LIMITS for each in _thresholds(limit))
    )


def _thresholds(limit: BounceLimit) -> Iterator[str]:
    multiples = {window.span: window.multiple for window in limit.windows}
    if limit.ends is not None:
        multiples[ENDS] = limit.ends
    configured = f"max by (workspace) ({threshold(limit.threshold)})"
    for window, multiple in multiples.items():
        yield labelled(_following(limit, configured, window, multiple), alert=limit.alert, window=window)


def _following(limit: BounceLimit, configured: str, window: str, multiple: float) -> str:
    """Return the multiple of the quiet level, within the bounds of the limit, or the configured threshold."""
    if not multiple:
        return configured
    most = HIGHEST if window == ENDS else limit.most
    return f"""
  {configured}
    * on (workspace)
      clamp({multiple:g} * {QUIET} / on (workspace) {configured}, {limit.least:g}, {most:g})
  or
  {configured}
"""


def limit_of(alert: str, window: str) -> str:
    """Return the recorded threshold of a window of an alert."""
    return f'{THRESHOLD}{{alert="{alert}", window="{window}"}}'


def fewest(level: Level, window: Window) -> str:
    """Return the configured fewest bounces, with the more that a window wants."""
    fewest = threshold(MINIMUM[level])
    return f"({fewest} + {window.more_bounces})" if window.more_bounces else fewest
