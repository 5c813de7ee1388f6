"""The tables of docs/rules.md: the files of rules, and the alerts."""

from exporter.nouns import counted
from prometheus.table import ALERTS, FILES
from prometheus.table.bounce_limits import LIMITS, MINIMUM, BounceLimit, Window
from prometheus.table.incidents import STALE
from prometheus.table.rule import Alert


def replaced(page: str) -> str:
    """Return the page with its tables as they are now."""
    for name, table in (("files", _files()), ("limits", _limits()), ("alerts", _alerts())):
        begin, end = f"<!-- {name}: written by `make rules` -->\n", f"<!-- /{name} -->"
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}{table}{end}{after}"
    return page


def _files() -> str:
    return _table(["file", "what it makes"], [[_code(f"{file.name}.yml"), file.makes] for file in FILES])


def _limits() -> str:
    rows = [
        [
            _code(limit.alert),
            _code(limit.threshold),
            "; ".join(_window(limit, window) for window in limit.windows),
            _end(limit),
        ]
        for limit in LIMITS
    ]
    head = [
        "alert",
        "threshold",
        "windows: confidence, multiple of the quiet level, fewest bounces",
        "ends below",
    ]
    return _table(head, rows)


def _end(limit: BounceLimit) -> str:
    if limit.ends is None:
        return "a day after"
    least = "" if limit.least == 1 else f", or {limit.least:g} times {_code(limit.threshold)}"
    return f"{limit.ends:g} {counted('time', limit.ends)}{least}"


def _window(limit: BounceLimit, window: Window) -> str:
    fewest = MINIMUM[limit.level] + (f" + {window.more_bounces}" if window.more_bounces else "")
    multiple = f"{window.multiple:g}" if window.multiple else "none"
    return f"{window.span}: {window.confidence} %, {multiple}, {_code(fewest)}"


def _alerts() -> str:
    rows = [
        [
            _code(alert.alert),
            alert.severity,
            alert.level.name,
            "yes" if set(STALE) <= set(alert.inhibited_by) else "",
            ", ".join(map(_code, _others(alert))),
        ]
        for alert in ALERTS.values()
    ]
    return _table(["alert", "severity", "about one", "from figures", "inhibited by"], rows)


def _others(alert: Alert) -> list[str]:
    """Return what inhibits an alert besides what inhibits every alert that is computed from figures."""
    return [name for name in alert.inhibited_by if alert.alert in STALE or name not in STALE]


def _code(name: str) -> str:
    return f"`{name}`"


def _table(head: list[str], rows: list[list[str]]) -> str:
    body = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
    return f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n{body}"
