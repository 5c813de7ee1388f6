"""Which workspaces an account has, by its lists: what is gone is let go late, and never for one odd list."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.fleet.key import Key

GONE_SECONDS = 7 * 24 * 3600.0
"""After so long even a workspace that is missing from odd lists is gone."""


@dataclass(slots=True)
class Listing:
    """The names of an account's workspaces, and since when each of those that the lists are without.

    `doubt` says why the last list takes nobody away; it is empty if it can. Times are steady.
    """

    names: dict[Key, str] = field(default_factory=dict)
    absent: dict[Key, float] = field(default_factory=dict)
    doubt: str = ""
    most: int = 0
    """How many the longest list held, or were known before the first one."""

    def go_on(self, names: dict[Key, str]) -> None:
        """Know these workspaces, after a start or a reload; those of them that were missing still are."""
        self.names = names
        self.absent = {key: since for key, since in self.absent.items() if key in names}

    def clear(self) -> None:
        """Know none, as before the first list."""
        self.names, self.absent, self.doubt, self.most = {}, {}, "", 0

    def take(self, found: Mapping[Key, str], now: float, leave_seconds: float) -> bool:
        """Take in a list; return whether it changed who is missing, or is the longest one.

        A workspace leaves when two lists, so long apart, are without it and so is every list between. A list
        that is empty, or that holds under half of what was known, takes nobody away for `GONE_SECONDS`. But
        no more are missing than `most`, else lists of ever new ones would grow without bound: those leave
        that were found last.
        """
        before = (self.most, self.absent.copy())
        self.most = max(self.most, len(found), len(self.names) - len(self.absent))
        known = self.names.keys()
        kept = known & found.keys()
        self.doubt = ""
        if known and 2 * len(kept) < len(known):
            self.doubt = f"the list holds {len(kept)} of the {len(known)} workspaces that were known"
        for key in self.names.keys() - found.keys():
            since = self.absent.setdefault(key, now)
            if now - since >= (GONE_SECONDS if self.doubt else leave_seconds):
                del self.names[key], self.absent[key]
        for key in found:
            self.absent.pop(key, None)
        for key in [key for key in self.names if key in self.absent][self.most :]:
            del self.names[key], self.absent[key]
        self.names.update(found)
        return before != (self.most, self.absent)
