"""Bounces and sends over windows on every level, and the bounds of their ratio."""

from collections.abc import Iterator

from exporter.fleet.limits import DOMAIN_SPIKE, FAR_TOO_MUCH, FEWEST_EARLIER
from prometheus.table.bounce_elsewhere import without_paging_mailbox
from prometheus.table.bounce_limits import WORKING_HOURS
from prometheus.table.bounce_series import half_busiest_day
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import (
    compared,
    highest,
    labelled,
    rises,
    summed,
    threshold,
    wilson_doubt,
    wilson_lower,
    wilson_upper,
)
from prometheus.table.rule import Group, Record, RuleFile

LEVELS = (MAILBOX, DOMAIN, WORKSPACE)

BOUND_CONFIDENCE = "99"
"""Of the bounds of each subject for itself."""


def counts(level: Level, window: str) -> Iterator[Record]:
    """Record sends and bounces of a level over a window."""
    for kind in ("sent", "bounced"):
        name = f"sendkit_emails_{kind}:increase{window}"
        if level is MAILBOX:
            expr = rises(MAILBOX, f"sendkit_mailbox_emails_{kind}_total", window)
        else:
            expr = summed(level, f"{MAILBOX.name}:{name}")
        yield Record(record=f"{level.name}:{name}", expr=expr)


def added_up(level: Level, window: str, part: str, number: int, days: int) -> Iterator[Record]:
    """Record sends and bounces of a window that is put together from parts, each of so many days."""
    for kind in ("sent", "bounced"):
        name = f"{level.name}:sendkit_emails_{kind}:increase"
        parts = [f"{name}{part}"] + [
            f"last_over_time({name}{part}[30m] offset {ago * days}d)" for ago in range(1, number)
        ]
        terms = "\nor\n  ".join(labelled(term, part=str(place)) for place, term in enumerate(parts))
        yield Record(record=f"{name}{window}", expr=f"sum by ({level.by}) (\n  {terms}\n)\n")


def counted(level: Level, window: str) -> tuple[Record, Record]:
    """Record the sends of a window as they count, and the ratio of bounces to them."""
    name = f"{level.name}:sendkit_emails"
    sent = f"{name}_sent:increase{window}"
    half = half_busiest_day(level)
    if window == "1h":
        half = f"{half} / {WORKING_HOURS}"
    return (
        Record(
            record=f"{name}_sent:counted{window}",
            expr=highest(level, f"{sent} > {half} or {half} or {sent}"),
        ),
        Record(
            record=f"{level.name}:sendkit_bounce_ratio:counted",
            labels={"window": window},
            expr=f"clamp_max({name}_bounced:increase{window} / ({name}_sent:counted{window} > 0), 1)",
        ),
    )


def ratio_of_days(level: Level, window: str) -> Record:
    """Record the ratio of bounces to sends of a window that is longer than a day."""
    name = f"{level.name}:sendkit_emails"
    return Record(
        record=f"{level.name}:sendkit_bounce_ratio:counted",
        labels={"window": window},
        expr=f"clamp_max({name}_bounced:increase{window} / ({name}_sent:increase{window} > 0), 1)",
    )


def record_half_busiest_day(level: Level) -> Record:
    """Record half of the sends of the busiest of the last 7 days, which end at midnight (UTC)."""
    name = f"{level.name}:sendkit_emails_sent"
    return Record(record=f"{name}:half_busiest_day", expr=f"max_over_time({name}:increase1d[7d:1d]) / 2")


def history(level: Level) -> Iterator[Record]:
    """Record the mails that the exporter counted, and those that the API counted before it did."""
    for kind, earlier, comment in (
        ("sent", f"{{}} >= {FEWEST_EARLIER}", f"Of fewer than {FEWEST_EARLIER} mails nothing follows."),
        ("bounced", "clamp_min({}, 0)", ""),
    ):
        name = f"{level.name}:sendkit_emails_{kind}"
        ever = summed(level, highest(MAILBOX, f'sendkit_mailbox_campaign_{kind}{{window="all"}}'))
        watched = summed(level, highest(MAILBOX, f"sendkit_mailbox_emails_{kind}_total"))
        yield Record(record=f"{name}:watched", expr=watched)
        expr = earlier.format(f"{ever} - {name}:watched")
        yield Record(record=f"{name}:earlier", comment=comment, expr=expr)


def usual_week() -> Iterator[Record]:
    """Record what a workspace sent and bounced in 7 days, without the domains that bounced far too much.

    If all of them did, with all of them.
    """
    bound = f'domain:sendkit_bounce_ratio:wilson_lower{{window="7d", confidence="{BOUND_CONFIDENCE}"}}'
    far_too_much = compared(bound, ">", f"({FAR_TOO_MUCH} * {threshold(DOMAIN_SPIKE.threshold)})")

    def without(kind: str) -> str:
        counted = f"domain:sendkit_emails_{kind}:increase7d"
        return summed(WORKSPACE, f"{counted} unless on ({DOMAIN.by}) ({far_too_much})")

    for kind in ("sent", "bounced"):
        name = f"workspace:sendkit_emails_{kind}"
        yield Record(
            record=f"{name}:usual7d",
            expr=f"({without(kind)} and on (workspace) {without('sent')} > 0)\nor\n{name}:increase7d",
        )


