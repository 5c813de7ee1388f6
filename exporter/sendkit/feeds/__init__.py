"""The feeds: a file an endpoint, and a line here for each collector."""

from collections.abc import Callable, Iterable

from exporter.catalogue import details as details_catalogue
from exporter.catalogue import warmup as warmup_catalogue
from exporter.catalogue.kinds import Feed, Metric, Rows
from exporter.config import AccountConfig, CollectorsConfig, Config
from exporter.sendkit.feeds import analytics, checkups, details, overview, warmup

COLLECTORS: tuple[Callable[[CollectorsConfig], Feed | None], ...] = (
    details.collector,
    warmup.collector,
    overview.collector,
    checkups.collector,
)
"""What other endpoints add; each gives its feed where the configuration has it enabled."""


def feeds_of(config: Config, account: AccountConfig, more: Iterable[Feed] = ()) -> tuple[Feed, ...]:
    """Return what is asked of each workspace of an account; the base feed is the first."""
    windows = (
        analytics.window(window.name, window.days, window.interval.total_seconds(), config.timezone)
        for window in config.windows
    )
    base = analytics.all_time(config.poll_interval_for(account).total_seconds())
    collectors = filter(None, (collector(config.collectors) for collector in COLLECTORS))
    return (base, *windows, *collectors, *more)


def families(more: Iterable[Feed] = ()) -> tuple[Metric, ...]:
    """Return every family of mailboxes, each once, in the order in which a scrape shows them."""
    fields = (*details_catalogue.FIELDS, *warmup_catalogue.FIELDS)
    of_collectors = (field.metric for field in fields if field.metric)
    of_more = (metric for feed in more if feed.rows is Rows.MAILBOXES for metric in feed.metrics())
    return tuple(dict.fromkeys([*analytics.FAMILIES, *of_collectors, *of_more]))
