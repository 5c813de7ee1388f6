"""The proposed rules as PromQL, written from the same table that the simulation reads."""

from collections.abc import Sequence
from typing import Any

from evaluation.rules import CAP, PER_LOGARITHM, USUAL_DAY, Alert, Window, Z

LABELS = {"mailbox": "workspace, domain, mailbox_id", "domain": "workspace, domain", "workspace": "workspace"}
MINIMUM = {
    "mailbox": "minimum_bounces",
    "domain": "domain_minimum_bounces",
    "workspace": "domain_minimum_bounces",
}
WINDOWS = {1: "1h", 2: "2h", 24: "1d", 168: "7d", 336: "14d"}
COUNTED = ("sent", "bounced")
WORKING_HOURS = 8

Rule = dict[str, Any]


def record(name: str, expr: str, **labels: str) -> Rule:
    """Return a recording rule."""
    return {"record": name, "expr": expr, **({"labels": labels} if labels else {})}


def counts(level: str) -> list[Rule]:
    """Count over windows. Longer ones are days added up; a day that is missing counts as nothing."""
    rules = []
    below = {"domain": "mailbox", "workspace": "domain"}.get(level)
    by = LABELS[level]
    for what in COUNTED:
        for window in ("1h", "2h", "1d"):
            raw = f"round(max by ({by}) (increase(sendkit_mailbox_emails_{what}_total[{window}])))"
            expr = f"sum by ({by}) ({below}:sendkit_emails_{what}:increase{window})" if below else raw
            rules.append(record(f"{level}:sendkit_emails_{what}:increase{window}", expr))
        day, week = (f"{level}:sendkit_emails_{what}:increase{window}" for window in ("1d", "7d"))
        days = [day, *(f"last_over_time({day}[30m] offset {ago}d)" for ago in range(1, 7))]
        rules.append(record(week, _added(by, days)))
        if level == "domain":
            weeks = [week, f"last_over_time({week}[30m] offset 7d)"]
            rules.append(record(f"{level}:sendkit_emails_{what}:increase14d", _added(by, weeks)))
    busiest = f"max_over_time({level}:sendkit_emails_sent:increase1d[7d:1d])"
    half = f"({busiest} or {level}:sendkit_emails_sent:increase1d * 0) / 2"
    return [*rules, record(f"{level}:sendkit_emails_sent:half_busiest_day", half)]


def _added(by: str, terms: list[str]) -> str:
    parts = (f'label_replace({term}, "part", "{number}", "", "")' for number, term in enumerate(terms))
    return f"sum by ({by}) (\n  " + "\n  or ".join(parts) + "\n)"


def quiet_level() -> list[Rule]:
    """Say what a workspace surely bounces on: the bound of 7 days at 99 %, a day ago."""
    sent, bounced = (f"workspace:sendkit_emails_{what}:increase7d" for what in COUNTED)
    p, u = f"clamp_max({bounced} / ({sent} > 0), 1)", f"({Z['99']} ^ 2 / ({sent} > 0))"
    surely = "workspace:sendkit_bounce_ratio:surely7d"
    return [
        record(surely, _bound(p, u)),
        record(
            "workspace:sendkit_bounce_ratio:quiet", f"last_over_time({surely}[30m] offset 1d) or {surely}"
        ),
    ]


def _bound(p: str, u: str) -> str:
    return f"clamp_min(({p} + {u} / 2 - sqrt({u} * ({p} * (1 - {p}) + {u} / 4))) / (1 + {u}), 0)"


def threshold(configured: str, multiple: float) -> str:
    """Return the configured threshold, or the multiple of the quiet level if higher, at most 5 times it."""
    one = f'max by (workspace) (workspace:sendkit_alert_threshold:last2h{{threshold="{configured}"}})'
    if not multiple:
        return one
    own = f"{multiple:g} * workspace:sendkit_bounce_ratio:quiet"
    return (
        f"(\n  ({one} unless on (workspace) workspace:sendkit_bounce_ratio:quiet)\n"
        f"  or ({one} > on (workspace) {own})\n"
        f"  or ({own} < on (workspace) {CAP} * {one})\n"
        f"  or {CAP} * {one}\n)"
    )


