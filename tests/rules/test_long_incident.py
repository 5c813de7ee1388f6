"""What many bad domains, and an incident of two weeks to which nobody reacts, do to the quiet level."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tests/benchmarks"))  # scripts, not a package

from evaluation import incidents, mails, paging
from evaluation.clock import DAY, WEEK, WORK_BEGINS
from evaluation.fleets import GOOGLE
from evaluation.mails import Flags, World
from evaluation.quiet import quiet_level
from evaluation.rises import levels
from evaluation.study import by_domain
from evaluation.troubles import WEEKS

BEGINS, ENDS = 2 * WEEK, 4 * WEEK
AGAIN = ENDS + 2 * DAY + WORK_BEGINS
SECOND = np.arange(0, GOOGLE.domains, 20)
"""Ten of 200 domains, of which none was in the first incident unless all were."""


class After(NamedTuple):
    """What happens of a second incident, two days after the first one ended."""

    level_before: float
    level_after: float
    mails: list[int]
    """Of each domain that pages: those until its page."""


def second(domains: int, then: incidents.Incident, *, alone: bool = True) -> After:
    """Let lists of 20 % last for two weeks on so many domains, and something else happen on ten after it.

    Each of the ten counts as if it were the only one; not `alone`, they raise the level together.
    """
    random = np.random.default_rng(7)
    sent = mails.simulate(random, GOOGLE, World(0.027), mails.weekdays(WEEKS))
    onset = np.full(GOOGLE.domains, np.inf)
    onset[np.arange(GOOGLE.domains) % 20 >= 20 - domains * 20 // GOOGLE.domains] = BEGINS
    first = incidents.struck(random, sent, incidents.LIST_20, onset)
    first = replace(first, ratio=np.where(first.step < ENDS, first.ratio, sent.ratio))
    onset = np.full(GOOGLE.domains, np.inf)
    onset[SECOND] = AGAIN
    counted = levels(incidents.struck(random, first, then, onset))
    quiet = quiet_level(levels(first) if alone else counted)
    pages: Flags = by_domain(counted, paging.shipped(counted, quiet), "critical")[SECOND, AGAIN:]
    spent = [
        int(counted.domain.sent[row, AGAIN + page.argmax()] - counted.domain.sent[row, AGAIN - 1])
        for row, page in zip(SECOND, pages, strict=True)
        if page.any()
    ]
    return After(float(quiet[BEGINS]), float(quiet[AGAIN]), spent)


@pytest.mark.parametrize(
    ("domains", "level"), [(10, 0.026), (50, 0.027), (200, 0.057)], ids=["10 of 200", "50 of 200", "all"]
)
@pytest.mark.parametrize(
    ("then", "mails"),
    [(incidents.LIST_20, 175), (incidents.ALL_BOUNCES, 16)],
    ids=["then a list of 20 percent", "then all mail bounces"],
)
def test_a_second_incident_pages_after_a_long_one_has_hardly_raised_the_quiet_level(
    domains: int, level: float, then: incidents.Incident, mails: int
) -> None:
    """What bounces far too much is left out, unless it is all: a page takes a tenth more mails at most."""
    after = second(domains, then)
    assert after.level_before == pytest.approx(0.024, abs=0.001)
    assert after.level_after == pytest.approx(level, abs=0.001)
    assert len(after.mails) == len(SECOND)
    assert np.mean(after.mails) < mails


def test_what_goes_wrong_on_a_twentieth_of_the_domains_at_once_does_not_hide_itself() -> None:
    """Of ten domains of 200 with lists of 20 % at once, nine or ten page within 12 days; each alone would."""
    assert len(second(0, incidents.LIST_20).mails) == 10
    assert len(second(0, incidents.LIST_20, alone=False).mails) >= 9
