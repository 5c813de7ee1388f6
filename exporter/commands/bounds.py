"""Whether the API's ranges hold their first and last day: single days are compared with a range of both."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

TRIES = 4
"""So many times two days, from yesterday back: on a weekend or a holiday nothing may have been sent."""

Sent = Callable[[int, date], Awaitable[float | None]]
"""How many mails were sent on so many days up to a last one; None where the answer does not say."""


async def compared(sent: Sent, today: date) -> str:
    """Return what the comparison shows, as a line; raises what `sent` raises.

    Of two days each is asked for alone, and both together. A day alone is first and last of its range at
    once, so that it is missing whichever bound the API leaves out.
    """
    for number in range(TRIES):
        last = today - timedelta(days=1 + 2 * number)
        first = last - timedelta(days=1)
        both = await sent(2, last)
        if both is None:
            return "the answer has no performance: bounds of ranges cannot be compared"
        if both:
            return _line((first, await sent(1, first) or 0), (last, await sent(1, last) or 0), both)
    return f"nothing was sent in the last {2 * TRIES} days: bounds of ranges cannot be compared"


def _line(first: tuple[date, float], last: tuple[date, float], both: float) -> str:
    sums = f"sent on {first[0]}: {first[1]:g}, on {last[0]}: {last[1]:g}, on both together: {both:g}"
    alone = first[1] + last[1]
    if alone < both:
        why = "the API leaves a bound of a range out"
        return f"warning: {why}: {sums}; windows and backfill show too few"
    if alone > both:
        why = "the API adds to a range what was sent outside of it"
        return f"warning: {why}: {sums}; windows and backfill show too many"
    return f"{sums}; the API leaves no bound of a range out"
