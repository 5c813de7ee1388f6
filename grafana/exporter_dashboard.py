"""The exporter: whether what we know is still true, and what is in the way."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import queries as q
from grafana.colours import AMBER, BLUE, DARK_RED, GREEN, GREY, PURPLE, RED
from grafana.layout import Place, Row, build, to_fleet, workspace_variable
from grafana.panels import ANY_IS_BAD, ANY_IS_ODD, NEAR_LEVEL, Line, figure, lines, steps, value_mappings
from grafana.tables import Cell, bar, link, named, rows

W = q.WORKSPACES
JOB = 'job="sendkit-exporter"'
REASON_COLOURS = {
    "auth": DARK_RED,
    "rate_limited": AMBER,
    "timeout": PURPLE,
    "network": BLUE,
    "server_error": RED,
    "client_error": "light-red",
    "malformed": "yellow",
    "too_large": GREY,
}
LAST_SUCCESS = f"workspace:sendkit_last_success:timestamp_seconds{{{W}}}"
INTERVAL = f"workspace:sendkit_poll_interval:seconds{{{W}}}"
AGE_OF_ALLOWED = f"(time() - {LAST_SUCCESS}) / on (workspace) clamp_min(3 * {INTERVAL}, 300)"
RATE = "[$__rate_interval]"
MOST_LINES = 10
"""In a graph: the worst ones, or the largest, as of the end of the time range."""


def dashboard() -> Dashboard:
    """Return the exporter's dashboard."""
    return build(
        "sendkit-exporter",
        "SendKit · Exporter",
        "Polls of the SendKit API, and the exporter that makes them.",
        "now-6h",
        [workspace_variable()],
        [_truth(), _polls(), _time(), _process()],
    )


def _truth() -> Row:
    up = figure(
        "Exporters up",
        "Exporters that Prometheus reaches. None: nothing on any dashboard is current; look at the process and "
        "the network.",
        f"sum(up{{{JOB}}})",
        colours=steps((None, RED), (1, GREEN)),
        no_value="no target",
    )
    failing = figure(
        "Failing now",
        "Workspaces whose last poll failed, of any window. For how long is in the table.",
        f"count(max by (workspace) (min by (workspace, window) (1 - sendkit_up{{{W}}})) > 0) or vector(0)",
        colours=ANY_IS_ODD,
    )
    stale = figure(
        "Stale",
        "Workspaces without a success for three intervals and 5 minutes. Above 0: their alerts are blind.",
        q.count(f"{AGE_OF_ALLOWED} > 1"),
        colours=ANY_IS_BAD,
    )
    config = figure(
        "Configuration",
        "Whether every exporter runs with its newest configuration. Refused: its log says what is wrong and where.",
        "min(sendkit_exporter_config_last_reload_successful)",
        mappings=value_mappings({"1": ("loaded", GREEN), "0": ("refused", RED)}),
        no_value="unknown",
    )
    by = "workspace"
    failures = f"sum by ({by}) (workspace_reason:sendkit_poll_failures:increase1h{{{W}}})"
    table = rows(
        "Workspaces",
        "The oldest figures first. `Of allowed age` at 100 % pages. A duration near its interval: give the "
        "workspace a longer poll_interval. Follow a name to its fleet.",
        [
            f"min by ({by}) (max by (workspace, window) (sendkit_up{{{W}}}))",
            f"time() - {LAST_SUCCESS}",
            AGE_OF_ALLOWED,
            f'max by ({by}) (sendkit_poll_duration_seconds{{{W},window="all"}})',
            f"max by ({by}) ({INTERVAL})",
            failures,
            f"topk by ({by}) (1, sum by ({by}, reason) (workspace_reason:sendkit_poll_failures:increase1h{{{W}}}) > 0)",
        ],
        [
            Cell("workspace", "Workspace", properties=link(("Fleet", to_fleet("Workspace")))),
            Cell("A", "Last polls", width=95, properties=named({"1": ("fine", GREEN), "0": ("failed", RED)})),
            Cell("B", "Age", "s", 80, (("decimals", 0),)),
            Cell("C", "Of allowed age", "percentunit", 140, (*bar(NEAR_LEVEL), ("decimals", 0))),
            Cell("D", "Duration", "s", 90),
            Cell("E", "Interval", "s", 80),
            Cell("F", "Failures 1 h", width=105),
            Cell("reason", "Mostly", width=120),
        ],
        sort="Of allowed age",
        no_value="No workspace is polled yet",
    )
    return Row(
        "Is what we know still true?",
        (*((6, 3, each) for each in (up, stale, failing, config)), (24, 7, table)),
    )


