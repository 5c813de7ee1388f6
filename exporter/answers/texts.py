"""Texts that stand for something else: times, and the tags of a mailbox."""

import datetime as dt
from collections.abc import Iterable
from itertools import islice

from exporter.catalogue.kinds import TAG_SEPARATOR

MOST_TAGS = 10
_LONGEST_TIME = 64


def unix_seconds(text: str) -> float | None:
    """Return the Unix seconds of a time in ISO 8601, in UTC without a zone; `None` for anything else."""
    if len(text) > _LONGEST_TIME:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def joined_tags(tags: Iterable[str]) -> str:
    """Return the first tags as one text; each once."""
    return TAG_SEPARATOR.join(
        islice(dict.fromkeys(tag.replace(TAG_SEPARATOR, " ") for tag in tags), MOST_TAGS)
    )


def split_tags(text: str | None) -> list[str]:
    """Return the tags of such a text."""
    return text.split(TAG_SEPARATOR) if text else []
