"""What bounces outside of the parts of a subject that already page: one incident is one page."""

from collections.abc import Callable, Iterator

from prometheus.table.bounce_limits import DOMAIN_SPIKE, MAILBOX_SPIKE, BounceLimit, Window
from prometheus.table.bounce_series import bounced, sent, state
from prometheus.table.bounce_thresholds import fewest, limit_of
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import compared, highest, summed
from prometheus.table.rule import Record

PAGING = "1m"
"""A domain or mailbox whose spike began an evaluation ago pages for itself."""


def of_paging_mailbox() -> Iterator[Record]:
    """Record the most that one mailbox which pages sent and bounced, by domain.

    Of one alone: where two page, it is the domain that is bad.
    """
    for window in DOMAIN_SPIKE.windows:
        for counted in (sent, bounced):
            counts = counted(MAILBOX, window.span)
            yield Record(
                record=_paging_mailbox(counted, window),
                expr=highest(DOMAIN, f"{counts} * on ({MAILBOX.by}) {state(MAILBOX_SPIKE)}"),
            )


def elsewhere(limit: BounceLimit, window: Window) -> str:
    """Return the condition that more bounces than the threshold outside of what already pages.

    Else one domain would page twice, for itself and then for its workspace, and one mailbox for itself and
    then for its domain. What is left of a domain is little mail: it wants the fewest bounces by itself.
    """
    level = limit.level

    def rest(counted: Callable[[Level, str], str]) -> str:
        whole = counted(level, window.span)
        return f"({whole} - {_paging(level, counted, window)} or {whole})"

    group = "" if level is WORKSPACE else " group_left ()"
    bound = limit_of(limit.alert, window.span)
    above = f"{rest(bounced)}\n> on ({level.by})\n({rest(sent)} * on (workspace){group} {bound})"
    if level is WORKSPACE:
        return above
    return f"{above}\nand on ({level.by})\n({compared(rest(bounced), '>=', fewest(level, window))})"


def _paging(level: Level, counted: Callable[[Level, str], str], window: Window) -> str:
    """Return what the parts of a subject that page sent or bounced."""
    if level is DOMAIN:
        # Recorded as 0 when a mailbox is well again: a restart of Prometheus hides none that pages.
        return f"last_over_time({_paging_mailbox(counted, window)}[2h] offset {PAGING})"
    paging = f"last_over_time({state(DOMAIN_SPIKE)}[10m] offset {PAGING}) == 1"
    return summed(WORKSPACE, f"{counted(DOMAIN, window.span)} and on ({DOMAIN.by}) {paging}")


def _paging_mailbox(counted: Callable[[Level, str], str], window: Window) -> str:
    return counted(DOMAIN, window.span).replace(":increase", ":paging_mailbox")
