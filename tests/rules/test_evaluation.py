"""The simulated arithmetic of the bounce alerts is that of the shipped rules on Prometheus."""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from prometheus.table.bounce_limits import DOMAIN_SPIKE, LIMITS, BounceLimit
from prometheus.table.bounce_series import state
from prometheus.table.bounce_thresholds import QUIET
from tests.rules.fleet import THRESHOLDS, selector
from tests.rules.promtool import BOUNCE_FILES, groups_of, run_test

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/benchmarks"))  # scripts, which import their neighbours

from evaluation import incidents, mails, paging  # noqa: E402 - same
from evaluation.clock import DAY, HOUR, STEP_MINUTES, WORK_BEGINS  # noqa: E402 - same
from evaluation.fleets import Fleet, Part  # noqa: E402 - same
from evaluation.mails import Flags, Mails, Numbers, World  # noqa: E402 - same
from evaluation.quiet import Earlier, quiet_level  # noqa: E402 - same
from evaluation.rises import levels  # noqa: E402 - same
from evaluation.states import states  # noqa: E402 - same

MANY = Fleet("twelve domains", (Part(10, 1, 14, 20), Part(1, 2, 20, 30), Part(1, 3, 40, 60)))
FEW = Fleet("three domains", (Part(2, 2, 8, 14), Part(1, 3, 40, 60)))


class Case(NamedTuple):
    """A random fleet of a seed, what it bounced before it was watched, and what goes wrong."""

    seed: int
    fleet: Fleet
    days: int
    earlier: Earlier
    lasts_days: float
    """After how long the mailboxes of a domain that bounces are paused."""
    blocked_hours: float = 0
    """For how long half of all mail bounces on the fourth day, beside the single domains."""


CASES = (
    Case(2, MANY, 5, Earlier(5_000, 200), lasts_days=20, blocked_hours=2),
    Case(6, FEW, 5, Earlier(4_000, 80), lasts_days=0.1),
)
WEEK_KNOWN = Case(2, MANY, 10, Earlier(5_000, 300), lasts_days=20)
"""Long enough for a week of its own."""


def fleet_with_trouble(case: Case) -> Mails:
    """A fleet of which one domain, then another, then perhaps everything goes wrong."""
    random = np.random.default_rng(case.seed)
    sent = mails.simulate(random, case.fleet, World(0.02), mails.weekdays(2))
    worst = incidents.Incident("a list", float(random.choice([0.4, 1])), "domain")
    onset = np.full(case.fleet.domains, np.inf)
    onset[random.permutation(case.fleet.domains)[:2]] = np.array([1.45, 2.4]) * DAY
    begun = incidents.struck(random, sent, worst, onset)
    if case.blocked_hours:
        since = 3.0 * DAY + WORK_BEGINS + HOUR
        half = incidents.struck(random, begun, incidents.PROVIDER_BLOCKS, np.full(case.fleet.domains, since))
        during = (sent.step >= since) & (sent.step < since + case.blocked_hours * HOUR)
        begun = replace(begun, ratio=np.where(during, half.ratio, begun.ratio))
    return incidents.paused(begun, onset + case.lasts_days * DAY)


def labels_of(limit: BounceLimit, row: int, fleet: Fleet) -> dict[str, str]:
    domains = fleet.domain_of_mailbox()
    return {
        "workspace": {"workspace": "w"},
        "domain": {"workspace": "w", "domain": f"d{row}"},
        "mailbox": {
            "workspace": "w",
            "domain": f"d{domains[min(row, len(domains) - 1)]}",
            "mailbox_id": f"m{row}",
        },
    }[limit.level.name]


def input_series(sent: Mails, case: Case) -> Iterator[dict[str, str]]:
    """Yield thresholds, counters and the API's totals; the first mailbox has all that was before."""
    domains = sent.fleet.domain_of_mailbox()
    for kind, counts, before in zip(("sent", "bounced"), sent.counts(), case.earlier, strict=True):
        for row, totals in enumerate(np.cumsum(counts, axis=1)[:, : case.days * DAY]):
            labels = selector(workspace="w", domain=f"d{domains[row]}", mailbox_id=f"m{row}")
            ever = totals + (0 if row else before)
            yield {
                "series": f"sendkit_mailbox_emails_{kind}_total{{{labels}}}",
                "values": " ".join(map(str, totals)),
            }
            yield {
                "series": f'sendkit_mailbox_campaign_{kind}{{{labels},window="all"}}',
                "values": " ".join(map(str, ever)),
            }
    for name, value in THRESHOLDS.items():
        labels = selector(workspace="w", threshold=name)
        yield {"series": f"sendkit_alert_threshold{{{labels}}}", "values": f"{value}x{case.days * DAY}"}


