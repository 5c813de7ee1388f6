"""What must not wake anyone: each disturbance of a healthy fleet, held against every alert by name.

A disturbance takes a minute and is tried at one end of the range, by turns: that an alert fires, and when, is
tried at both.
"""

from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from prometheus.table import ALERTS
from tests.rules.fleet import MAILBOXES, MINUTES, Fleet, Mailbox
from tests.rules.promtool import RULE_FILES, promtool
from tests.servers import RANGE

NOW = 3 * 60  # when the disturbance happens: with hours before it and hours after


def nothing_happens() -> list[Fleet]:
    return [Fleet()]


def one_scrape_is_missed() -> list[Fleet]:
    fleet = Fleet()
    fleet.miss(NOW, NOW + 1)
    fleet.of("up")[0][NOW] = 0
    return [fleet]


def four_scrapes_are_missed_every_hour() -> list[Fleet]:
    fleet = Fleet()
    for hour in range(1, MINUTES // 60):
        fleet.miss(hour * 60, hour * 60 + 4)
        fleet.of("up")[0][hour * 60 : hour * 60 + 4] = [0] * 4
    return [fleet]


def prometheus_is_away_for_40_minutes() -> list[Fleet]:
    """Leave a gap in what is scraped.

    `up`, the exporter and its workspaces stay, since nothing is evaluated while Prometheus is away.
    """
    fleet = Fleet()
    fleet.miss(NOW, NOW + 40)
    for name in ("sendkit_exporter_build_info", "sendkit_workspace_info"):
        fleet.of(name)[0][:] = [1.0] * MINUTES
    return [fleet]


def the_exporter_restarts_without_state() -> list[Fleet]:
    fleet = Fleet()
    fleet.start_counters_again(NOW)
    fleet.miss(NOW, NOW + 2)
    fleet.of("up")[0][NOW : NOW + 2] = [0, 0]
    return [fleet]


def the_exporter_restarts_under_another_name() -> list[Fleet]:
    before, after = Fleet("x"), Fleet("y")
    before.miss(NOW, MINUTES, prefix="")
    after.start_counters_again(NOW + 2)
    after.miss(0, NOW + 2, prefix="")
    return [before, after]


def one_of_two_replicas_restarts() -> list[Fleet]:
    steady, restarted = Fleet("x"), Fleet("y")
    restarted.start_counters_again(NOW)
    restarted.miss(NOW, NOW + 2)
    return [steady, restarted]


def a_single_poll_fails_for(reason: str) -> list[Fleet]:
    fleet = Fleet()
    fleet.of("sendkit_up")[0][NOW] = 0
    success = fleet.of("sendkit_last_success")[0]
    success[NOW] = success[NOW - 1]
    failures = fleet.of("sendkit_poll_failures", f'reason="{reason}"')[0]
    failures[NOW:] = [1.0] * (MINUTES - NOW)
    return [fleet]


def totals_fall_by_a_deleted_campaign() -> list[Fleet]:
    fleet = Fleet()
    for values in fleet.of("sendkit_mailbox_campaign_"):
        values[NOW:] = [2.0] * (MINUTES - NOW)
    for values in fleet.of("sendkit_mailbox_emails_"):  # a fall adds nothing, and later rises go on
        values[NOW + 1 :] = [(value or 0) for value in values[NOW : MINUTES - 1]]
    return [fleet]


def a_mailbox_is_new() -> list[Fleet]:
    fleet = Fleet()
    new = Mailbox("m9", "a.example")
    fleet.add_mailbox(new)
    part = 'mailbox_id="m9"'
    for values in fleet.of("sendkit_mailbox_emails_", part):
        base = values[NOW] or 0
        values[NOW:] = [(value or 0) - base for value in values[NOW:]]
    for values in fleet.of("sendkit_mailbox_status", part):
        values[:] = [0.0] * MINUTES
    fleet.add("sendkit_mailbox_status", [1.0] * MINUTES, **new.labels, status="warming_up")
    fleet.miss(0, NOW, part=part)
    for values in fleet.of("sendkit_workspace_mailboxes", 'status="active"'):
        values[NOW:] = [len(MAILBOXES) + 1.0] * (MINUTES - NOW)
    return [fleet]


def a_mailbox_is_deleted() -> list[Fleet]:
    fleet = Fleet()
    fleet.miss(NOW, MINUTES, part='mailbox_id="m3"')
    for values in fleet.of("sendkit_workspace_mailboxes", 'status="active"'):
        values[NOW:] = [len(MAILBOXES) - 1.0] * (MINUTES - NOW)
    return [fleet]


def one_of_four_mailboxes_is_deleted() -> list[Fleet]:
    fleet = Fleet()
    for number in range(4, 8):
        fleet.miss(0, MINUTES, part=f'mailbox_id="m{number}"')
    fleet.miss(NOW, MINUTES, part='mailbox_id="m3"')
    for values in fleet.of("sendkit_workspace_mailboxes", 'status="active"'):
        values[:] = [4.0] * NOW + [3.0] * (MINUTES - NOW)
    return [fleet]


def the_api_is_down_for_4_minutes() -> list[Fleet]:
    fleet = Fleet()
    end = NOW + 4
    fleet.of("sendkit_up")[0][NOW:end] = [0.0] * 4
    success = fleet.of("sendkit_last_success")[0]
    success[NOW:end] = [success[NOW - 1]] * 4
    failures = fleet.of("sendkit_poll_failures", 'reason="server_error"')[0]
    failures[NOW:] = [float(min(minute, 3) + 1) for minute in range(MINUTES - NOW)]
    for values in fleet.of("sendkit_mailbox_emails_"):
        values[NOW:end] = [values[NOW - 1]] * 4
    return [fleet]


SCENARIOS: dict[str, Callable[[], list[Fleet]]] = {
    scenario.__name__: scenario
    for scenario in (
        nothing_happens,  # but midnight, which resets sent_today an hour before every disturbance
        one_scrape_is_missed,
        four_scrapes_are_missed_every_hour,
        prometheus_is_away_for_40_minutes,
        the_exporter_restarts_without_state,
        the_exporter_restarts_under_another_name,
        one_of_two_replicas_restarts,
        totals_fall_by_a_deleted_campaign,
        a_mailbox_is_new,
        a_mailbox_is_deleted,
        one_of_four_mailboxes_is_deleted,
        the_api_is_down_for_4_minutes,
    )
} | {
    f"a_single_poll_fails_for_{reason}": (lambda reason=reason: a_single_poll_fails_for(reason))
    for reason in ("auth", "rate_limited", "server_error")
}


def promtool_test(fleets: list[Fleet], expressions: dict[str, str], directory: Path) -> str:
    """Run the rules over the fleets; return what promtool says of expressions that were to yield nothing."""
    path = directory / "quiet.test.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(path) for path in RULE_FILES],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [series for fleet in fleets for series in fleet.input_series()],
                        "promql_expr_test": [
                            {
                                "expr": f"{expression} # {name}",
                                "eval_time": f"{MINUTES - 1}m",
                                "exp_samples": [],
                            }
                            for name, expression in expressions.items()
                        ],
                    }
                ],
            }
        )
    )
    run = promtool("test", "rules", path)
    return run.stdout + run.stderr


@cache
def output(scenario: str, servers: str) -> str:
    """Return what the promtool of these servers says of a scenario; it is run once."""
    expressions = {
        name: f'count_over_time(ALERTS{{alertname="{name}",alertstate="firing"}}[{MINUTES}m])'
        for name in ALERTS
    }
    expressions["something was recorded"] = "domain:sendkit_bounce_ratio:wilson_lower < 2"
    with TemporaryDirectory(prefix=f"quiet-{servers}-") as folder:
        return promtool_test(SCENARIOS[scenario](), expressions, Path(folder))


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize(
    ("scenario", "servers"),
    [
        pytest.param(name, end, marks=pytest.mark.xdist_group(f"quiet {name}"), id=f"{end}-{name}")
        for name, end in zip(SCENARIOS, cycle(RANGE), strict=False)
    ],
    indirect=["servers"],
)
def test_a_disturbance_of_a_healthy_fleet_fires_nothing(scenario: str, alert: str, servers: str) -> None:
    said = output(scenario, servers)
    assert "something was recorded" in said, said  # the rules did run
    assert f'alertname=\\"{alert}\\"' not in said, said
