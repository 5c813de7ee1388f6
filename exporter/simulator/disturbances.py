"""What keeps mailboxes from their plans for a while: mails that are not sent, or that bounce at a ratio."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from exporter.simulator.rhythm import BOUNCED, DAY_SECONDS, KINDS, SENT, Reached, Rhythm


@dataclass(slots=True)
class Period:
    """A stretch of simulated time, from its start up to but without its end, in Unix seconds."""

    start: float
    end: float = inf

    def covers(self, instant: float) -> bool:
        """Tell whether an instant lies within."""
        return self.start <= instant < self.end

    def stop(self, now: float) -> None:
        """Let it end now; what has not begun by then never comes."""
        if now < self.start:
            self.start = self.end = inf
        else:
            self.end = min(self.end, now)

    def touches(self, day: int) -> bool:
        """Tell whether any of a day lies within."""
        return self.start < (day + 1) * DAY_SECONDS and self.end > day * DAY_SECONDS


@dataclass(frozen=True, slots=True, eq=False)
class Disturbance:
    """Mailboxes whose campaigns stop for a period or, where there is a ratio, whose mails bounce at it."""

    period: Period
    mailboxes: frozenset[int]
    bounce_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a day's mails, from one share of them to another, of which the same becomes."""

    low: float
    high: float
    is_sent: bool = True
    bounce_ratio: float | None = None

    def below(self, share: float) -> float:
        """Return how much of the stretch lies below a share of the mails."""
        return max(min(share, self.high) - self.low, 0.0)


def stretches(day: int, disturbances: Iterable[Disturbance], rhythm: Rhythm) -> list[Stretch]:
    """Cut a day's mails where a disturbance begins or ends."""
    midnight = day * DAY_SECONDS
    spans = [
        (rhythm.sent(found.period.start - midnight), rhythm.sent(found.period.end - midnight), found)
        for found in disturbances
    ]
    cuts = sorted({0.0, 1.0, *(low for low, _, _ in spans), *(high for _, high, _ in spans)})
    parts = []
    for low, high in pairwise(cuts):
        within = [found.bounce_ratio for begin, end, found in spans if begin <= low and high <= end]
        ratios = [ratio for ratio in within if ratio is not None]
        parts.append(Stretch(low, high, None not in within, ratios[-1] if ratios else None))
    return parts


def disturbed_row(
    plan: Sequence[int],
    phase: float,
    reached: Sequence[Reached],
    parts: Sequence[Stretch],
    lots: Sequence[float],
) -> list[int]:
    """Return the counts of one mailbox-day whose mails are cut into stretches.

    `lots` holds one for each mail of the plan, or none where no stretch has a ratio.
    """
    sent = [part for part in parts if part.is_sent]

    def come(kind: int, weight: Callable[[Stretch], float]) -> int:
        done = sum(
            share_of * weight(part) * part.below(share) for share_of, share in reached[kind] for part in sent
        )
        return int(plan[kind] * done + phase)

    row = [come(kind, _unbounced) for kind in range(len(KINDS))]
    row[SENT] = come(SENT, lambda _part: 1.0)
    row[BOUNCED] = come(BOUNCED, lambda part: float(part.bounce_ratio is None))

    def sent_below(share: float) -> int:
        return int(plan[SENT] * sum(part.below(share) for part in sent) + phase)

    for part in sent:
        if part.bounce_ratio is None:
            continue
        band = 0.0
        for share_of, share in reached[BOUNCED]:  # the lot tells how late a bounce comes, too
            low, band = band, band + share_of * part.bounce_ratio
            mails = range(sent_below(part.low), sent_below(min(share, part.high))) if share > part.low else ()
            row[BOUNCED] += sum(low <= lots[mail] < band for mail in mails)
    return row


def _unbounced(part: Stretch) -> float:
    """Return how much of a stretch can be opened or answered: no mail that bounced is."""
    return 1 - (part.bounce_ratio or 0)
