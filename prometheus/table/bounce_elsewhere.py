"""What bounces outside of the parts of a subject that already page: one incident is one page."""

from collections.abc import Callable, Iterator

from prometheus.table.bounce_limits import DOMAIN_SPIKE, MAILBOX_SPIKE, BounceLimit, Window
from prometheus.table.bounce_series import bounced, sent, state
from prometheus.table.bounce_thresholds import fewest, limit_of
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import compared, highest, summed
from prometheus.table.rule import Record

RECORDED = ("1h", "1d")
"""The windows of which it is recorded what a domain counts without a mailbox that pages."""


def without_paging_mailbox(window: str) -> Iterator[Record]:
    """Record what domains sent and bounced without the mailbox that pages and has the most.

    Without one alone: where two page, it is the domain that is bad. Both counts are of the same moment, in the
    group of the window: what the mailbox sends in a burst is never taken for mail of the others.
    """
    for counted in (sent, bounced):
        whole = counted(DOMAIN, window)
        paging = f"{counted(MAILBOX, window)} * on ({MAILBOX.by}) {_lately(MAILBOX_SPIKE)}"
        yield Record(
            record=_rest(counted, window), expr=f"{whole} - {highest(DOMAIN, paging)}\nor\n{whole}\n"
        )


def elsewhere(limit: BounceLimit, window: Window) -> str:
    """Return the condition that more bounces than the threshold outside of what already pages.

    Else one domain would page twice, for itself and then for its workspace, and one mailbox for itself and
    then for its domain. What is left is little mail: it wants the fewest bounces by itself.
    """
    level = limit.level
    if window.span not in RECORDED:
        paging = f"{highest(DOMAIN, _lately(MAILBOX_SPIKE))} == 1"
        return f"{bounced(level, window.span)} unless on ({level.by}) {paging}"
    rest_bounced, rest_sent = (_elsewhere(level, counted, window.span) for counted in (bounced, sent))
    group = "" if level is WORKSPACE else " group_left ()"
    bound = limit_of(limit.alert, window.span)
    return (
        f"{rest_bounced}\n> on ({level.by})\n({rest_sent} * on (workspace){group} {bound})\n"
        f"and on ({level.by})\n({compared(rest_bounced, '>=', fewest(level, window))})"
    )


def _elsewhere(level: Level, counted: Callable[[Level, str], str], window: str) -> str:
    """Return what a subject sent or bounced outside of what pages."""
    rest = _rest(counted, window)
    if level is DOMAIN:
        return rest
    return summed(WORKSPACE, f"{rest} unless on ({DOMAIN.by}) {_lately(DOMAIN_SPIKE)} == 1")


def _rest(counted: Callable[[Level, str], str], window: str) -> str:
    return counted(DOMAIN, window).replace(":increase", ":without_paging_mailbox")


def _lately(limit: BounceLimit) -> str:
    """Return the state of a spike an evaluation ago, also after a restart of Prometheus."""
    return f"last_over_time({state(limit)}[2h] offset 1m)"
