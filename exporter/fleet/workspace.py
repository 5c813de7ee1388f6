"""Workspaces, each with all that is known of it, and the fleet of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exporter.catalogue.kinds import ALL_TIME
from exporter.fleet.counters import Totals
from exporter.fleet.findings import Judged
from exporter.fleet.incidents import Incidents
from exporter.fleet.key import Key
from exporter.fleet.listed import Checkups
from exporter.fleet.listing import GONE_SECONDS, Listing
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Part, Roster
from exporter.fleet.recent import Recent
from exporter.textformat.body import Piece

KEPT_SECONDS = GONE_SECONDS
"""How long the counters of a workspace that left are kept."""
MOST_DEPARTED = 1000


@dataclass(slots=True, eq=False)
class Workspace:
    """A workspace: where it comes from, its polls by feed, its counters, and the samples of its own.

    `lock` is held while its answers are read and rendered, so that each joins the roster before it.
    `samples` counts all that a scrape gets of it. `is_listed` says that the account's last list has it.
    `former` is the key by which it is still saved.
    """

    key: Key
    account: str
    name: str
    label: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    polls: dict[str, Poll] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    own: Mapping[str, Piece] = field(default_factory=dict)
    samples: int = 0
    is_listed: bool = True
    former: Key | None = None
    recent: Recent = field(default_factory=Recent)
    judged: Judged = field(default_factory=Judged)
    """How its mail is, by the last answer."""
    checkups: Checkups = field(default_factory=Checkups)
    """Its newest blacklist tests, where that is known."""
    unit: str = ""
    """What `bounceRate` was last proven to be in, "" until it was."""
    keeps_none: bool = False
    """Whether the configuration leaves all of its mailboxes out."""
    read_by: object = None
    """What read its answers and rendered them; what is equal to it would show the same."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def all_time(self) -> Poll:
        """Return the poll of the base feed, which every workspace has."""
        return self.polls[ALL_TIME]

    @property
    def roster(self) -> Roster | None:
        """Return the mailboxes that there are, as far as that is known now."""
        part = self.all_time.reading.part if self.all_time.reading else None
        return part.roster if part else None

    @property
    def suspects(self) -> Counter[str]:
        """Return the suspect values seen so far, by API field."""
        return sum((poll.suspects for poll in self.polls.values()), Counter())

    def parts(self) -> Iterator[Part]:
        """Yield the mailbox samples of its polls."""
        for poll in self.polls.values():
            if poll.reading and poll.reading.part:
                yield poll.reading.part

    def keep_polls(self, polls: Iterable[Poll]) -> Iterable[Poll]:
        """Have exactly these polls, with what is known of those from before; return those that went."""
        known, self.polls = self.polls, {}
        for poll in polls:
            kept = self.polls[poll.feed.name] = known.pop(poll.feed.name, poll)
            kept.feed, kept.stale_after = poll.feed, poll.stale_after
        return known.values()


class Fleet:
    """Every workspace that is polled, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._workspaces: dict[Key, Workspace] = {}
        self._departed: dict[Key, tuple[Totals, float]] = {}
        self.incidents = Incidents()
        self.listings: dict[str, Listing] = {}
        """Which workspaces each account has, by its name."""
        self.changes = 0
        """How often its incidents changed, or who is missing from lists: each is to be saved."""

    def __iter__(self) -> Iterator[Workspace]:
        return iter(self._workspaces.values())

    def __len__(self) -> int:
        return len(self._workspaces)

    def __contains__(self, workspace: Workspace) -> bool:
        return self._workspaces.get(workspace.key) is workspace

    def get(self, key: Key) -> Workspace | None:
        """Return the workspace of that key, if there is one."""
        return self._workspaces.get(key)

    def add(self, workspace: Workspace) -> None:
        """Add a workspace; one that was here before goes on with its counters."""
        if workspace.key not in self._workspaces and workspace.key in self._departed:
            workspace.totals, _ = self._departed.pop(workspace.key)
        self._workspaces[workspace.key] = workspace

    def keep_listings(self, accounts: Iterable[str]) -> None:
        """Have the listings of exactly these accounts."""
        self.listings = {name: self.listings.get(name, Listing()) for name in accounts}

    def rekey(self, workspace: Workspace, key: Key) -> None:
        """Know a workspace by another key, in its place."""
        workspace.former = workspace.key
        self._workspaces = {
            (key if known is workspace else known.key): known for known in self._workspaces.values()
        }
        workspace.key = key

    def forget(self, workspace: Workspace, now: float) -> None:
        """Drop a workspace; its counters are kept for a while."""
        for poll in workspace.polls.values():
            poll.cancel()
        del self._workspaces[workspace.key]
        self.keep_departed(workspace.key, workspace.totals, now, now)

    def keep_departed(self, key: Key, totals: Totals, since: float, now: float) -> None:
        """Keep the counters of a workspace that left; those that left long ago go. Times are steady."""
        self._departed = {
            known: (its, left) for known, (its, left) in self._departed.items() if now - left < KEPT_SECONDS
        }
        if key.id and totals.ids and now - since < KEPT_SECONDS:
            self._departed[key] = (totals, since)
        while len(self._departed) > MOST_DEPARTED:
            del self._departed[next(iter(self._departed))]

    def is_fresh(self, now: Instant) -> bool:
        """Whether at least one workspace has fresh all-time data."""
        return any(workspace.all_time.is_fresh(now) for workspace in self)
