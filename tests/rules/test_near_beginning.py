"""What dashboards call `Of page level`: how near a bounce spike is, on the real promtool."""

from pathlib import Path

import pytest

from grafana import queries as q
from prometheus.table.bounce_limits import DOMAIN_SPIKE
from tests.rules.promtool import PROMETHEUS, groups_of, run_test
from tests.yaml_files import from_yaml

THRESHOLDS = {"domain_bounce_ratio_critical": 0.05, "domain_minimum_bounces": 5}


def nearness(bounces: int, sends: int, folder: Path) -> float:
    """Return `Of page level` of a domain 15 minutes after so many of its mails bounced at once."""
    mailbox = 'workspace="acme",domain="a.example",mailbox_id="m1"'
    series = [
        {
            "series": f"sendkit_mailbox_emails_{what}_total{{{mailbox}}}",
            "values": f"0+0x60 {number}x30",
        }
        for what, number in (("bounced", bounces), ("sent", sends))
    ]
    series += [
        {"series": f'sendkit_alert_threshold{{workspace="acme",threshold="{name}"}}', "values": f"{value}x90"}
        for name, value in THRESHOLDS.items()
    ]
    query = q.of_page(DOMAIN_SPIKE, 'workspace="acme"', q.BY_DOMAIN)
    file = from_yaml((PROMETHEUS / "tests/slow-burn.test.yml").read_text())
    groups = groups_of(PROMETHEUS / "tests" / name for name in file.pop("rule_files"))
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{"expr": query, "eval_time": "75m", "exp_samples": []}],
    }
    found = run_test(test, groups, folder, **file | {"evaluation_interval": "1m"})
    assert 'domain="a.example"' in found, found
    return float(found.partition("got: {")[2].partition("} ")[2].split()[0])


@pytest.mark.usefixtures("servers")
def test_one_bounce_of_one_send_is_far_from_a_page(tmp_path: Path) -> None:
    assert nearness(1, 1, tmp_path) == pytest.approx(1 / 5)


@pytest.mark.usefixtures("servers")
def test_it_is_the_bound_in_the_threshold_once_the_bounces_are_enough(tmp_path: Path) -> None:
    assert 0 < nearness(6, 400, tmp_path) < 1
    assert nearness(20, 40, tmp_path) > 1
