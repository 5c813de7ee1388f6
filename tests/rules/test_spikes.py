"""Plain scenarios of bounces with the default thresholds: what pages, and how soon."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.rules.fleet import THRESHOLDS, selector
from tests.rules.promtool import RULE_FILES

pytestmark = pytest.mark.usefixtures("servers")

STEP_MINUTES = 4
HOUR = 60 // STEP_MINUTES
DAY = 24 * HOUR
WORK = range(9 * HOUR, 17 * HOUR)


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

    def series(self, steps: int) -> Iterator[dict[str, str]]:
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
                labels = selector(workspace="acme", domain=self.name, mailbox_id=f"{self.name}-{number}")
                yield {
                    "series": f"sendkit_mailbox_emails_{kind}_total{{{labels}}}",
                    "values": " ".join(map(str, values)),
                }


def promtool(domains: list[Domain], expectations: dict[int, list[str]], folder: Path) -> str:
    """Hold the domains that page at each step against those expected; return what differs."""
    steps = max(expectations) + 1
    series = [one for domain in domains for one in domain.series(steps)]
    series += [
        {
            "series": f"sendkit_alert_threshold{{{selector(workspace='acme', threshold=name)}}}",
            "values": f"{value}x{steps}",
        }
        for name, value in THRESHOLDS.items()
    ]
    tests = [
        {
            "expr": 'count by (domain) (ALERTS{alertname="SendKitDomainBounceSpike", alertstate="firing"})',
            "eval_time": f"{step * STEP_MINUTES}m",
            "exp_samples": [{"labels": f'{{domain="{name}"}}', "value": 1} for name in sorted(names)],
        }
        for step, names in expectations.items()
    ]
    interval = f"{STEP_MINUTES}m"
    (folder / "spikes.yml").write_text(
        yaml.safe_dump(
            {
                "rule_files": [
                    str(path) for path in RULE_FILES if "bounce" in path.name or "sett" in path.name
                ],
                "evaluation_interval": interval,
                "group_eval_order": [
                    "sendkit-settings",
                    "sendkit-bounces",
                    "sendkit-bounces-1h",
                    "sendkit-bounces-7d",
                    "sendkit-bounce-bounds",
                    "sendkit-bounce-thresholds",
                    "sendkit-bounce-alerts",
                ],
                "tests": [{"interval": interval, "input_series": series, "promql_expr_test": tests}],
            }
        )
    )
    run = subprocess.run(
        ["promtool", "test", "rules", str(folder / "spikes.yml")], capture_output=True, text=True, check=False
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr


NOON = 12 * HOUR


@pytest.mark.parametrize(
    ("ill", "hours"),
    [
        pytest.param(3, 1, id="a third"),
        pytest.param(5, 2, id="20 percent"),
        pytest.param(10, 5, id="10 percent"),
    ],
)
@pytest.mark.parametrize("day", [0, 1], ids=["fresh", "a-day-known"])
def test_four_mailboxes_at_40_a_day_whose_mail_bounces_page(
    ill: int, hours: int, day: int, tmp_path: Path
) -> None:
    """20 mails an hour, of which 1 in 100 bounced before; Prometheus is new, or knows a day of them."""
    onset = day * DAY + (WORK.start if day == 0 else NOON)
    if day and ill == 10:
        hours = 23  # 10 bounces until the evening, beside the good mails of a day: not yet beyond doubt
    domain = Domain("a.example", 20, 100, ill, onset)
    assert not promtool([domain], {onset: [], onset + (hours + 1) * HOUR: ["a.example"]}, tmp_path)


def test_the_threshold_follows_the_quiet_level_of_a_fleet(tmp_path: Path) -> None:
    """Of 11 domains that bounce 5 % where 3 % is configured, one goes to 50 % on the third day."""
    onset = 2 * DAY + NOON
    domains = [Domain(f"d{number}.example", 20, 20, 20, onset, mailboxes=1) for number in range(10)]
    domains.append(Domain("bad.example", 20, 20, 2, onset, mailboxes=1))
    assert not promtool(domains, {onset: [], onset + 2 * HOUR: ["bad.example"]}, tmp_path)
