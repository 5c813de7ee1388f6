"""The unit of `bounceRate`: documented as a ratio, seen as percent. An answer itself proves which it is."""

from collections.abc import Iterator
from itertools import islice

from exporter.answers.answer import Column
from exporter.answers.percent import ratios

AUTO, PERCENT, RATIO = "auto", "percent", "ratio"

_ENOUGH = 1000
"""Mailboxes whose own figures are compared; the majority of them decides."""


def proven(rates: Column, sent: Column | None, bounced: Column | None) -> str:
    """Return the unit that an answer proves, "" where it proves none.

    Beside `performance`, a rate is about 1 or about 100 times bounced / sent, whichever its unit. Without it,
    a rate above 1 is percent.
    """
    votes = list(islice(_votes(rates, sent or (), bounced or ()), _ENOUGH))
    percents = votes.count(PERCENT)
    if percents * 2 != len(votes):
        return PERCENT if percents * 2 > len(votes) else RATIO
    return PERCENT if max(filter(None, rates), default=0) > 1 else ""


def _votes(rates: Column, sent: Column, bounced: Column) -> Iterator[str]:
    for rate, of, bounces in zip(rates, sent, bounced, strict=False):
        if rate and of and bounces:
            times = rate * of / bounces
            if 0.5 <= times <= 2:
                yield RATIO
            elif 50 <= times <= 200:
                yield PERCENT


def as_ratios(rates: Column, unit: str) -> Column:
    """Return the rates of a unit as ratios."""
    if unit != PERCENT:
        return rates
    return [None if rate is None else ratios[repr(rate)] for rate in rates]