def above(alert: Alert, window: Window, configured: str, name: str) -> list[Rule]:
    """Record one window's ratio, doubt, bound and threshold."""
    level, length, by = alert.level, WINDOWS[window.hours], LABELS[alert.level]
    sent = f"{level}:sendkit_emails_sent:increase{length}"
    half = f"{level}:sendkit_emails_sent:half_busiest_day"
    if window.hours < WORKING_HOURS:
        half += f" * {window.hours / WORKING_HOURS:g}"
    counted = f"(({sent} > {half}) or {half})" if alert.floor else sent
    subjects = f"count by (workspace) ({level}:sendkit_emails_sent:increase1d)"
    z2 = f"({Z[window.confidence]} ^ 2 + {PER_LOGARITHM} * ln({subjects}))"
    labels = {"alert": name, "window": length, "confidence": window.confidence}
    at = f'{{alert="{name}", window="{length}"}}'
    p, u = f"{level}:sendkit_bounce_ratio:counted{at}", f"{level}:sendkit_bounce_ratio:doubt{at}"
    ratio = f"clamp_max({level}:sendkit_emails_bounced:increase{length} / ({counted} > 0), 1)"
    group = "" if level == "workspace" else " group_right ()"
    return [
        record(f"{level}:sendkit_bounce_ratio:counted", ratio, **labels),
        record(
            f"{level}:sendkit_bounce_ratio:doubt", f"{z2} / on (workspace){group} ({counted} > 0)", **labels
        ),
        record(f"{level}:sendkit_bounce_ratio:lower", f"max by ({by}) ({_bound(p, u)})", **labels),
        record(
            f"workspace:sendkit_bounce_ratio:{level}_threshold",
            threshold(configured, window.multiple),
            **labels,
        ),
    ]


def begins(alert: Alert, window: Window, name: str) -> str:
    """Return the condition that one window begins the alert with."""
    level, length, by = alert.level, WINDOWS[window.hours], LABELS[alert.level]
    at = f'{{alert="{name}", window="{length}"}}'
    group = "" if level == "workspace" else " group_left ()"
    limit = f"max by (workspace) (workspace:sendkit_bounce_ratio:{level}_threshold{at})"
    minimum = f'workspace:sendkit_alert_threshold:last2h{{threshold="{MINIMUM[level]}"}}'
    more = window.minimum_bounces - (3 if level == "mailbox" else 5)
    least = f"max by (workspace) ({minimum})" + (f" + {more}" if more else "")
    bounced = f"{level}:sendkit_emails_bounced:increase{length}"
    conditions = [
        f"max by ({by}) ({level}:sendkit_bounce_ratio:lower{at}) > on (workspace){group} {limit}",
        f"({bounced} >= on (workspace){group} ({least}))",
    ]
    if alert.bounced_within:
        conditions.append(f"{level}:sendkit_emails_bounced:increase2h > 0")
    if alert.sent_within:
        conditions.append(f"{level}:sendkit_emails_sent:increase2h > 0")
    if alert.today and window.hours > 24:
        day, half = f"{level}:sendkit_emails_sent:increase1d", f"{level}:sendkit_emails_sent:half_busiest_day"
        today = f"({level}:sendkit_emails_bounced:increase1d / ((({day} > {half}) or {half}) > 0))"
        conditions.append(f"({today} > on (workspace){group} {limit})")
    return f"\n  and on ({by}) ".join(conditions)