def differences(case: Case, sent: Mails, tests: list[dict[str, Any]], folder: Path) -> str:
    """Run promtool and return what differs from what is expected."""
    groups = groups_of(BOUNCE_FILES)
    interval = f"{STEP_MINUTES}m"
    test = {
        "interval": interval,
        "input_series": list(input_series(sent, case)),
        "promql_expr_test": tests,
    }
    order = [group["name"] for group in groups]
    return run_test(test, groups, folder, evaluation_interval=interval, group_eval_order=order)[-4000:]


def asked_steps(changing: list[Flags], case: Case) -> list[int]:
    """Where something changes, just before, and some at random."""
    changes = itertools.chain.from_iterable(np.nonzero(one[:, 1:] != one[:, :-1])[1] for one in changing)
    near = {int(step) + shift for step in changes for shift in (0, 1)}
    random = np.random.default_rng(case.seed).integers(1, case.days * DAY, 30)
    return sorted(step for step in {*near, *map(int, random)} if 0 < step < case.days * DAY)


def asked(expr: str, step: int, samples: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expr": expr, "eval_time": f"{step * STEP_MINUTES}m", "exp_samples": samples}


def expectations(case: Case, limit: BounceLimit, true: Flags, step: int, expr: str) -> dict[str, Any]:
    rows = np.flatnonzero(true[:, step])
    return asked(
        f"count by ({limit.level.by}) ({expr})",
        step,
        [{"labels": f"{{{selector(**labels_of(limit, int(row), case.fleet))}}}", "value": 1} for row in rows],
    )


def expected_level(quiet: Numbers, step: int) -> dict[str, Any]:
    """The quiet level is that of the simulation, or there is none where that is 0."""
    level = float(quiet[step])
    found = [{"labels": "{}", "value": 1}] if level else []
    return asked(f"count({QUIET} > 0 and abs({QUIET} - {level!r}) < 1e-9)", step, found)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fleet.name)
def test_simulated_states_and_alerts_are_those_of_prometheus(case: Case, tmp_path: Path) -> None:
    """On random fleets every state is 1, and every alert fires, at the evaluations of the shipped rules."""
    sent = fleet_with_trouble(case)
    counted = levels(sent)
    recorded = states(counted, quiet_level(counted, case.earlier))
    firing = {limit.alert: paging.fires(recorded[limit.alert], limit) for limit in LIMITS}
    steps = asked_steps([*recorded.values(), *firing.values()], case)
    tests = []
    for limit in LIMITS:
        alert = f'ALERTS{{alertname="{limit.alert}", alertstate="firing"}}'
        for step in steps:
            tests.append(expectations(case, limit, recorded[limit.alert], step, f"{state(limit)} == 1"))
            tests.append(expectations(case, limit, firing[limit.alert], step, alert))

    assert not differences(case, sent, tests, tmp_path)

    assert sum(one[:, : case.days * DAY].any() for one in recorded.values()) >= 6
    kept = firing[DOMAIN_SPIKE.alert] & ~recorded[DOMAIN_SPIKE.alert]
    assert kept[:, : case.days * DAY].any()  # what fires by keep_firing_for alone


@pytest.mark.timeout(1200)
def test_simulated_quiet_level_is_that_of_prometheus(tmp_path: Path) -> None:
    """It follows what was before the workspace was watched, and from the ninth day on its own weeks."""
    sent = fleet_with_trouble(WEEK_KNOWN)
    quiet = quiet_level(levels(sent), WEEK_KNOWN.earlier)
    steps = [*range(5, WEEK_KNOWN.days * DAY, 2 * HOUR + 1), *range(8 * DAY, 9 * DAY, 8)]
    tests = [expected_level(quiet, step) for step in steps]

    assert not differences(WEEK_KNOWN, sent, tests, tmp_path)

    without = quiet_level(levels(sent))
    assert (quiet != without)[: 8 * DAY].any()
    assert (quiet == without)[9 * DAY :].all()
