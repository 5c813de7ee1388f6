"""How much a mailbox's totals rose, when they cannot be taken as they are.

A total may fall and return: a replica that is behind, zeros for a moment. It may fall for good: a deleted
campaign. It may jump to what the mailbox cannot have sent. Only mail counts, so each is held until it is
clear what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

Number = float | None
Totals = Sequence[Number]
"""The six totals of one mailbox, in the order of the catalogue's counters."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A total that is below where it was: its `peak` and when it was last there.

    `high` is the highest that it had since, and `gain` its rises since, which count if it stays below.
    """

    peak: float
    since: float
    high: float
    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not clear of a mailbox: falls by the place of their total, and totals that cannot be."""

    falls: Mapping[int, Fall] = field(default_factory=dict)
    leap: tuple[Number, ...] | None = None

    def shifted(self, seconds: float) -> "Doubt":
        """Return it with all times so much later."""
        falls = {place: replace(fall, since=fall.since + seconds) for place, fall in self.falls.items()}
        return Doubt(falls, self.leap)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be: how much a total may rise, and how long a fallen one may take to return."""

    most: float
    now: float
    regain_seconds: float


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The totals of a mailbox: as last seen, what was added up, and what is not clear."""

    seen: tuple[Number, ...]
    risen: tuple[Number, ...]
    doubt: Doubt | None = None

    def shifted(self, seconds: float) -> "Mailbox":
        """Return it with all times so much later."""
        return replace(self, doubt=self.doubt.shifted(seconds)) if self.doubt else self

    def after(self, new: Totals, bounds: Bounds) -> "Mailbox":
        """Return the totals with an answer's taken in; the first total of `new` is what was sent."""
        if self._leaps(new[0], bounds.most):
            return self._held(new, bounds)
        falls = self.doubt.falls if self.doubt else {}
        steps = [
            _step(*totals, falls.get(place), bounds)
            for place, totals in enumerate(zip(self.seen, new, self.risen, strict=True))
        ]
        left = {place: fall for place, (_, _, fall) in enumerate(steps) if fall}
        return Mailbox(
            tuple(seen for seen, _, _ in steps),
            tuple(risen for _, risen, _ in steps),
            Doubt(left) if left else None,
        )

    def _leaps(self, sent: Number, most: float) -> bool:
        """Whether more was sent than can be, above what was seen or where it was before a fall."""
        before = self.seen[0]
        fall = self.doubt.falls.get(0) if self.doubt else None
        if sent is None or before is None:
            return False
        return sent - (fall.peak if fall else before) > most

    def _held(self, new: Totals, bounds: Bounds) -> "Mailbox":
        """Add nothing; a second answer that agrees is taken as what there is, without what is above."""
        doubt = self.doubt or Doubt()
        leap = doubt.leap
        if leap is None or not _agree(leap[0], new[0], bounds.most):
            return Mailbox(self.seen, self.risen, Doubt(doubt.falls, tuple(new)))
        taken = Mailbox(leap, tuple(0 if risen is None else risen for risen in self.risen))
        return taken.after(new, bounds)


def _agree(first: Number, second: Number, most: float) -> bool:
    return first is not None and second is not None and 0 <= second - first <= most


def _step(
    last: Number, new: Number, risen: Number, fall: Fall | None, bounds: Bounds
) -> tuple[Number, Number, Fall | None]:
    """Return a total as seen now, its rises so far, and the fall that it is in."""
    if new is None:
        return last, risen, fall
    if last is None or risen is None:
        return new, 0, None
    peak = fall.peak if fall else last
    if new >= peak:
        return new, risen + (new - peak), None
    if fall is None:
        return new, risen, Fall(peak, bounds.now, new)
    gain, high = fall.gain, fall.high
    if new > high:
        # More than can be is no mail, but a part of the fall that returned.
        gain, high = gain + (new - high if new - high <= bounds.most else 0), new
    if bounds.now - fall.since < bounds.regain_seconds:
        return new, risen, Fall(fall.peak, fall.since, high, gain)
    return new, risen + gain, Fall(high, bounds.now, new) if new < high else None
