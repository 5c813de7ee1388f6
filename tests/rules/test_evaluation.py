"""The simulated arithmetic of the proposed rules is that of Prometheus."""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.rules.promtool import promtool

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/benchmarks"))  # scripts, which import what stands beside them

from evaluation import incidents, mails, promql, rule_sets  # noqa: E402 - same
from evaluation.clock import DAY, STEP_MINUTES  # noqa: E402 - same
from evaluation.fleets import Fleet, Part  # noqa: E402 - same
from evaluation.mails import Flags, Mails, World  # noqa: E402 - same
from evaluation.rises import levels  # noqa: E402 - same
from evaluation.rules import Alert, is_true, quiet_level  # noqa: E402 - same

SMALL = Fleet("small", (Part(2, 2, 8, 14), Part(1, 3, 40, 60)))
DAYS = 6
NAMES = ("SendKitWorkspaceBounceSpike", "SendKitDomainBounceSpike")
THRESHOLDS = {
    "mailbox_bounce_ratio_warning": 0.03,
    "mailbox_bounce_ratio_critical": 0.05,
    "domain_bounce_ratio_critical": 0.03,
    "workspace_bounce_ratio_critical": 0.03,
    "minimum_bounces": 3,
    "domain_minimum_bounces": 5,
}
ALERTS = {alert.name: alert for alert in rule_sets.PROPOSED if alert.name in NAMES}


def fleet_with_trouble(seed: int) -> Mails:
    """A fleet of which one small domain, the large one, and one mailbox go wrong."""
    random = np.random.default_rng(seed)
    sent = mails.simulate(random, SMALL, World(0.02), mails.weekdays(1))
    worst = incidents.Incident("a list", float(random.choice([0.2, 0.4, 1])), "domain")
    onset = np.array([np.inf, 2.4, 3.5])[random.permutation(3)] * DAY
    begun = incidents.struck(random, sent, worst, onset)
    return incidents.paused(begun, onset + DAY) if seed % 2 else begun


def rules_file(folder: Path) -> None:
    groups = {"groups": promql.groups(list(ALERTS.values()))}
    (folder / "rules.yml").write_text(yaml.safe_dump(groups, sort_keys=False))


def labels_of(level: str, row: int) -> dict[str, str]:
    domains = SMALL.domain_of_mailbox()
    if level == "mailbox":
        return {"workspace": "w", "domain": f"d{domains[row]}", "mailbox_id": f"m{row}"}
    return {"workspace": "w", "domain": f"d{row}"} if level == "domain" else {"workspace": "w"}


def text(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"


def input_series(sent: Mails) -> list[dict[str, str]]:
    totals = [np.cumsum(counts, axis=1) for counts in sent.counts()]
    counters = [
        {
            "series": f"sendkit_mailbox_emails_{what}_total{text(labels_of('mailbox', row))}",
            "values": " ".join(map(str, of[row, : DAYS * DAY])),
        }
        for what, of in zip(promql.COUNTED, totals, strict=True)
        for row in range(SMALL.mailboxes)
    ]
    configured = [
        {
            "series": "workspace:sendkit_alert_threshold:last2h"
            + text({"workspace": "w", "threshold": name}),
            "values": f"{value}x{DAYS * DAY}",
        }
        for name, value in THRESHOLDS.items()
    ]
    return counters + configured


def asked_steps(states: list[Flags], seed: int) -> list[int]:
    """Where something changes, just before, and some at random, from the third day on."""
    changes = itertools.chain.from_iterable(np.nonzero(state[:, 1:] != state[:, :-1])[1] for state in states)
    near = {step + shift for step in changes for shift in (0, 1)}
    random = np.random.default_rng(seed).integers(2 * DAY, DAYS * DAY, 15)
    return sorted(step for step in {*map(int, near), *map(int, random)} if 2 * DAY <= step < DAYS * DAY)


def expectation(alert: Alert, state: Flags, step: int) -> dict[str, Any]:
    name = f"{alert.level}:{promql.READS[alert.name][1]}:bool"
    return {
        "expr": f"{name} == 1",
        "eval_time": f"{step * STEP_MINUTES}m",
        "exp_samples": [
            {"labels": name + text(labels_of(alert.level, int(row))), "value": 1}
            for row in np.flatnonzero(state[:, step])
        ],
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_simulated_conditions_are_those_of_prometheus(seed: int, tmp_path: Path) -> None:
    """On random fleets, an alert is true at the same evaluations in the simulation and in promtool."""
    sent = fleet_with_trouble(seed)
    counted = levels(sent)
    quiet = quiet_level(counted.workspace)
    states: dict[str, Flags] = {}
    for alert in ALERTS.values():
        above = states[alert.unless][counted.domain_of_mailbox] if alert.unless else None
        states[alert.name] = is_true(counted, alert, quiet, unless=above)
    steps = asked_steps(list(states.values()), seed)
    asked = [expectation(ALERTS[name], state, step) for name, state in states.items() for step in steps]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{STEP_MINUTES}m",
        "group_eval_order": [group["name"] for group in promql.groups(list(ALERTS.values()))],
        "tests": [
            {
                "interval": f"{STEP_MINUTES}m",
                "input_series": input_series(sent),
                "promql_expr_test": asked,
            }
        ],
    }
    rules_file(tmp_path)
    (tmp_path / "test.yml").write_text(json.dumps(test))

    ran = promtool("test", "rules", tmp_path / "test.yml")

    assert any(state.any() for state in states.values())
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
