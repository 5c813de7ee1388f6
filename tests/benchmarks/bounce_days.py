"""Days of bounces, and the arithmetic of the shipped rules that looks at them.

A subject is one mailbox or a domain of several. On weekdays from 9 to 17 h it sends at an even pace, and each
mail bounces, or not, on its own. Time goes in steps, the evaluations of the rules. Step 0 of a day is 9:00;
nothing is sent between `WORKING_STEPS` and the next day's step 0.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from exporter.config import Thresholds
from exporter.wilson import lower_bound

# As shipped; tests/unit/test_evaluate_rules.py holds them against prometheus/rules.
STEP_MINUTES = 4
FOR_MINUTES = 5
WINDOW_HOURS = 24
RECENT_HOURS = 2
Z = {"95": 1.6449, "99": 2.3263, "99.5": 2.5758, "99.9": 3.0902}

WORKING_STEPS = 8 * 60 // STEP_MINUTES
RECENT_STEPS = RECENT_HOURS * 60 // STEP_MINUTES
HELD_STEPS = FOR_MINUTES // STEP_MINUTES + 1
"""A condition fires that is true at so many evaluations in a row."""
WEEKDAYS = 5
LAST_STEP = WORKING_STEPS + RECENT_STEPS
"""After it nothing changes until the next day: the window is a day long, and no bounce is recent any more."""
NEVER = 1_000_000_000
"""More bounces than there are."""


class Rule(NamedTuple):
    """An alert: the lower bound of bounces of sends over 24 h is above a threshold. Z = 0 is the ratio."""

    name: str
    z: float
    threshold: float
    minimum_bounces: int = 1
    minimum_sends: int = 1
    recent: bool = True
    """Whether it wants a bounce in the last 2 h, too."""

    def needs(self, sends: int) -> int:
        """Return the fewest bounces of so many sends that it fires at."""
        if sends < self.minimum_sends:
            return NEVER
        for bounces in range(self.minimum_bounces, max(sends, self.minimum_bounces) + 1):
            bound = lower_bound(bounces, sends, self.z)
            if bound is not None and bound > self.threshold:
                return bounces
        return NEVER


THRESHOLDS = Thresholds()
NAIVE = Rule("ratio > 5 %, n ≥ 20", 0, 0.05, minimum_sends=20, recent=False)
TICKET = Rule("ticket", Z["99"], THRESHOLDS.mailbox_bounce_ratio_warning, int(THRESHOLDS.minimum_bounces))
PAGE = Rule("page", Z["99.9"], THRESHOLDS.mailbox_bounce_ratio_critical, int(THRESHOLDS.minimum_bounces))
DOMAIN_PAGE = Rule(
    "page", Z["99.9"], THRESHOLDS.domain_bounce_ratio_critical, int(THRESHOLDS.minimum_bounces)
)


class Subject(NamedTuple):
    """Mailboxes whose mails are counted together; each sends a random number of them a day."""

    name: str
    mailboxes: int
    fewest: int = 30
    most: int = 50


class Day(NamedTuple):
    """What a subject sent in a day, and the steps at which its bounces were seen, in order."""

    sends: int
    phase: float
    """Where in the gap between two mails the day begins (0-1)."""
    bounces: list[int]

    def sent_by(self, step: int) -> int:
        """Return how much of it was sent by this step."""
        return min(self.sends, int(step * self.sends / WORKING_STEPS + 1 - self.phase))


NOTHING = Day(0, 0, [])


def sending_day(random: Random, subject: Subject, ratio: float) -> Day:
    """Return a day on which mails bounce at this ratio."""
    spread = subject.most - subject.fewest + 1
    sends = sum(subject.fewest + int(random.random() * spread) for _ in range(subject.mailboxes))
    phase = random.random()
    bounces = []
    # From bounce to bounce: the gap between them is geometric.
    log_of_good = math.log1p(-ratio)
    mail = int(math.log(1 - random.random()) / log_of_good)
    while mail < sends:
        bounces.append(math.ceil((mail + phase) * WORKING_STEPS / sends))
        mail += 1 + int(math.log(1 - random.random()) / log_of_good)
    return Day(sends, phase, bounces)


class Window(NamedTuple):
    """What the rules see at one step: the rises of the last 24 h."""

    step: int
    sends: int
    bounces: int
    recent: bool
    """Whether one of them bounced in the last 2 h."""


def windows(yesterday: Day, today: Day, fewest: int) -> Iterator[Window | None]:
    """Yield each step's window of today, and nothing for those with fewer bounces."""
    old, gone, new, seen, stale = yesterday.bounces, 0, today.bounces, 0, 0
    for step in range(LAST_STEP + 1):
        while gone < len(old) and old[gone] <= step:
            gone += 1
        while seen < len(new) and new[seen] <= step:
            seen += 1
        while stale < seen and new[stale] <= step - RECENT_STEPS:
            stale += 1
        bounces = len(old) - gone + seen
        if bounces < fewest:
            yield None
        else:
            sends = yesterday.sends - yesterday.sent_by(step) + today.sent_by(step)
            yield Window(step, sends, bounces, recent=seen > stale)


