"""Figures in words, for people; what is missing is a dash, never a 0."""

import math

MISSING = "–"  # noqa: RUF001 - a dash is what tables show for nothing
_MOST_DIGITS = 1e15


def number(value: float | None) -> str:
    """Return a count: `10,233`."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value < _MOST_DIGITS else f"{float(value):.3g}"


def percent(ratio: float | None) -> str:
    """Return a ratio (0-1) as a percentage: `17 %`, `6.1 %`."""
    if ratio is None:
        return MISSING
    hundredths = 100 * ratio
    if 0 < hundredths < 0.05:
        return "under 0.1 %"
    return f"{number(hundredths)} %" if hundredths >= 9.95 else f"{hundredths:.1f} %".replace(".0 ", " ")


def at_least(bound: float | None) -> str:
    """Return what follows a ratio whose lower bound (0-1) says something: `, at least 15 %`; rounded down."""
    if bound is None or bound < 0.001:
        return ""
    digits = 0 if bound >= 0.1 else 1
    factor = 10**digits
    return f", at least {math.floor(100 * bound * factor + 1e-9) / factor:g} %"


def share(part: float | None, whole: float | None) -> str:
    """Return a part of a whole as a percentage; a dash where there is no whole."""
    return percent(part / whole) if part is not None and whole else MISSING


def part_of(part: float | None, whole: float | None) -> str:
    """Return a part of a whole with its percentage: `7 of 41 (17 %)`."""
    if part is None or whole is None:
        return MISSING
    return f"{number(part)} of {number(whole)}" + (f" ({share(part, whole)})" if whole else "")


def span(seconds: float | None) -> str:
    """Return a length of time by its two largest units: `23 s`, `15 min`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return MISSING
    whole = max(0, round(seconds))
    if whole >= 600:
        whole -= whole % 60  # seconds beside many minutes are noise
    counts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((place for place, (count, _) in enumerate(counts) if count), len(counts))
    return " ".join(f"{number(count)} {unit}" for count, unit in counts[first : first + 2] if count) or "0 s"


def duration(seconds: float | None) -> str:
    """Return how long something took: `0.42 s`, `3.1 s`, `45 s`."""
    if seconds is None or seconds >= 9.95:
        return span(seconds)
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def ago(seconds: float | None) -> str:
    """Return an age: `23 s ago`."""
    return MISSING if seconds is None else f"{span(seconds)} ago"


def listing(names: list[str], most: int) -> str:
    """Return names in a row, the first `most` of them: `acme, beta and 7 more`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {number(rest)} more" if rest > 0 else "")


MOST_CHARACTERS = 200


def short(text: str) -> str:
    """Return a text of the API as it may be shown: 200 characters of it, and none that a terminal obeys."""
    clean = "".join(each if each.isprintable() else " " for each in text)
    return clean if len(clean) <= MOST_CHARACTERS else clean[: MOST_CHARACTERS - 1] + "…"
