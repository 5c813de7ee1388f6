"""The evaluation looks at the rules that are shipped, and counts rightly."""

import functools
import math
import re
import statistics
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from exporter.config import Thresholds
from exporter.wilson import lower_bound

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/benchmarks"))  # scripts, which import what stands beside them

import bounce_days  # noqa: E402 - same
import evaluate_rules  # noqa: E402 - same
import rule_outcomes  # noqa: E402 - same
from bounce_days import DOMAIN_PAGE, NAIVE, NEVER, NOTHING, PAGE, TICKET, Day, Rule, Subject, Watch  # noqa: E402 - same

LEVELS = ["mailbox", "domain", "workspace"]
MAILBOX = Subject("mailbox", 1)
COUNTS = [(1, 4), (2, 41), (3, 3), (7, 41), (12, 200), (39, 800), (9, 6), (0, 40), (1, 1_000_000)]


@functools.cache
def groups(file: str) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "prometheus/rules" / file).read_text())
    return list(loaded["groups"])


def rules(file: str, name: str, **labels: str) -> list[dict[str, Any]]:
    """The rules of a name, with these labels among theirs."""
    return [
        rule
        for group in groups(file)
        for rule in group["rules"]
        if name in (rule.get("record"), rule.get("alert"))
        and labels.items() <= rule.get("labels", {}).items()
    ]


def expression(file: str, name: str, **labels: str) -> str:
    (rule,) = rules(file, name, **labels)
    return " ".join(rule["expr"].split())


def shipped_z(level: str, confidence: str) -> float:
    found = expression("bounces.yml", f"{level}:sendkit_bounce_ratio:wilson_doubt")
    doubt = rf"([\d.]+) \^ 2 / \({level}:sendkit_emails_sent:increase1d > 0\)"
    labels = rf', "window", "1d", "", ""\), "confidence", "{re.escape(confidence)}", "", ""\)'
    z = re.search(rf"label_replace\({doubt}{labels}", found)
    assert z, found
    return float(z[1])


def shipped_bound(level: str, bounces: int, sends: int, z: float) -> float:
    """Work out the recorded bound, with the rule's own expression as Python."""
    expr = expression("bounces.yml", f"{level}:sendkit_bounce_ratio:wilson_lower")
    expr = re.sub(r"on \([a-z_, ]+\) group_left \(\)", "", expr)
    expr = expr.replace(f"{level}:sendkit_bounce_ratio:wilson_doubt", "doubt")
    expr = expr.replace(f"{level}:sendkit_bounce_ratio:rolling", "ratio")
    names = {"doubt": z**2 / sends, "ratio": min(bounces / sends, 1), "sqrt": math.sqrt, "clamp_min": max}
    return float(eval(expr, {"__builtins__": {}}, names))  # the shipped rule


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("confidence", ["99", "99.9"])
@pytest.mark.parametrize(("bounces", "sends"), COUNTS)
def test_the_bound_is_that_of_the_rules(level: str, confidence: str, bounces: int, sends: int) -> None:
    z = shipped_z(level, confidence)

    assert z == bounce_days.Z[confidence]
    assert lower_bound(bounces, sends, z) == pytest.approx(
        shipped_bound(level, bounces, sends, z), rel=1e-9, abs=1e-9
    )