def own_bounds(level: Level) -> Iterator[Record]:
    """Record p, u and the lower bound of a level, with the window and the confidence as labels."""
    name = f"{level.name}:sendkit_bounce_ratio"
    emails = f"{level.name}:sendkit_emails"
    windows = {"1d": "increase1d", "7d": "increase7d"}
    if level is WORKSPACE:
        windows |= {"usual": "usual7d", "earlier": "earlier", "watched": "watched"}
    yield Record(
        record=f"{name}:rolling",
        expr="\nor\n".join(
            labelled(
                f"clamp_max({emails}_bounced:{counted} / ({emails}_sent:{counted} > 0), 1)", window=window
            )
            for window, counted in windows.items()
        ),
    )
    yield Record(
        record=f"{name}:wilson_doubt",
        expr="\nor\n".join(
            wilson_doubt(f"{emails}_sent:{counted}", window, BOUND_CONFIDENCE)
            for window, counted in windows.items()
        ),
    )
    yield Record(
        record=f"{name}:wilson_lower", expr=wilson_lower(level, f"{name}:rolling", f"{name}:wilson_doubt")
    )
    if level is WORKSPACE:
        yield Record(record=f"{name}:wilson_upper", expr=wilson_upper(level))


FILE = RuleFile(
    name="bounces",
    makes=(
        "bounces and sends over 1 h, 2 h, 24 h, 7 and 14 days at the levels mailbox, domain and workspace, "
        "with their bounds"
    ),
    comment="""
        Bounces: what bounced of what was sent, and how sure we can be of it. The alerts on it are in
        bounce-alerts.yml.

        Windows. b and n are rises of the exporter's counters over a window that ends now. Those counters add up
        only rises, from 0 at first sight, so a total that falls upstream is no rise here, and increase() handles
        an exporter that starts again from 0. increase() extrapolates to the window's edges, which makes
        fractions: they are rounded for each mailbox, before anything is added up. Replicas of the exporter see
        the same mails, so the highest of them counts (`max by`), never their sum.

        Counted sends. A window that empties, on a Friday evening, loses the mails before it loses their late
        bounces. So the alerts count at least half of the sends of the busiest of the last 7 days.

        Bounds. 1 bounce of 4 is 25 % and means nothing; 12 of 200 is 6 % and means a lot. What distinguishes
        them is the lower bound of the Wilson score interval: the ratio is at least this much, at the given
        confidence. As written in textbooks, for b bounces of n sends, p = min(b/n, 1) and the one-sided normal
        quantile Z:

            LB = max(0, (p + Z²/2n - Z·sqrt((p(1-p) + Z²/4n) / n)) / (1 + Z²/n))

        All of Z and n enters as u = Z²/n, the doubt that a sample of n leaves at that confidence, since
        Z·sqrt(x/n) = sqrt(u·x):

            LB = max(0, (p + u/2 - sqrt(u·(p(1-p) + u/4))) / (1 + u))

        So each level (mailbox, domain, workspace) records p and u and then has this formula once, for all
        windows and confidences: they are labels. No sends, no p and no bound; bounces that arrive after sending
        stopped (b > n) give p = 1, never a negative number under the root. Z is 2.3263 for 99 %, 3.0902 for
        99.9 % and 3.7190 for 99.99 %, one-sided.
    """,
    groups=[
        Group(
            name="sendkit-bounces",
            interval="4m",
            comment="""
                Nearly all of the time goes into reading a day of samples for every mailbox. Not slower than
                this: Prometheus looks back 5 minutes for a value, and between two evaluations there must always
                be one. A ratio is recorded in the group of its counts, so that both are of the same moment.
                Seven days are the last day and the six before it, as they were recorded; fourteen days are two
                weeks. A day that is missing counts as nothing.
            """,
            rules=[
                *(record for level in LEVELS for record in counts(level, "1d")),
                *(record for level in LEVELS for record in counted(level, "1d")),
                *(record for level in (DOMAIN, WORKSPACE) for record in added_up(level, "7d", "1d", 7, 1)),
                ratio_of_days(DOMAIN, "7d"),
                ratio_of_days(WORKSPACE, "7d"),
                *without_paging_mailbox("1d"),
            ],
        ),
        Group(
            name="sendkit-bounces-1h",
            interval="1m",
            comment="The last hour, every minute: it finds a large spike early.",
            rules=[
                *(record for level in LEVELS for record in counts(level, "1h")),
                *(record for level in (DOMAIN, WORKSPACE) for record in counted(level, "1h")),
                *without_paging_mailbox("1h"),
            ],
        ),
        Group(
            name="sendkit-bounces-7d",
            interval="4m",
            comment="""
                The week of each mailbox, two weeks of each domain, the busiest day, and the last 2 h. What has to
                page soon is in the group above, which has no room left: Mimir takes 20 rules a group.
            """,
            rules=[
                *(record for level in LEVELS for record in counts(level, "2h")),
                *added_up(MAILBOX, "7d", "1d", 7, 1),
                *added_up(DOMAIN, "14d", "7d", 2, 7),
                *(record_half_busiest_day(level) for level in LEVELS),
                ratio_of_days(MAILBOX, "7d"),
                ratio_of_days(DOMAIN, "14d"),
                *without_paging_mailbox("7d"),
            ],
        ),
        Group(
            name="sendkit-bounce-bounds",
            interval="4m",
            comment="The bounds of each subject for itself at 99 %, for dashboards and for the quiet level.",
            rules=[
                *history(WORKSPACE),
                *own_bounds(MAILBOX),
                *own_bounds(DOMAIN),
                *usual_week(),
                *own_bounds(WORKSPACE),
            ],
        ),
    ],
)

SENDS = RuleFile(
    name="sends",
    makes="a workspace's sends",
    comment="The sends of a workspace, for the unit tests of rules that read them and nothing else of bounces.yml.",
    groups=[
        Group(
            name="sendkit-bounces",
            interval="4m",
            rules=[
                next(counts(level, window)) for window in ("1d", "2h", "1h") for level in (MAILBOX, WORKSPACE)
            ],
        )
    ],
)
