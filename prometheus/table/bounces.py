"""Bounces and sends over windows, with the bounds of the bounce rate, on every level."""

from collections.abc import Iterator

from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import (
    QUANTILES,
    compared,
    highest,
    labelled,
    last_hour,
    rises,
    summed,
    threshold,
    wilson_lower,
)
from prometheus.table.rule import Group, Record, RuleFile

BOUNDS = [("1d", "99"), ("1d", "99.9"), ("7d", "99")]
"""The windows and confidences of the bounds that are recorded."""

BELOW = {DOMAIN: MAILBOX, WORKSPACE: DOMAIN}
"""The level whose sums make those of a level."""

WEEK = "[167h59m:1h]"
"""The 168 full hours of a week: a minute less, so that an evaluation on the full hour has no 169th."""


def counts(level: Level, window: str, *kinds: str) -> Iterator[Record]:
    """Record sends and bounces of a level over a window."""
    for kind in kinds:
        name = f"sendkit_emails_{kind}:increase{window}"
        if level is MAILBOX:
            expr = rises(MAILBOX, f"sendkit_mailbox_emails_{kind}_total", window)
        else:
            expr = summed(level, f"{BELOW[level].name}:{name}")
        yield Record(record=f"{level.name}:{name}", expr=expr)


def week(kind: str) -> Record:
    """Record sends or bounces of a mailbox over 7 days, put together from hours."""
    name = f"mailbox:sendkit_emails_{kind}"
    return Record(record=f"{name}:increase7d", expr=f"sum_over_time({name}:increase1h{WEEK})")


def ratios(level: Level) -> Iterator[Record]:
    """Record p, u and the lower bound of a level, with the window and the confidence as labels."""
    name = f"{level.name}:sendkit_bounce_ratio"
    windows = {window: _counts(level, window) for window in ("1d", "7d")}
    yield Record(
        record=f"{name}:rolling",
        expr="\nor\n".join(
            labelled(f"clamp_max({bounced} / ({sent} > 0), 1)", window=window)
            for window, (bounced, sent) in windows.items()
        ),
    )
    yield Record(
        record=f"{name}:wilson_doubt",
        expr="\nor\n".join(
            labelled(
                f"{QUANTILES[confidence]} ^ 2 / ({windows[window][1]} > 0)",
                window=window,
                confidence=confidence,
            )
            for window, confidence in BOUNDS
        ),
    )
    yield Record(record=f"{name}:wilson_lower", expr=wilson_lower(level))


def _counts(level: Level, window: str) -> tuple[str, str]:
    """Return the recorded bounces and sends of a window; those of 7 days are recorded every half hour."""
    bounced, sent = (f"{level.name}:sendkit_emails_{kind}:increase{window}" for kind in ("bounced", "sent"))
    return (bounced, sent) if window == "1d" else (last_hour(bounced), last_hour(sent))


BOUND = 'mailbox:sendkit_bounce_ratio:wilson_lower{window="1d", confidence="99"}'
BOUNCING = Record(
    record="mailbox:sendkit_bouncing:bool",
    comment="1 for a mailbox that bounces too much (enough for a ticket), 0 for the others that sent.",
    expr=f"""\
{highest(MAILBOX, compared(BOUND, "> bool", threshold("mailbox_bounce_ratio_warning")))}
*
({compared("mailbox:sendkit_emails_bounced:increase1d", ">= bool", threshold("minimum_bounces"))})
""",
)

FILE = RuleFile(
    name="bounces",
    makes=(
        "bounces and sends over 1 h, 2 h, 24 h and 7 days at the levels mailbox, domain and workspace, "
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

        Bounds. 1 bounce of 4 is 25 % and means nothing; 12 of 200 is 6 % and means a lot. What distinguishes
        them is the lower bound of the Wilson score interval: the rate is at least this much, at the given
        confidence. As written in textbooks, for b bounces of n sends, p = min(b/n, 1) and the one-sided normal
        quantile Z:

            LB = max(0, (p + Z²/2n - Z·sqrt((p(1-p) + Z²/4n) / n)) / (1 + Z²/n))

        All of Z and n enters as u = Z²/n, the doubt that a sample of n leaves at that confidence, since
        Z·sqrt(x/n) = sqrt(u·x):

            LB = max(0, (p + u/2 - sqrt(u·(p(1-p) + u/4))) / (1 + u))

        So each level (mailbox, domain, workspace) records p and u and then has this formula once, for all
        windows and confidences: they are labels. No sends, no p and no bound; bounces that arrive after sending
        stopped (b > n) give p = 1, never a negative number under the root. Z is 2.3263 for 99 % (a ticket) and
        3.0902 for 99.9 % (a page), one-sided.
    """,
    groups=[
        Group(
            name="sendkit-bounces",
            interval="4m",
            comment="""
                Nearly all of the time goes into reading a day of samples for every mailbox. Not slower than
                this: Prometheus looks back 5 minutes for a value, and between two evaluations there must always
                be one.
            """,
            rules=[
                *counts(MAILBOX, "1d", "sent", "bounced"),
                *counts(MAILBOX, "2h", "bounced"),
                *ratios(MAILBOX),
                BOUNCING,
                *(
                    record
                    for level in (DOMAIN, WORKSPACE)
                    for record in (
                        *counts(level, "1d", "sent", "bounced"),
                        *counts(level, "2h", "bounced"),
                        *ratios(level),
                    )
                ),
            ],
        ),
        Group(
            name="sendkit-bounces-1h",
            interval="4m",
            comment="Hours, of which the longer windows are put together.",
            rules=[
                record
                for level in (MAILBOX, DOMAIN, WORKSPACE)
                for record in counts(level, "1h", "sent", "bounced")
            ],
        ),
        Group(
            name="sendkit-bounces-7d",
            interval="30m",
            comment="""
                Seven days are the sum of 168 recorded hours, one of each full hour: 168 steps a mailbox instead
                of 20,160 samples. The range is a minute short of seven days so that an evaluation on the full
                hour itself does not take in a 169th. What is up to an hour old may be missing; nobody reads
                seven days for the last hour.
            """,
            rules=[
                week("sent"),
                week("bounced"),
                *(
                    record
                    for level in (DOMAIN, WORKSPACE)
                    for record in counts(level, "7d", "sent", "bounced")
                ),
            ],
        ),
    ],
)
