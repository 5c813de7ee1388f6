"""How a workspace's mail is: what bounces too much and what left `active`, as the alert rules see it.

The rules know more of the past than an exporter that was just started. What they hold a subject against, the
quiet level of the week before, is known here after the same time.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property

from exporter.answers.answer import Answer, domain_of
from exporter.catalogue.workspace import Reason
from exporter.fleet.findings import Count, Finding, Judged, Kind, State, Subject
from exporter.fleet.history import History
from exporter.fleet.limits import (
    BOUNCING,
    DOMAIN_SPIKE,
    EARLIER,
    FAR_TOO_MUCH,
    FEWEST_DOMAINS,
    SPIKES,
    USUAL_DAY,
    Level,
    Limit,
    Window,
)
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.recent import DAY_SECONDS, DAYS, HOUR_SECONDS, HOURS, Past, Recent
from exporter.wilson import lower_bound

NO_HISTORY = History()
HAPPENING_HOURS = 2
LATELY_HOURS = 2
"""The hour that is under way, and the one before it."""
GONE_DAYS = 3
"""Without a mail for so long a subject is well again."""
FEWEST_UNHEALTHY_OF = 3
STALLED_SECONDS = 2 * HOUR_SECONDS - 300
"""As long as the alert wants no mail, less the time that polls take."""
STALLED_LEAST = 20
"""So many mails were sent in the same 2 h a week ago."""
WEEK_HOURS = 7 * 24
WEEKEND_DAYS = 2
"""A week that begins with so many days without a mail is whole."""
LEFT_SHARE, LEFT_LEAST = 0.1, 3
"""Of a workspace's mailboxes, within an hour."""


def judged_data(poll: Poll, now: Instant) -> list[Finding]:
    """Return what is critical about the data of a workspace, by the poll of its base feed."""
    if poll.failure is Reason.AUTH:
        kind = Kind.REFUSED if poll.has_key else Kind.KEYLESS
    elif poll.is_overdue(now):
        kind = Kind.STALE
    else:
        return []
    return [Finding(State.CRITICAL, kind, Level.WORKSPACE, "", Count(0, 0), 0)]


