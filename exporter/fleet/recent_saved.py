"""The recent past of a workspace, as state keeps it: each subject is written once."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from exporter.fleet.recent import Past, Recent, Series, Sums


class _Sums(msgspec.Struct, array_like=True):
    sent_of: list[int]
    """Places of subjects, each with the number at the same place of `sent`."""
    sent: list[int]
    bounced: dict[int, int]


class _Past(msgspec.Struct, array_like=True):
    subjects: list[str]
    day: dict[int, _Sums]
    week: dict[int, _Sums]

    @classmethod
    def of(cls, past: Past) -> "_Past":
        named: dict[str, None] = {}
        for series in (past.day, past.week):
            for sums in series.parts.values():
                named |= dict.fromkeys(sums.sent) | dict.fromkeys(sums.bounced)
        places = {subject: place for place, subject in enumerate(named)}
        return cls(list(places), _placed(past.day, places), _placed(past.week, places))

    def past(self) -> Past:
        new = Past()
        return Past(_named(new.day, self.day, self.subjects), _named(new.week, self.week, self.subjects))


class SavedRecent(msgspec.Struct):
    """A `Recent` with the subjects of each level in a list, which sums name by their places in it."""

    mailboxes: _Past
    domains: _Past
    workspace: _Past
    left: dict[str, float]
    now: float
    sent: dict[int, int] = {}
    last_sent: float = 0.0

    @classmethod
    def of(cls, recent: Recent) -> "SavedRecent":
        """Return what is to be saved."""
        return cls(
            _Past.of(recent.mailboxes),
            _Past.of(recent.domains),
            _Past.of(recent.workspace),
            dict(recent.left),
            recent.now,
            dict(recent.sent),
            recent.last_sent,
        )

    def recent(self) -> Recent:
        """Return what was saved; raises `IndexError` for what is damaged."""
        return Recent(
            self.mailboxes.past(),
            self.domains.past(),
            self.workspace.past(),
            self.left,
            self.sent,
            self.last_sent,
            self.now,
        )


def _placed(series: Series, places: Mapping[str, int]) -> dict[int, _Sums]:
    return {
        at: _Sums(
            [places[subject] for subject in sums.sent],
            list(sums.sent.values()),
            {places[subject]: number for subject, number in sums.bounced.items()},
        )
        for at, sums in series.parts.items()
    }


def _named(series: Series, parts: Mapping[int, _Sums], subjects: list[str]) -> Series:
    named = {
        at: Sums(
            {subjects[place]: number for place, number in zip(sums.sent_of, sums.sent, strict=False)},
            {subjects[place]: number for place, number in sums.bounced.items()},
        )
        for at, sums in parts.items()
    }
    total = Sums()
    for sums in named.values():
        total = total.plus(sums)
    return replace(series, parts=named, total=total)
