"""Warm-up mail of a simulated fleet: as in the sample, and in agreement at every instant."""

from statistics import mean, quantiles, stdev
from typing import Any

import pytest

from exporter.simulator import Simulation
from tests.world import NOON, SAMPLE, number

SAMPLED = [row for row in SAMPLE if row["warmup_day"] > 30]
Blocks = list[dict[str, Any]]


@pytest.fixture(scope="module")
def warmups() -> Blocks:
    """The blocks of warm-up of mailboxes that warm up, as /v1/mailboxes shows them."""
    simulation = Simulation(1000, profile="google", workspaces=1, start=NOON, clock=lambda: 0.0)
    [workspace] = simulation.workspaces
    rows = simulation.asked(
        workspace,
        lambda asked, now, shared: {"rows": asked.mailboxes(range(len(workspace.mailboxes)), now, shared)},
    )["rows"]
    assert isinstance(rows, list)
    return [row["warmup"] for row in rows if row["warmup"]["enabled"]]


@pytest.fixture
def old(warmups: Blocks) -> Blocks:
    """Those of mailboxes that have warmed up for more than a month."""
    return [block for block in warmups if block["currentDay"] > 30]


@pytest.fixture
def young(warmups: Blocks) -> Blocks:
    """Those of mailboxes on their first day."""
    return [block for block in warmups if block["currentDay"] == 1]


@pytest.mark.parametrize(
    ("name", "column"),
    [("totalSent", "warmup_sent"), ("replyRate", "reply_rate"), ("inboxRate", "inbox_rate")],
)
def test_means_and_spreads_are_those_of_the_sample(old: Blocks, name: str, column: str) -> None:
    simulated, real = [number(block["metrics"][name]) for block in old], [row[column] for row in SAMPLED]

    assert mean(simulated) == pytest.approx(mean(real), rel=0.1)
    assert stdev(simulated) == pytest.approx(stdev(real), rel=0.5)
    assert quantiles(simulated) == pytest.approx(quantiles(real), rel=0.15)


def test_rates_of_old_mailboxes_are_averages_that_stop_at_96_and_4(old: Blocks) -> None:
    inbox = [block["metrics"]["inboxRate"] for block in old]
    spam = [block["metrics"]["spamRate"] for block in old]

    assert max(inbox) == 96
    assert inbox.count(96) / len(inbox) == pytest.approx(_share("inbox_rate", 96), abs=0.15)
    assert spam.count(4) / len(spam) == pytest.approx(_share("spam_rate", 4), abs=0.15)


def _share(column: str, value: float) -> float:
    return [row[column] for row in SAMPLED].count(value) / len(SAMPLED)


def test_a_new_mailbox_shows_a_rate_that_says_nothing_yet(young: Blocks) -> None:
    """All its mails land in the inbox; the average has only begun to rise."""
    climb = [0]
    while climb[-1] < 96:
        climb.append(round(0.9 * climb[-1] + 10))
    sampled = {row["inbox_rate"] for row in SAMPLE if row["warmup_day"] == 1}

    assert sampled == {19, 27, 41, 47, 52} <= set(climb)
    assert young
    for block in young:
        assert 0 < block["metrics"]["totalSent"] <= 12
        assert block["metrics"]["inboxRate"] < 70
    rates = [block["metrics"]["inboxRate"] for block in young]
    assert sum(rate in climb for rate in rates) > 0.8 * len(rates)


def test_volume_is_15_on_the_first_day_and_25_in_the_end(old: Blocks, young: Blocks) -> None:
    assert {15} == {block["currentVolume"] for block in young}
    assert max(block["currentVolume"] for block in old) == 25
    assert mean(block["currentVolume"] for block in old) == pytest.approx(
        mean(row["warmup_volume"] for row in SAMPLED), rel=0.2
    )


def test_counts_only_grow_within_a_day_and_stay_when_it_is_over() -> None:
    clock = [0.0]
    simulation = Simulation(60, workspaces=1, start=NOON.replace(hour=0), clock=lambda: clock[0])
    sums = []
    for _ in range(12):
        clock[0] += 2 * 3600 - 1
        landed = [
            simulation.asked(
                simulation.workspaces[0],
                lambda asked, now, _, index=index: {"sent": asked.warmups.landed(index, 2, now).sent},  # type: ignore[misc]
            )["sent"]
            for index in range(60)
        ]
        sums.append(sum(number(count) for count in landed))

    assert sums == sorted(sums)
    assert sums[-1] > 1.5 * sums[0]