@dataclass(frozen=True)
class _Judge:
    recent: Recent
    answer: Answer
    thresholds: Mapping[str, float]
    before: AbstractSet[Subject]
    history: History
    parked: AbstractSet[str]

    @cached_property
    def usual(self) -> float:
        """Return what the workspace surely bounced in the week until a day ago, 0 where that is not known.

        As long as no whole week is known, also the level of its history: the higher one. A workspace of few
        domains is always held against its history.
        """
        today = int(self.recent.now // DAY_SECONDS)
        last = 0.0
        if self._has_many_domains():
            last = lower_bound(*self._usual_week(today - 2)) or 0.0
            if min(self.recent.workspace.week.parts, default=today) <= today - DAYS + WEEKEND_DAYS:
                return last
        return max(last, self.history.level)

    def _has_many_domains(self) -> bool:
        """Whether a bad domain is a small part of the workspace."""
        found = set[str]()
        for email in self.answer.text("email"):
            found.add(domain_of(email))
            if len(found) >= FEWEST_DOMAINS:
                return True
        return False

    def _usual_week(self, last: int) -> tuple[int, int]:
        """Return what bounced, and what was sent, up to that day, without domains that bounced far too much.

        If all of them did, with all of them.
        """
        bounced, sent = self.recent.workspace.week.until(last, "")
        far_too_much = FAR_TOO_MUCH * self.thresholds[DOMAIN_SPIKE.threshold]
        for of_domain in self.recent.domains.week.sums_until(last):
            # The bound is below the ratio itself.
            if of_domain[0] > far_too_much * of_domain[1] and (lower_bound(*of_domain) or 0) > far_too_much:
                bounced, sent = bounced - of_domain[0], sent - of_domain[1]
        return (bounced, sent) if sent > 0 else self.recent.workspace.week.until(last, "")

    @cached_property
    def emails(self) -> Mapping[str, str | None]:
        """Return the address of each mailbox, by its id."""
        return dict(zip(self.answer.ids, self.answer.text("email"), strict=True))

    def bounces(self, limit: Limit, state: State) -> Iterator[Finding]:
        """Yield what bounces too much of a level."""
        past = _past(self.recent, limit.level)
        least = self.thresholds[limit.minimum]
        longest = past.week if any(window.span == "7d" for window in limit.windows) else past.day
        begin = {
            name
            for name, bounced in longest.total.bounced.items()
            if bounced >= least and self._begins(limit, past, name)
        }
        last = {
            name
            for kind, level, name in self.before
            if (kind, level, state) == (Kind.BOUNCES, limit.level, State.CRITICAL)
            and not self._is_well(limit, past, name)
        }
        for name in begin | last:
            if name or limit.level is not Level.DOMAIN:
                yield Finding(state, Kind.BOUNCES, limit.level, name, *self._evidence(limit, past, name))

    def _evidence(self, limit: Limit, past: Past, name: str) -> tuple[Count, int]:
        """Return the bounces of sends that show what is wrong, and of how many hours they are.

        Those of the day, but of the last hours where the day as a whole says little yet.
        """
        day = Count(*past.day.total.of(name))
        lately = Count(*past.day.last(LATELY_HOURS - 1, self.recent.now, name))
        says_little = (day.bound or 0) <= self.thresholds[limit.threshold]
        if says_little and (lately.bound or 0) > (day.bound or 0):
            return lately, LATELY_HOURS
        return day, HOURS

    def within_its_domain(self, finding: Finding, critical: AbstractSet[str]) -> Finding:
        """Return a mailbox's finding as a warning while its domain is critical: that is one incident."""
        is_critical = finding.level is Level.MAILBOX and finding.state is State.CRITICAL
        if is_critical and domain_of(self.emails.get(finding.name)) in critical:
            return replace(finding, state=State.WARNING)
        return finding

    def _begins(self, limit: Limit, past: Past, name: str) -> bool:
        now, above = (
            self.recent.now,
            any(self._is_above(limit, window, past, name) for window in limit.windows),
        )
        return above and all(past.day.last(HAPPENING_HOURS, now, name))

    def _is_above(self, limit: Limit, window: Window, past: Past, name: str) -> bool:
        """Whether a subject surely bounces too much over a window, or one that is a little longer."""
        lowest = self.thresholds[limit.threshold]
        fewest = self.thresholds[limit.minimum] + window.more_bounces
        # The bound is below the ratio itself: most subjects need neither a square root nor the usual level.
        counts = [
            (bounced, sent)
            for bounced, sent in _within(past, window.span, self.recent.now, name)
            if bounced >= fewest and bounced > lowest * sent
        ]
        if not counts:
            return False
        held_against = limit.held_against(lowest, self.usual, window.multiple)
        today, sent_today = past.day.total.of(name)
        if window.span == "7d" and today <= held_against * sent_today:
            return False
        subjects = 1 if limit.level is Level.WORKSPACE else len(past.day.total.sent)
        bounds = (lower_bound(*count, EARLIER * window.z(subjects)) for count in counts)
        return any(bound is None or bound > held_against for bound in bounds)

    def _is_well(self, limit: Limit, past: Past, name: str) -> bool:
        """Whether a subject that bounced too much is shown to be well again."""
        if not past.week.last(GONE_DAYS, self.recent.now, name)[1]:
            return True
        below = limit.held_against(self.thresholds[limit.threshold], self.usual, limit.ends)
        # Parts are whole hours: a day and the last 2 h are somewhere between two numbers of them.
        days = _within(past, "1d", self.recent.now, name)
        lately = [past.day.last(hours, self.recent.now, name) for hours in (LATELY_HOURS - 1, LATELY_HOURS)]
        usual_day = USUAL_DAY * past.week.most_sent(name)
        return all(sent >= usual_day and bounced < below * sent for bounced, sent in days) and all(
            sent > 0 and bounced <= below * sent for bounced, sent in lately
        )

    def stalled(self) -> Iterator[Finding]:
        """Yield that the workspace sent nothing for 2 h in which it sent mails a week ago."""
        hour = int(self.recent.now // HOUR_SECONDS) - WEEK_HOURS
        before = sum(self.recent.sent.get(at, 0) for at in range(hour - HAPPENING_HOURS, hour + 1))
        if before >= STALLED_LEAST and self.recent.now - self.recent.last_sent >= STALLED_SECONDS:
            yield Finding(
                State.CRITICAL, Kind.STALLED, Level.WORKSPACE, "", Count(0, before), HAPPENING_HOURS
            )

    def leaving(self, bad: AbstractSet[str]) -> Iterator[Finding]:
        """Yield that many mailboxes left `active` within the hour, and domains of which many are unhealthy.

        `bad` are the mailboxes that bounce too much.
        """
        left = {each: at for each, at in self.recent.left.items() if each not in self.parked}
        if not left and not bad:
            return
        total = len(self.answer)
        lately = sum(self.recent.now - at < HOUR_SECONDS for at in left.values())
        if lately >= max(LEFT_LEAST, LEFT_SHARE * total):
            yield Finding(State.CRITICAL, Kind.LEAVING, Level.WORKSPACE, "", Count(lately, total), 1)
        emails = {each: email for each, email in self.emails.items() if each not in self.parked}
        by_domain = Counter(domain_of(emails[each]) for each in {*left, *bad} if each in emails)
        mailboxes = Counter(map(domain_of, emails.values()))
        for domain, number in by_domain.items():
            if not domain or mailboxes[domain] < FEWEST_UNHEALTHY_OF:
                continue
            for state, name in (
                (State.CRITICAL, "unhealthy_mailboxes_critical"),
                (State.WARNING, "unhealthy_mailboxes_warning"),
            ):
                if number >= self.thresholds[name] * mailboxes[domain]:
                    count = Count(number, mailboxes[domain])
                    yield Finding(state, Kind.UNHEALTHY, Level.DOMAIN, domain, count, DAYS * 24)
                    break


def judged(
    recent: Recent,
    answer: Answer,
    thresholds: Mapping[str, float],
    before: AbstractSet[Subject] = frozenset(),
    parked: AbstractSet[str] = frozenset(),
    history: History = NO_HISTORY,
) -> Judged:
    """Return how a workspace's mail is; what was critical `before` lasts until it is well.

    `parked` are the mailboxes that may not send, where that is known: they are not unhealthy. `history`
    counts until a week of the workspace is known.
    """
    judge = _Judge(recent, answer, thresholds, before, history, parked)
    spikes = [finding for limit in SPIKES for finding in judge.bounces(limit, State.CRITICAL)]
    named = {finding.name for finding in spikes}
    warnings = [each for each in judge.bounces(BOUNCING, State.WARNING) if each.name not in named]
    bouncing = [judge.within_its_domain(finding, named) for finding in (*spikes, *warnings)]
    bad = {finding.name for finding in bouncing if finding.level is Level.MAILBOX}
    unwell = [finding for finding in judge.leaving(bad) if not finding.name or finding.name not in named]
    findings = sorted([*bouncing, *unwell, *judge.stalled()], key=_urgency)
    return Judged(findings, Count(*recent.workspace.day.total.of("")))


def _urgency(finding: Finding) -> tuple[int, int, float, str]:
    level = list(Level).index(finding.level)
    return -finding.state.rank, level, -(finding.count.bound or 0), finding.name


def _past(recent: Recent, level: Level) -> Past:
    return {
        Level.MAILBOX: recent.mailboxes,
        Level.DOMAIN: recent.domains,
        Level.WORKSPACE: recent.workspace,
    }[level]


def _within(past: Past, span: str, now: float, name: str) -> Sequence[tuple[int, int]]:
    """Return what of a subject bounced, and what it sent, over a span of a limit's windows.

    Parts are whole hours, so a span is somewhere between two numbers of them.
    """
    match span:
        case "1h":
            return past.day.last(0, now, name), past.day.last(1, now, name)
        case "1d":
            return past.day.last(HOURS - 1, now, name), past.day.total.of(name)
        case _:
            return (past.week.total.of(name),)
