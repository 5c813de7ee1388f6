"""How long it takes from the bounce that is one too many, at the API, to the notification.

    python tests/benchmarks/notification_delay.py

Every interval is read from the shipped files: that of polls, of scrapes, of the groups of rules, `for`, and
Alertmanager's `group_wait`. Each of them begins at a random moment, 100,000 times. Prints a row for each
window of a domain's spike. The seed is fixed.
"""

from pathlib import Path

import numpy as np
import yaml
from evaluation.mails import Numbers
from evaluation.shipped import minutes

from exporter.config.sections import PollConfig
from prometheus.table import ALERTS, bounce_alerts, bounces
from prometheus.table.bounce_limits import DOMAIN_SPIKE
from prometheus.table.rule import Alert, Group, Record

EXAMPLES = Path(__file__).parents[2] / "prometheus"
TIMES = 100_000
CHAINS = {"1h": ("1h",), "1d": ("1d",), "7d": ("1d", "7d")}
"""The counts that a window's count is made of, one after the other."""


def group_of(name: str) -> Group:
    """Return the group that has a record or an alert."""
    for group in (*bounces.FILE.groups, *bounce_alerts.FILE.groups):
        names = {rule.record if isinstance(rule, Record) else rule.alert for rule in group.rules}
        if name in names:
            return group
    raise LookupError(name)


def example(name: str) -> dict[str, dict[str, str]]:
    """Return an example configuration."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load((EXAMPLES / name).read_text())
    return loaded


def seconds(duration: str) -> int:
    """Return a duration such as `30s` or `1m`."""
    return int(duration[:-1]) if duration.endswith("s") else 60 * minutes(duration)


def next_turn(random: np.random.Generator, since: Numbers, interval: int) -> Numbers:
    """Return when something that happens at an interval, from a random moment on, happens next."""
    phase = random.uniform(0, interval, len(since))
    turn: Numbers = phase + np.ceil((since - phase) / interval) * interval
    return turn


def delays(random: np.random.Generator, window: str, rule: Alert) -> Numbers:
    """Return how many seconds pass until the notification, many times."""
    at = random.uniform(0, 86_400, TIMES)
    bounce = at
    at = next_turn(random, at, int(PollConfig().interval.total_seconds()))
    at = next_turn(random, at, seconds(example("prometheus.example.yml")["global"]["scrape_interval"]))
    chain = [group_of(f"domain:sendkit_emails_bounced:increase{part}") for part in CHAINS[window]]
    # What is in one group is evaluated in one go.
    for interval in {group.name: group.interval for group in chain}.values():
        at = next_turn(random, at, 60 * minutes(interval))
    evaluated = 60 * minutes(group_of(rule.alert).interval)
    at = next_turn(random, at, evaluated)
    at = at + -(-60 * minutes(rule.wait) // evaluated) * evaluated
    waits = seconds(example("alertmanager.example.yml")["route"]["group_wait"])
    found: Numbers = at + waits - bounce
    return found


def main() -> None:
    """Print the table."""
    random = np.random.default_rng(1)
    print("| window | mean | 95 % are below |\n| --- | --- | --- |")
    for window in DOMAIN_SPIKE.windows:
        found = delays(random, window.span, ALERTS[DOMAIN_SPIKE.alert])
        print(f"| {window.span} | {found.mean() / 60:.1f} min | {np.quantile(found, 0.95) / 60:.1f} min |")


if __name__ == "__main__":
    main()