class Watch:
    """Rules that look at one subject after another, day after day."""

    def __init__(self, rules: Sequence[Rule], subject: Subject) -> None:
        self.subject = subject
        self.rules = rules
        self._wants_recent = [rule.recent for rule in rules]
        # What each rule needs, by the sends in the window: no more than on the greater of its two days.
        most = subject.mailboxes * subject.most
        self._needs = [[rule.needs(sends) for rule in rules] for sends in range(most + 2)]
        self._least = [min(needs) for needs in self._needs]
        self._fewest = min(self._least)
        self.forget()

    def forget(self) -> None:
        """Let nothing be true, as before another subject."""
        self._held = [0] * len(self.rules)

    def firing(self) -> list[bool]:
        """Return whether each rule fires."""
        return [steps >= HELD_STEPS for steps in self._held]

    def alarms(self, yesterday: Day, today: Day) -> Iterator[tuple[int, int]]:
        """Yield step and rule (its index) of each alarm that begins today, those that come again too."""
        if len(yesterday.bounces) + len(today.bounces) < self._fewest:
            self.forget()
            return
        for window in windows(yesterday, today, self._fewest):
            if window is None or window.bounces < self._least[window.sends]:
                self.forget()
                continue
            for rule, needs in enumerate(self._needs[window.sends]):
                if window.bounces < needs or (self._wants_recent[rule] and not window.recent):
                    self._held[rule] = 0
                    continue
                self._held[rule] += 1
                if self._held[rule] == HELD_STEPS:
                    yield window.step, rule


class FalseAlarms(NamedTuple):
    """What one rule called for while nothing was wrong."""

    days: int
    """With at least one alarm."""
    alarms: int


def false_alarms(random: Random, watch: Watch, ratio: float, weeks: int) -> list[FalseAlarms]:
    """Let each rule watch so many weeks, of 5 days of sending each, in which nothing is wrong."""
    days, alarms = Counter[int](), Counter[int]()
    for _ in range(weeks):
        watch.forget()
        yesterday = NOTHING
        for weekday in range(WEEKDAYS + 1):
            # On Saturday the window still empties.
            today = sending_day(random, watch.subject, ratio) if weekday < WEEKDAYS else NOTHING
            begun = Counter(rule for _, rule in watch.alarms(yesterday, today))
            days.update(begun.keys())
            alarms.update(begun)
            yesterday = today
    return [FalseAlarms(days[rule], alarms[rule]) for rule in range(len(watch.rules))]


class Detection(NamedTuple):
    """What one rule saw of the jumps at which it was silent: the sends and bounces from each to its alarm."""

    jumps: int
    sends: list[int]
    bounces: list[int]


def detections(random: Random, watch: Watch, ratios: tuple[float, float], jumps: int) -> list[Detection]:
    """Let the ratio jump from the first to the second at 9:00, as often on each weekday; look for a day."""
    before, after = ratios
    silent = Counter[int]()
    sends: list[list[int]] = [[] for _ in watch.rules]
    bounces: list[list[int]] = [[] for _ in watch.rules]
    for jump in range(jumps):
        watch.forget()
        yesterday = NOTHING
        for _ in range(min(jump % WEEKDAYS, 2)):  # of what was longer ago nothing is left
            today = sending_day(random, watch.subject, before)
            for _alarm in watch.alarms(yesterday, today):
                pass
            yesterday = today
        waiting = {rule for rule, firing in enumerate(watch.firing()) if not firing}
        silent.update(waiting)
        today = sending_day(random, watch.subject, after)
        for step, rule in watch.alarms(yesterday, today):
            if rule in waiting:
                waiting.remove(rule)
                sends[rule].append(today.sent_by(step))
                bounces[rule].append(sum(seen <= step for seen in today.bounces))
    return [Detection(silent[rule], *seen) for rule, seen in enumerate(zip(sends, bounces, strict=True))]
