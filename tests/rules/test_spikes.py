"""Plain scenarios of bounces with the default thresholds: what pages, and how soon.

Each is a workspace of its own, and they share one history, whose rules are evaluated once.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from tests.rules.fleet import THRESHOLDS, selector
from tests.rules.promtool import BOUNCE_FILES, groups_of, run_test
from tests.servers import RANGE

STEP_MINUTES = 4
HOUR = 60 // STEP_MINUTES
DAY = 24 * HOUR
NOON = 12 * HOUR
WORK = range(9 * HOUR, 17 * HOUR)
KNOWN = "the rules were evaluated"


class Domain(NamedTuple):
    """A domain of mailboxes that send in turn, evenly from 9 to 17 h; each so-many-th mail bounces."""

    name: str
    mails_an_hour: int
    well: int
    """Of so many mails one bounces before the onset."""
    ill: int
    """And from the onset on."""
    onset: int
    mailboxes: int = 4

    def series(self, workspace: str, steps: int) -> Iterator[dict[str, str]]:
        """Yield the counters of its mailboxes."""
        sent, bounced = ([[0] for _ in range(self.mailboxes)] for _ in range(2))
        mails = itertools.count(1)
        turn = itertools.cycle(range(self.mailboxes))
        for step in range(1, steps):
            for counter in (*sent, *bounced):
                counter.append(counter[-1])
            before, now = (
                (at - WORK.start) * self.mails_an_hour // HOUR if at in WORK else None
                for at in ((step - 1) % DAY, step % DAY)
            )
            for _ in range((now or 0) - (before or 0) if now is not None and before is not None else 0):
                mailbox, number = next(turn), next(mails)
                sent[mailbox][-1] += 1
                bounced[mailbox][-1] += number % (self.ill if step >= self.onset else self.well) == 0
        for kind, counters in (("sent", sent), ("bounced", bounced)):
            for number, values in enumerate(counters):
                mailbox_id = f"{self.name}-{number}"
                labels = selector(workspace=workspace, domain=self.name, mailbox_id=mailbox_id)
                yield {
                    "series": f"sendkit_mailbox_emails_{kind}_total{{{labels}}}",
                    "values": " ".join(map(str, values)),
                }


class Scenario(NamedTuple):
    """What a workspace sends, and the domains that page at some steps."""

    domains: Sequence[Domain]
    pages: dict[int, list[str]]

    def series(self, workspace: str, steps: int) -> Iterator[dict[str, str]]:
        """Yield its counters and its thresholds."""
        for domain in self.domains:
            yield from domain.series(workspace, steps)
        for name, value in THRESHOLDS.items():
            labels = selector(workspace=workspace, threshold=name)
            yield {"series": f"sendkit_alert_threshold{{{labels}}}", "values": f"{value}x{steps}"}

    def expectations(self, workspace: str) -> Iterator[dict[str, object]]:
        """Yield what is asked of Prometheus, each with the workspace's name."""
        matchers = selector(workspace=workspace, alertname="SendKitDomainBounceSpike", alertstate="firing")
        for step, names in self.pages.items():
            yield {
                "expr": f"count by (domain) (ALERTS{{{matchers}}})",
                "eval_time": f"{step * STEP_MINUTES}m",
                "exp_samples": [{"labels": f'{{domain="{name}"}}', "value": 1} for name in sorted(names)],
            }


def bouncing(ill: int, hours: int, day: int) -> Scenario:
    """Four mailboxes at 20 mails an hour, of which 1 in 100 bounced before.

    Prometheus is new, or knows a day of them.
    """
    onset = day * DAY + (WORK.start if day == 0 else NOON)
    domain = Domain("a.example", 20, 100, ill, onset)
    return Scenario([domain], {onset: [], onset + (hours + 1) * HOUR: ["a.example"]})


def above_a_quiet_level() -> Scenario:
    """Of 11 domains that bounce 5 % where 3 % is configured, one goes to 50 % on the third day."""
    onset = 2 * DAY + NOON
    domains = [Domain(f"d{number}.example", 20, 20, 20, onset, mailboxes=1) for number in range(10)]
    domains.append(Domain("bad.example", 20, 20, 2, onset, mailboxes=1))
    return Scenario(domains, {onset: [], onset + 2 * HOUR: ["bad.example"]})


SCENARIOS = {
    "fresh, a third": bouncing(3, 1, 0),
    "fresh, 20 percent": bouncing(5, 2, 0),
    "fresh, 10 percent": bouncing(10, 5, 0),
    "a day known, a third": bouncing(3, 1, 1),
    "a day known, 20 percent": bouncing(5, 2, 1),
    # 10 bounces until the evening, beside the good mails of a day, are not yet beyond doubt.
    "a day known, 10 percent": bouncing(10, 23, 1),
    "above a quiet level": above_a_quiet_level(),
}


@cache
def said(servers: str) -> str:
    """Return what the promtool of these servers says of the scenarios; it is run once."""
    steps = max(step for scenario in SCENARIOS.values() for step in scenario.pages) + 1
    interval = f"{STEP_MINUTES}m"
    test = {
        "interval": interval,
        "input_series": [
            series for name, scenario in SCENARIOS.items() for series in scenario.series(name, steps)
        ],
        "promql_expr_test": [
            {"expr": f"vector(1) # {KNOWN}", "eval_time": interval, "exp_samples": []},
            *(asked for name, scenario in SCENARIOS.items() for asked in scenario.expectations(name)),
        ],
    }
    groups = groups_of(BOUNCE_FILES)
    order = [group["name"] for group in groups]
    with TemporaryDirectory(prefix=f"spikes-{servers}-") as folder:
        return run_test(test, groups, Path(folder), evaluation_interval=interval, group_eval_order=order)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    "servers",
    [pytest.param(end, marks=pytest.mark.xdist_group(f"spikes {end}")) for end in RANGE],
    indirect=True,
)
def test_a_domain_whose_mail_bounces_pages_in_time_and_no_earlier(scenario: str, servers: str) -> None:
    answer = said(servers)
    assert KNOWN in answer, answer
    assert f'workspace=\\"{scenario}\\"' not in answer, answer
