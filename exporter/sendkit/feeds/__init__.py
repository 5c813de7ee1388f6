"""The feeds: a file an endpoint, and a line here for each collector."""

from collections.abc import Iterable

from exporter.catalogue.kinds import Feed, Metric
from exporter.config import AccountConfig, Config
from exporter.sendkit.feeds import analytics

COLLECTORS: tuple[Feed, ...] = ()
"""What other endpoints add to the mailboxes of the base feed."""


def feeds_of(config: Config, account: AccountConfig, collectors: Iterable[Feed]) -> tuple[Feed, ...]:
    """Return what is asked of each workspace of an account; the base feed is the first."""
    windows = (
        analytics.window(window.name, window.days, window.interval.total_seconds(), config.timezone)
        for window in config.windows
    )
    base = analytics.all_time(config.poll_interval_for(account).total_seconds())
    return (base, *windows, *collectors)


def families(collectors: Iterable[Feed] = ()) -> tuple[Metric, ...]:
    """Return every family of mailboxes, each once, in the order in which a scrape shows them."""
    return tuple(
        dict.fromkeys([*analytics.FAMILIES, *(metric for feed in collectors for metric in feed.metrics())])
    )