def latch(alert: Alert, configured: str, name: str) -> list[Rule]:
    """Say 1 from where an alert begins until it is well again, then 0."""
    level, by = alert.level, LABELS[alert.level]
    group = "" if level == "workspace" else " group_left ()"
    day, bounced_day = f"{level}:sendkit_emails_sent:increase1d", f"{level}:sendkit_emails_bounced:increase1d"
    begin = "\n  or ".join(f"({begins(alert, window, name)})" for window in alert.windows)
    if alert.unless:
        begin = f"({begin})\n  unless on (workspace, domain) domain:sendkit_bounce_spike:bool == 1"
    limit = f'workspace:sendkit_bounce_ratio:{level}_threshold{{alert="{name}", window="well"}}'
    well = f"max by (workspace) ({limit})"
    recovered = (
        f"({bounced_day} < on ({by}) ({day} * on (workspace){group} {well}))\n"
        f"  and on ({by}) ({day} > 0)\n"
        f"  and on ({by}) ({day} >= {2 * USUAL_DAY:g} * {level}:sendkit_emails_sent:half_busiest_day)\n"
        f"  and on ({by}) ({level}:sendkit_emails_bounced:increase2h"
        f" <= on ({by}) ({level}:sendkit_emails_sent:increase2h * on (workspace){group} {well}))"
    )
    idle = f"(max_over_time({day}[2d]) == 0)"
    state = f"{level}:{name}:bool"
    return [
        record(
            f"workspace:sendkit_bounce_ratio:{level}_threshold",
            threshold(configured, alert.well_again),
            alert=name,
            window="well",
        ),
        record(
            state,
            f"(count by ({by}) (\n  {begin}\n))\n* 0 + 1\n"
            f"or on ({by}) 0 * (({recovered})\n  or on ({by}) {idle})\n"
            f"or on ({by}) last_over_time({state}[2h])",
        ),
    ]


READS = {
    "SendKitWorkspaceBounceSpike": ("workspace_bounce_ratio_critical", "sendkit_bounce_spike"),
    "SendKitDomainBounceSpike": ("domain_bounce_ratio_critical", "sendkit_bounce_spike"),
    "SendKitMailboxBounceSpike": ("mailbox_bounce_ratio_critical", "sendkit_bounce_spike"),
    "SendKitMailboxBouncing": ("mailbox_bounce_ratio_warning", "sendkit_bouncing"),
    "SendKitDomainBounceSlowBurn": ("domain_bounce_ratio_critical", "sendkit_slow_burn"),
    "SendKitMailboxBounceSlowBurn": ("mailbox_bounce_ratio_warning", "sendkit_slow_burn"),
    "SendKitWorkspaceBounceLevel": ("workspace_bounce_ratio_critical", "sendkit_bounce_level"),
}
"""By alert, the threshold it reads and the name of what it records."""


def alerting(alert: Alert) -> Rule:
    """Return the alerting rule itself."""
    _, name = READS[alert.name]
    expr = f"{alert.level}:{name}:bool == 1"
    if not alert.well_again:
        expr = "\nor ".join(f"({begins(alert, window, name)})" for window in alert.windows)
    rule = {
        "alert": alert.name,
        "expr": expr,
        "for": f"{alert.for_minutes}m",
        "labels": {"severity": alert.severity},
    }
    return {**rule, "keep_firing_for": f"{alert.keep_minutes}m"} if alert.keep_minutes else rule


def groups(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """Return the groups of a rule file: counts, the quiet level, what each alert records, and the alerts."""
    found = [(f"counts-{level}", "4m", counts(level)) for level in LABELS]
    found.append(("quiet-level", "4m", quiet_level()))
    for alert in alerts:
        configured, name = READS[alert.name]
        recorded = [rule for window in alert.windows for rule in above(alert, window, configured, name)]
        found.append(
            (alert.name, "4m", recorded + (latch(alert, configured, name) if alert.well_again else []))
        )
    found.append(("alerts", "1m", [alerting(alert) for alert in alerts]))
    return [{"name": name, "interval": interval, "rules": rules} for name, interval, rules in found]
