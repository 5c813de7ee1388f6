"""What rules do in simulated days: false alarms, detection, and how sure these are; goal and frontier."""

import math
import operator
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from bounce_days import (
    WEEKDAYS,
    Detection,
    FalseAlarms,
    Rule,
    Subject,
    Watch,
    detections,
    false_alarms,
)

from exporter.wilson import lower_bound

SEED = 1
BASES = (0.01, 0.02)
JUMPS = (0.05, 0.10, 0.20)
Z_TWO_SIDED_95 = 1.96

GOAL_FALSE_ALARMS = 1 / 20
"""Of the naive rule's, at the lower base."""
GOAL_DETECTION = 0.95
"""Of the naive rule's."""


class Study(NamedTuple):
    """A subject, the shipped rules that look at it, and how many weeks and jumps of it are simulated."""

    subject: Subject
    shipped: tuple[Rule, ...]
    weeks: int
    jumps: int


class Range(NamedTuple):
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> Range:
    """Return what share of the whole a part is, by the two-sided Wilson interval."""
    low = lower_bound(part, whole, Z_TWO_SIDED_95) or 0
    other = lower_bound(whole - part, whole, Z_TWO_SIDED_95) or 0
    return Range(part / whole if whole else 0, low, 1 - other)


def count_interval(count: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a Poisson count, by Byar's approximation."""

    def end(events: int, z: float) -> float:
        return events * (1 - 1 / (9 * events) + z / (3 * math.sqrt(events))) ** 3 if events else 0

    return end(count, -Z_TWO_SIDED_95), end(count + 1, Z_TWO_SIDED_95)


class Outcome(NamedTuple):
    """What one rule did in a study."""

    rule: Rule
    mailbox_days: int
    """Of sending, at each base."""
    false: tuple[FalseAlarms, ...]
    """At each base."""
    found: tuple[Detection, ...]
    """At each jump."""

    def false_days(self, base: int) -> Range:
        """Return on how many days of 1,000 mailboxes' it called for nothing."""
        days = self.false[base].days
        return Range(*(end * 1000 / self.mailbox_days for end in (days, *count_interval(days))))

    def detects(self, jump: int) -> Range:
        """Return the share of jumps that it fired at within the day."""
        return share(len(self.found[jump].sends), self.found[jump].jumps)

    def worst_false_ratio(self, naive: "Outcome") -> float:
        """Return the upper end of its false alarms as a share of the naive rule's, at the lower base."""
        of_both = share(self.false[0].days, self.false[0].days + naive.false[0].days).high
        return of_both / (1 - of_both) if of_both < 1 else math.inf

    def relative_detection(self, naive: "Outcome", jump: int) -> Range:
        """Return its detection as a share of the naive rule's, with both intervals at their worst."""
        ours, theirs = self.detects(jump), naive.detects(jump)
        return Range(ours.value / theirs.value, ours.low / theirs.high, ours.high / theirs.low)

    def meets_goal(self, naive: "Outcome", jump: int) -> bool:
        """Return whether the goal holds even at the bad ends of the intervals."""
        return (
            self.worst_false_ratio(naive) <= GOAL_FALSE_ALARMS
            and self.relative_detection(naive, jump).low >= GOAL_DETECTION
        )


def outcomes(study: Study, rules: Sequence[Rule], quicker: int) -> list[Outcome]:
    """Simulate a study."""
    weeks, jumps = study.weeks // quicker, study.jumps // quicker

    def random(*about: object) -> Random:
        return Random(f"{SEED} {study.subject.name} {about}")

    watch = Watch(rules, study.subject)
    false = [false_alarms(random(base), watch, base, weeks) for base in BASES]
    found = [detections(random(jump), watch, (BASES[0], jump), jumps) for jump in JUMPS]
    days = weeks * WEEKDAYS * study.subject.mailboxes
    return [
        Outcome(rule, days, *seen)
        for rule, *seen in zip(rules, zip(*false, strict=True), zip(*found, strict=True), strict=True)
    ]


def frontier(candidates: Sequence[Outcome]) -> list[Outcome]:
    """Leave out what another one beats: nowhere worse in false alarms or detection, and somewhere better."""

    def merits(outcome: Outcome) -> tuple[float, ...]:
        seen = (outcome.detects(jump).value for jump in range(len(JUMPS)))
        return (*(-false.days for false in outcome.false), *seen)

    every = {merits(one): one for one in reversed(candidates)}  # of equals the first
    return [
        one
        for its, one in every.items()
        if not any(other != its and all(map(operator.ge, other, its)) for other in every)
    ]
