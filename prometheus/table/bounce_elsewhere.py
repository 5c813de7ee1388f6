"""What bounces outside of the parts of a subject that already page: one incident is one page."""

from collections.abc import Callable, Iterator

from prometheus.table.bounce_limits import DOMAIN_SPIKE, MAILBOX_SPIKE, BounceLimit, Window
from prometheus.table.bounce_series import bounced, sent, state
from prometheus.table.bounce_thresholds import fewest, limit_of
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import bridged, bridged_before, compared, highest, summed
from prometheus.table.rule import Record

WEEK = "7d"
MAILBOX_PAGED = "domain:sendkit_mailbox_bounce_spike:max7d"


def without_paging_mailbox(window: str) -> Iterator[Record]:
    """Record what domains sent and bounced without a mailbox that pages: without one alone.

    Where two page, it is the domain that is bad: then without the most that one of them sent, and the most
    that one of them bounced. Of a week also one that paged within it does not count. Both counts are of the
    same moment, in the group of the window: what a mailbox sends in a burst is no mail of the others.
    """
    for counted in (sent, bounced):
        parts = counted(MAILBOX, window)
        # The week of a domain is of another group.
        whole = summed(DOMAIN, parts) if window == WEEK else counted(DOMAIN, window)
        paged = _paged_within_a_week() if window == WEEK else bridged_before(state(MAILBOX_SPIKE))
        paging = highest(DOMAIN, f"{parts} * on ({MAILBOX.by}) {paged}")
        yield Record(record=_rest(counted, window), expr=f"{whole} - {paging}\nor\n{whole}\n")


def mailbox_paged() -> Record:
    """Record 1 for the domains of which a mailbox paged within a week."""
    return Record(record=MAILBOX_PAGED, expr=f"{highest(DOMAIN, _paged_within_a_week())} == 1")


def elsewhere(limit: BounceLimit, window: Window) -> str:
    """Return the condition that more bounces than the threshold outside of what already pages.

    Else one domain would page twice, for itself and then for its workspace, and one mailbox for itself and
    then for its domain. What is left is little mail: it wants the fewest bounces by itself.
    """
    level = limit.level
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
    if level is DOMAIN and window == WEEK:
        # Where no mailbox paged, the week that is counted with the day: it is known a little earlier.
        whole = counted(DOMAIN, window)
        return f"({whole} unless on ({DOMAIN.by}) {bridged(MAILBOX_PAGED)} or {rest})"
    if level is DOMAIN:
        return rest
    return summed(WORKSPACE, f"{rest} unless on ({DOMAIN.by}) {bridged_before(state(DOMAIN_SPIKE))} == 1")


def _rest(counted: Callable[[Level, str], str], window: str) -> str:
    return counted(DOMAIN, window).replace(":increase", ":without_paging_mailbox")


def _paged_within_a_week() -> str:
    return f"max_over_time({state(MAILBOX_SPIKE)}[{WEEK}] offset 1m)"
