"""Days of mailboxes under the bounce rules: one of them breaks, or Prometheus is away for a while.

An absence: no rule is evaluated, and no sample comes in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.rules.fleet import THRESHOLDS, selector
from tests.rules.promtool import BOUNCE_FILES, groups_of, run_test

STEP_MINUTES = 10
HOUR = 60 // STEP_MINUTES
DAY = 24 * HOUR
HERE = "prometheus_is_here"

Total = Callable[[int], int]
"""What was sent, or what bounced, until a step."""
Mailboxes = Mapping[tuple[str, str], tuple[Total, Total]]
"""What mailboxes sent and bounced, by domain and id."""
Series = dict[str, str]


def mails(a_day: int, step: int) -> int:
    """Return how many mails were sent, so many a day, evenly from 9 to 17 h."""
    day, hour = divmod(step / HOUR, 24)
    return a_day * int(day) + int(min(a_day, max(0.0, (hour - 9) * a_day / 8)))


def steadily(an_hour: float, step: int) -> int:
    """Return what comes evenly, day and night."""
    return int(an_hour * step / HOUR)


def until(last: int, total: Total, step: int) -> int:
    """Return a total that does not rise after a step."""
    return total(min(step, last))


def since(first: int, every: int, total: Total, step: int) -> int:
    """Return how many bounced, from a step on: of so many sends one."""
    return max(0, total(step) - total(first)) // every


def at(hours: Iterable[float], step: int) -> int:
    """Return a total that rises by one at each of some hours."""
    return sum(step >= hour * HOUR for hour in hours)


never = partial(at, ())
twelve = partial(mails, 12)


def series(mailboxes: Mailboxes, steps: int, away: range, **thresholds: float) -> Iterator[Series]:
    """Yield what is scraped of a workspace until a step; `thresholds` are those that are not the default."""

    def values(total: Callable[[int], float]) -> str:
        return " ".join("_" if step in away else f"{total(step):g}" for step in range(steps + 1))

    for (domain, mailbox_id), totals in mailboxes.items():
        labels = selector(workspace="acme", domain=domain, mailbox_id=mailbox_id)
        for kind, total in zip(("sent", "bounced"), totals, strict=True):
            yield {"series": f"sendkit_mailbox_emails_{kind}_total{{{labels}}}", "values": values(total)}
    for name, value in (THRESHOLDS | thresholds).items():
        labels = selector(workspace="acme", threshold=name)
        yield {"series": f"sendkit_alert_threshold{{{labels}}}", "values": values(lambda _, it=value: it)}  # type: ignore[misc] # bound now
    yield {"series": HERE, "values": values(lambda _: 1)}


def asked(expr: str, step: int, *labels: str, value: float = 1) -> dict[str, Any]:
    """Return what is asked of Prometheus, and the labels of what it is to answer."""
    samples = [{"labels": each, "value": value} for each in labels]
    return {"expr": expr, "eval_time": f"{step * STEP_MINUTES}m", "exp_samples": samples}


def spikes(step: int, *alerts: str) -> dict[str, Any]:
    """Return that these spikes alone had fired until a step."""
    firing = 'ALERTS{alertname=~"SendKit(Mailbox|Domain|Workspace)BounceSpike",alertstate="firing"}'
    labels = [f'{{alertname="SendKit{each}BounceSpike"}}' for each in alerts]
    return asked(f"max by (alertname) (max_over_time({firing}[10d]))", step, *labels)


def said(
    folder: Path,
    mailboxes: Mailboxes,
    questions: list[dict[str, Any]],
    *first: str,
    steps: int,
    away: range = range(0),
    **thresholds: float,
) -> str:
    """Return what promtool says; the groups that are named first are evaluated first."""
    groups = groups_of(BOUNCE_FILES)
    if away:
        for rule in (rule for group in groups for rule in group["rules"] if "record" in rule):
            rule["expr"] = f"({rule['expr']}) and on () {HERE}"
    test = {
        "interval": f"{STEP_MINUTES}m",
        "input_series": list(series(mailboxes, steps, away, **thresholds)),
        "promql_expr_test": questions,
    }
    order = [*first, *(group["name"] for group in groups if group["name"] not in first)]
    return run_test(test, groups, folder, evaluation_interval=test["interval"], group_eval_order=order)


def test_a_mailbox_that_was_taken_out_is_no_page_of_its_domain_later_in_the_week(tmp_path: Path) -> None:
    """All mail of m0 bounces on the fourth day, and it is taken out. 3 mails of m1 bounce later."""
    out = partial(until, 3 * DAY + 18 * HOUR, twelve)
    late = partial(at, (36, 5 * 24 + 10, 7 * 24 + 12, 7 * 24 + 13))
    mailboxes = {
        ("a.example", "m0"): (out, partial(since, 3 * DAY, 1, out)),
        ("a.example", "m1"): (twelve, late),
        ("a.example", "m2"): (twelve, never),
        **{("b.example", f"m{number}"): (twelve, never) for number in range(3, 9)},
    }
    surely = 'domain:sendkit_bounce_ratio:surely{window="7d",domain="a.example"}'
    questions = [
        spikes(4 * DAY, "Mailbox"),
        spikes(8 * DAY, "Mailbox"),
        asked(f"count({surely} > 0.03)", 7 * DAY + 14 * HOUR, "{}"),  # the domain as a whole
    ]
    assert said(tmp_path, mailboxes, questions, steps=8 * DAY) == ""


def test_a_bad_domain_of_two_pages_beside_its_mailbox_that_pages(tmp_path: Path) -> None:
    """All mail of m0 bounces from the fourth day on, and a third of that of m1 from the fifth day on."""
    mailboxes = {
        ("a.example", "m0"): (twelve, partial(since, 3 * DAY, 1, twelve)),
        ("a.example", "m1"): (twelve, partial(since, 4 * DAY, 3, twelve)),
        **{("b.example", f"m{number}"): (twelve, never) for number in range(2, 8)},
    }
    day = 'domain:sendkit_emails_bounced:without_paging_mailbox1d{domain="a.example"} >= 8'
    questions = [
        spikes(4 * DAY, "Mailbox"),
        spikes(7 * DAY, "Domain", "Mailbox"),
        asked(day, 7 * DAY),  # a day of the rest is too little
    ]
    assert said(tmp_path, mailboxes, questions, steps=7 * DAY, domain_minimum_bounces=8) == ""


@pytest.mark.parametrize("first", [(), ("sendkit-bounces-7d",)], ids=["counts first", "busiest day first"])
def test_a_quiet_day_after_a_busy_one_pages_nothing_when_prometheus_was_away(
    tmp_path: Path, first: tuple[str, ...]
) -> None:
    """A domain sends 400 mails, and 20 on the next day, when 6 of the day before bounce late."""
    away = range(42 * HOUR, 42 * HOUR + 3)

    def sent(step: int) -> int:
        return until(DAY, partial(mails, 40), step) + since(DAY, 1, partial(mails, 2), step)

    mailboxes = {
        ("a.example", f"m{number}"): (sent, partial(at, (38 + number / 2,) if number < 6 else ()))
        for number in range(10)
    }
    counted = 'domain:sendkit_emails_sent:counted1d{workspace="acme",domain="a.example"}'
    questions = [asked(counted, away.stop, counted, value=200), spikes(44 * HOUR)]
    assert said(tmp_path, mailboxes, questions, *first, steps=44 * HOUR, away=away) == ""


def test_after_hours_without_prometheus_mailboxes_are_held_against_the_quiet_level_at_once(
    tmp_path: Path,
) -> None:
    """A workspace of 12 domains always bounces 3.5 %, and one of its mailboxes 11 %. Away are 3 hours."""
    away = range(28 * HOUR, 31 * HOUR)
    mailboxes = {
        (f"d{number}.example", f"m{number}"): (
            partial(steadily, 30),
            partial(steadily, 30 * (0.11 if number == 0 else 0.035)),
        )
        for number in range(12)
    }
    threshold = 'workspace:sendkit_bounce_ratio:threshold{alert="SendKitMailboxBounceSpike",window="1d"}'
    lately = "count(max_over_time(mailbox:sendkit_bounce_spike:bool[4h]) == 1)"
    questions = [asked(f"count({threshold} > 0.1)", 32 * HOUR, "{}"), asked(lately, 33 * HOUR)]
    first = "sendkit-mailbox-bounce-alerts"
    assert said(tmp_path, mailboxes, questions, first, steps=33 * HOUR, away=away) == ""
