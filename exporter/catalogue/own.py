"""The metrics of the exporter itself."""

from exporter.catalogue.kinds import counter, gauge

BUILD_INFO = gauge(
    "sendkit_exporter_build_info",
    "The exporter, always 1, by version and Python.",
    ("version", "pythonversion"),
)
RELOAD_SUCCESSFUL = gauge(
    "sendkit_exporter_config_last_reload_successful", "Whether the last load of the configuration succeeded."
)
RELOAD_TIMESTAMP = gauge(
    "sendkit_exporter_config_last_reload_success_timestamp_seconds",
    "When the configuration was last loaded successfully.",
)
WEB_INFO = gauge(
    "sendkit_exporter_web_info",
    "How people reach the exporter, always 1, by --web.external-url; absent when that is not set.",
    ("external_url",),
)
SERIES = gauge("sendkit_exporter_series", "Series of mailboxes and workspaces exposed now.")
RENDER_DURATION = gauge(
    "sendkit_exporter_render_duration_seconds",
    "How long the last answer took to be read, checked and rendered.",
)
API_REQUESTS = counter(
    "sendkit_api_requests_total", "Requests to the SendKit API by status code (error: no answer).", ("code",)
)
API_RETRIES = counter(
    "sendkit_api_retries_total", "Requests to the SendKit API that were tries after the first."
)
DISCOVERY_UP = gauge(
    "sendkit_discovery_up",
    "Whether the last look for an account's workspaces succeeded (1) or not (0). "
    "A workspace key that is refused the list counts as 1: there is one workspace.",
    ("account",),
)
DISCOVERY_LAST_SUCCESS = gauge(
    "sendkit_discovery_last_success_timestamp_seconds",
    "When an account's workspaces were last found; absent until then.",
    ("account",),
)

METRICS = (
    BUILD_INFO,
    WEB_INFO,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    SERIES,
    RENDER_DURATION,
    API_REQUESTS,
    API_RETRIES,
    DISCOVERY_UP,
    DISCOVERY_LAST_SUCCESS,
)
