"""The names of what is recorded of bounces."""

from prometheus.table.bounce_limits import BounceLimit
from prometheus.table.levels import Level
from prometheus.table.promql import bridged


def sent(level: Level, window: str) -> str:
    """Return the recorded sends of a window."""
    return f"{level.name}:sendkit_emails_sent:increase{window}"


def bounced(level: Level, window: str) -> str:
    """Return the recorded bounces of a window."""
    return f"{level.name}:sendkit_emails_bounced:increase{window}"


def counted_sends(level: Level, window: str) -> str:
    """Return the recorded sends of a window as they count."""
    return (
        f"{level.name}:sendkit_emails_sent:counted{window}" if window in {"1h", "1d"} else sent(level, window)
    )


def half_busiest_day(level: Level) -> str:
    """Return half of the sends of the busiest day, also after Prometheus was away: it is of another group."""
    return bridged(f"{level.name}:sendkit_emails_sent:half_busiest_day")


def surely(level: Level) -> str:
    """Return the name of the bounds that alerts read."""
    return f"{level.name}:sendkit_bounce_ratio:surely"


def state(limit: BounceLimit) -> str:
    """Return the name of an alert's recorded state."""
    return f"{limit.level.name}:sendkit_{limit.state}:bool"