def _polls() -> Row:
    failures = f"max by (workspace, window, reason) (rate(sendkit_poll_failures_total{{{W}}}{RATE}))"
    polls = lines(
        "Polls per minute",
        "Polls that ended, and those of them that failed. Nothing at all: the poll loop stands still; restart the "
        "exporter.",
        [
            Line(
                f"60 * sum(max by (workspace, window) (rate(sendkit_polls_total{{{W}}}{RATE})))",
                "ended",
                BLUE,
                "area",
            ),
            Line(f"60 * sum({failures})", "failed", RED, "area"),
            Line(
                f"60 * sum(max by (workspace, window) (rate(sendkit_polls_skipped_total{{{W}}}{RATE})))",
                "skipped",
                AMBER,
            ),
        ],
        "locale",
    )
    reasons = lines(
        "Failures by reason, per hour",
        "auth: the key was refused, replace it. rate_limited: poll less often. timeout, network, server_error: "
        "theirs or the way there; wait. malformed, too_large: see the log.",
        [
            Line(
                f"sum by (reason) (workspace_reason:sendkit_poll_failures:increase1h{{{W}}})",
                "{{reason}}",
            )
        ],
        "locale",
        stacked=True,
        colours=REASON_COLOURS,
    )
    codes = lines(
        "API answers per minute, by code",
        "Requests of this exporter, tries again included. 429 in numbers: too many exporters share the key.",
        [
            Line(
                f"60 * sum by (code) (rate(sendkit_api_requests_total{{{JOB}}}{RATE})) and on (code) "
                f"topk({MOST_LINES - 1}, sum by (code) (rate(sendkit_api_requests_total{{{JOB}}}[1h] @ end())))",
                "{{code}}",
            ),
            Line(f"60 * sum(rate(sendkit_api_retries_total{{{JOB}}}{RATE}))", "tries again", AMBER, "dashed"),
        ],
        "locale",
        colours={
            "200": GREEN,
            "401": DARK_RED,
            "403": DARK_RED,
            "429": AMBER,
            "500": RED,
            "502": RED,
            "503": RED,
            "error": PURPLE,
        },
    )
    return Row("Do polls succeed?", ((8, 8, polls), (8, 8, reasons), (8, 8, codes)))


def _time() -> Row:
    age = lines(
        "Age of the figures",
        "The ten workspaces that are oldest at the end. A saw tooth as high as the interval is right; a slope means no poll succeeds.",
        [
            Line(
                f"time() - {LAST_SUCCESS} and on (workspace) bottomk({MOST_LINES}, {LAST_SUCCESS} @ end())",
                "{{workspace}}",
            )
        ],
        "s",
    )

    def share(at: str = "") -> str:
        return (
            f"max by (workspace, window) (sendkit_poll_duration_seconds{{{W}}}{at} "
            f"/ sendkit_poll_interval_seconds{{{W}}}{at})"
        )

    durations = lines(
        "Poll duration of its interval",
        "The ten polls that are slowest at the end. At 100 % polls are skipped: give the workspace a longer poll_interval.",
        [
            Line(
                f"{share()} and on (workspace, window) topk({MOST_LINES}, {share(' @ end()')})",
                "{{workspace}} {{window}}",
            )
        ],
        "percentunit",
    )
    suspects = lines(
        "Suspect values per hour, by field",
        "Values out of their documented range. Steady: the API changed; ask support before trusting the field.",
        [
            Line(
                f"sum by (field) (max by (workspace, field) (increase(sendkit_suspect_values_total{{{W}}}[1h]))) > 0 "
                f"and on (field) topk({MOST_LINES}, sum by (field) (increase(sendkit_suspect_values_total{{{W}}}[1d] @ end())))",
                "{{field}}",
            )
        ],
        "locale",
        no_value="Every value was as documented",
    )
    return Row(
        "Do they end in time, with sound answers?",
        ((8, 8, age), (8, 8, durations), (8, 8, suspects)),
    )


def _process() -> Row:
    def plot(title: str, description: str, expr: str, unit: str) -> Place:
        few = f"topk({MOST_LINES}, sendkit_exporter_series{{{JOB}}} @ end())"
        drawn = [Line(f"{expr} and on (instance) {few}", "{{instance}}")]
        return 6, 7, lines(title, description, drawn, unit)

    return Row(
        "Is the exporter itself well?",
        (
            plot(
                "Series",
                "Series that a scrape gets. A step down: mailboxes vanished or grew stale.",
                f"sendkit_exporter_series{{{JOB}}}",
                "locale",
            ),
            plot(
                "Memory",
                "Resident memory. A climb that never ends is a leak: report it.",
                f"process_resident_memory_bytes{{{JOB}}}",
                "bytes",
            ),
            plot(
                "Processor",
                "Share of one core in use. Near 100 %: split the fleet over shards.",
                f"rate(process_cpu_seconds_total{{{JOB}}}{RATE})",
                "percentunit",
            ),
            (
                6,
                7,
                lines(
                    "Render and scrape",
                    "How long an answer takes to be rendered, and how long a scrape takes in all. A scrape near its "
                    "timeout: scrape workspace by workspace.",
                    [
                        Line(f"max(sendkit_exporter_render_duration_seconds{{{JOB}}})", "render", BLUE),
                        Line(f"max(scrape_duration_seconds{{{JOB}}})", "scrape", GREY),
                    ],
                    "s",
                ),
            ),
        ),
    )