def test_quantiles_are_one_sided() -> None:
    for confidence, z in bounce_days.Z.items():
        assert z == pytest.approx(statistics.NormalDist().inv_cdf(float(confidence) / 100), abs=5e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_counts_are_of_a_day_and_of_two_hours(level: str) -> None:
    counts = {
        "sendkit_emails_sent:increase1d": f"_emails_sent_total[{bounce_days.WINDOW_HOURS // 24}d]",
        "sendkit_emails_bounced:increase1d": f"_emails_bounced_total[{bounce_days.WINDOW_HOURS // 24}d]",
        "sendkit_emails_bounced:increase2h": f"_emails_bounced_total[{bounce_days.RECENT_HOURS}h]",
    }
    for name, counter in counts.items():
        expr = expression("bounces.yml", f"{level}:{name}")
        if level == "mailbox":
            assert expr.startswith("round(max by (workspace, domain, mailbox_id) (increase(")
            assert counter in expr
        else:
            below = LEVELS[LEVELS.index(level) - 1]
            by = {"domain": "workspace, domain", "workspace": "workspace"}[level]
            assert expr == f"sum by ({by}) ({below}:{name})"


def test_steps_are_the_evaluations_of_the_rules() -> None:
    (group,) = [group for group in groups("bounces.yml") if group["name"] == "sendkit-bounces"]

    assert group["interval"] == f"{bounce_days.STEP_MINUTES}m"
    assert bounce_days.STEP_MINUTES < bounce_days.FOR_MINUTES < 2 * bounce_days.STEP_MINUTES
    assert bounce_days.HELD_STEPS == 2


SHIPPED = [
    ("SendKitMailboxBouncing", "mailbox", "warning", "99", "mailbox_bounce_ratio_warning", TICKET),
    ("SendKitMailboxBounceSpike", "mailbox", "critical", "99.9", "mailbox_bounce_ratio_critical", PAGE),
    ("SendKitDomainBounceSpike", "domain", "critical", "99.9", "domain_bounce_ratio_critical", DOMAIN_PAGE),
]


@pytest.mark.parametrize(("alert", "level", "severity", "confidence", "threshold", "ours"), SHIPPED)
def test_conditions_are_those_of_the_alerts(
    alert: str, level: str, severity: str, confidence: str, threshold: str, ours: Rule
) -> None:
    (rule,) = rules("bounce-alerts.yml", alert, severity=severity)
    expr = " ".join(rule["expr"].split())
    condition = expr
    if severity == "warning":
        assert "mailbox:sendkit_bouncing:bool == 1" in expr
        condition = expression("bounces.yml", "mailbox:sendkit_bouncing:bool").replace("bool on", "on")
    above = (
        rf'wilson_lower{{window="1d", confidence="{confidence}"}} > on \(workspace\) group_left \(\) '
        rf'workspace:sendkit_alert_threshold:last2h{{threshold="{threshold}"}}'
    )
    enough = (
        rf"{level}:sendkit_emails_bounced:increase1d >= on \(workspace\) group_left \(\) "
        r'workspace:sendkit_alert_threshold:last2h{threshold="minimum_bounces"}'
    )

    assert re.search(above, condition)
    assert re.search(enough, condition)
    assert expr.endswith(f"{level}:sendkit_emails_bounced:increase{bounce_days.RECENT_HOURS}h >= 1")
    assert rule["for"] == f"{bounce_days.FOR_MINUTES}m"
    bound = getattr(Thresholds(), threshold)
    assert ours[1:] == (bounce_days.Z[confidence], bound, Thresholds().minimum_bounces, 1, True)


NAIVE_NEEDS = [(NAIVE, 19, NEVER), (NAIVE, 20, 2), (NAIVE, 39, 2), (NAIVE, 40, 3), (NAIVE, 200, 11)]
SHIPPED_NEED = [(TICKET, 0, NEVER), (TICKET, 1, 3), (TICKET, 40, 4), (TICKET, 200, 12), (PAGE, 40, 7)]


@pytest.mark.parametrize(("rule", "sends", "expected"), [*NAIVE_NEEDS, *SHIPPED_NEED])
def test_a_rule_needs_the_fewest_bounces_above_its_threshold(rule: Rule, sends: int, expected: int) -> None:
    assert rule.needs(sends) == expected


def day(*bounces: int, sends: int = 40) -> Day:
    return Day(sends, 0.5, list(bounces))


def test_a_condition_that_is_true_once_alarms_nobody() -> None:
    """The third bounce is there at one step; at the next one the window has lost yesterday's."""
    watch = Watch([TICKET._replace(threshold=0.01)], MAILBOX)
    yesterday = day(50)

    assert list(watch.alarms(yesterday, day(48, 49))) == []
    assert list(watch.alarms(yesterday, day(47, 48))) == [(49, 0)]


def test_an_alarm_clears_when_the_bouncing_stops_and_may_come_again() -> None:
    watch = Watch([TICKET, NAIVE], MAILBOX)
    today = day(10, 11, 12, 13, 12 + bounce_days.RECENT_STEPS + 30)

    ticket = [step for step, rule in watch.alarms(NOTHING, today) if rule == 0]

    assert ticket == [13, today.bounces[-1] + 1]
    assert watch.firing() == [False, True]


def test_the_window_holds_what_yesterday_sent_after_this_hour() -> None:
    watch = Watch([PAGE], MAILBOX)
    morning, evening = day(1, 1, 1, 1), day(117, 118, 119, 120)
    today = day(60, 61, 62)

    assert list(watch.alarms(morning, today)) == []
    assert list(watch.alarms(evening, today)) == [(63, 0)]


def test_days_are_as_many_mails_and_bounces_as_said() -> None:
    subject = Subject("five", 5, 30, 50)
    days = [bounce_days.sending_day(Random(number), subject, 0.1) for number in range(500)]
    sends = sum(one.sends for one in days)

    assert all(150 <= one.sends <= 250 for one in days)
    assert sends / len(days) == pytest.approx(200, rel=0.02)
    assert sum(len(one.bounces) for one in days) / sends == pytest.approx(0.1, rel=0.05)
    for one in days:
        assert one.bounces == sorted(one.bounces)
        assert one.sent_by(bounce_days.WORKING_STEPS) == one.sends
        assert 0 <= one.bounces[0] <= one.bounces[-1] <= bounce_days.WORKING_STEPS
        assert one.sent_by(one.bounces[0]) >= 1


def test_a_bounce_is_never_seen_before_its_mail() -> None:
    for number in range(200):
        today = bounce_days.sending_day(Random(number), MAILBOX, 0.999999)

        assert len(today.bounces) == today.sends
        for step in range(bounce_days.WORKING_STEPS + 1):
            assert sum(seen <= step for seen in today.bounces) == today.sent_by(step)


def test_false_alarms_are_counted_by_days_too() -> None:
    """A whole week of bouncing is one alarm of the naive rule: it never clears."""
    watch = Watch([NAIVE], MAILBOX)

    assert bounce_days.false_alarms(Random(1), watch, 0.999999, 3) == [(3, 3)]
    assert bounce_days.false_alarms(Random(1), watch, 1e-9, 3) == [(0, 0)]


def test_detection_leaves_out_what_fired_before_the_jump() -> None:
    watch = Watch([NAIVE, PAGE], MAILBOX)

    quiet = bounce_days.detections(Random(1), watch, (1e-9, 0.999999), 10)
    already = bounce_days.detections(Random(1), watch, (0.999999, 0.999999), 10)

    assert [(seen.jumps, len(seen.sends)) for seen in quiet] == [(10, 10), (10, 10)]
    assert all(sends <= 8 for sends in quiet[1].sends)
    assert already[0].jumps == 2  # Mondays: before them nothing was sent
    assert already[1].jumps == 10  # its bounces are no longer recent


def test_intervals_are_those_of_the_books() -> None:
    """Poisson: 0 and 10 events; binomial: 8 of 10."""
    assert rule_outcomes.count_interval(0) == pytest.approx((0, 3.69), abs=0.03)
    assert rule_outcomes.count_interval(10) == pytest.approx((4.80, 18.39), abs=0.03)
    assert rule_outcomes.share(8, 10) == pytest.approx((0.8, 0.490, 0.943), abs=0.001)


def outcome(days: int, found: int, rule: Rule = PAGE) -> rule_outcomes.Outcome:
    detection = bounce_days.Detection(10_000, [1] * found, [1] * found)
    false = bounce_days.FalseAlarms(days, days)
    return rule_outcomes.Outcome(rule, 1_000_000, (false, false), (detection,) * 3)


def test_the_goal_must_hold_at_the_bad_ends_of_the_intervals() -> None:
    naive = outcome(20_000, 9_900)

    assert outcome(900, 9_500).meets_goal(naive, 0)
    assert not outcome(999, 9_500).meets_goal(naive, 0)  # 1/20.02 of the alarms, but not surely
    assert not outcome(900, 9_410).meets_goal(naive, 0)  # 95.05 % of the detection, but not surely


def test_the_frontier_leaves_out_what_is_beaten() -> None:
    quiet, sharp = outcome(1, 5_000), outcome(100, 9_000)
    beaten, equal = outcome(100, 8_000), outcome(1, 5_000, TICKET)

    best = rule_outcomes.frontier([quiet, sharp, beaten, equal])

    assert sorted(best, key=lambda one: one.false) == [quiet, sharp]


def test_the_tables_take_the_place_of_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "evaluation.md"
    document.write_text("# Read this\n\n" + evaluate_rules.MARK + "\n## Old\n")
    studies = [study._replace(weeks=2_000, jumps=1_000) for study in evaluate_rules.STUDIES[:1]]
    monkeypatch.setattr(evaluate_rules, "STUDIES", studies)
    monkeypatch.setattr(sys, "argv", ["evaluate_rules.py", "--quick", str(document)])

    evaluate_rules.main()
    first = document.read_text()
    evaluate_rules.main()

    assert first == document.read_text()
    assert first.startswith("# Read this\n\n" + evaluate_rules.MARK)
    assert "Old" not in first
    assert f"## {studies[0].subject.name}" in first
    assert "**LB99 > 3 %, b ≥ 3 (ticket)**" in first
    assert "**LB99.9 > 5 %, b ≥ 3 (page)**" in first


def test_the_document_is_of_these_studies() -> None:
    """`make evaluate` writes them anew."""
    told, mark, tables = (ROOT / "docs/evaluation.md").read_text().partition(evaluate_rules.MARK)

    assert told
    assert mark
    assert re.findall("^## (.*)", tables, re.MULTILINE) == [s.subject.name for s in evaluate_rules.STUDIES]
    for study in evaluate_rules.STUDIES:
        days = study.weeks * bounce_days.WEEKDAYS * study.subject.mailboxes
        assert f"{days:,} mailbox-days at each base, {study.jumps:,} jumps" in tables
