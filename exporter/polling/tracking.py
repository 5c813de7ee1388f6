"""Which workspaces are polled, by which account, and under which label."""

import asyncio
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import structlog

from exporter.config import Config
from exporter.fleet import sharding
from exporter.fleet.key import Key
from exporter.fleet.labels import Labels
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board

_log = structlog.get_logger(__name__)


class Tracking:
    """Keeps the fleet's workspaces those that the accounts have.

    `on_tracked` is called with each workspace that is to be polled, and its account.
    """

    def __init__(
        self,
        config: Config,
        accounts: Mapping[str, Account],
        fleet: Fleet,
        board: Board,
        on_tracked: Callable[[Account, Workspace], None],
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._fleet = fleet
        self._board = board
        self._on_tracked = on_tracked
        self._seen_by: dict[Key, list[Account]] = {}
        """The accounts that have a workspace, in their order; the first one's key polls it."""
        self._labels = Labels()
        self._kept: dict[str, Key] = {}
        """Labels from before that workspaces keep although theirs is another one by now."""
        self._unclaimed: set[Workspace] = set()
        """Workspaces from before that are no known account's; one of the accounts may still have them."""
        self._unlisted = len(accounts)
        """How many accounts were never listed."""
        self._all_tracked = False
        self._taking = asyncio.Lock()

    async def take_over(self) -> None:
        """Track what the fleet knows from before, and forget what belongs here no longer."""
        known: dict[str, dict[Key, str]] = defaultdict(dict)
        for workspace in list(self._fleet):
            account = self._accounts.get(workspace.account)
            if account and self._stays(workspace, account):
                known[account.name][workspace.key] = workspace.name
            await asyncio.sleep(0)  # thousands of workspaces must not hold the loop
        self._fleet.keep_listings(self._accounts)
        for name, account in self._accounts.items():
            names = known.get(name, {})
            account.listing = self._fleet.listings[name]
            account.listing.go_on({key: name for key, name in names.items() if key.id})
            if names:
                await self.take(account, names)
                await asyncio.sleep(0)
        for workspace in list(self._fleet):
            if workspace.key in self._seen_by:
                self._configure(workspace, self._seen_by[workspace.key][0])
                await self._board.adopted(workspace)
            elif workspace.key.id and workspace.account not in self._accounts and self.is_ours(workspace.key):
                self._unclaimed.add(workspace)
                any_account = next(iter(self._accounts.values()))  # all have the same feeds
                self._board.tracked(workspace, self._polls(any_account))
                await self._board.adopted(workspace)
            else:
                await self._board.forgotten(workspace)
            await asyncio.sleep(0)

    def _stays(self, workspace: Workspace, account: Account) -> bool:
        """Whether a workspace from before is still polled by its account."""
        if not workspace.key.id:
            return True
        return self.is_ours(workspace.key) and account.config.workspaces.keeps(workspace.name)

    def is_ours(self, key: Key) -> bool:
        """Whether this shard polls the workspace."""
        return sharding.owner(key, self._config.shard.total) == self._config.shard.index

    async def listed(self, account: Account) -> None:
        """Track the workspaces of an account that were just listed."""
        names = account.listing.names
        ours = {key: name for key, name in names.items() if self.is_ours(key)}
        for key in account.elsewhere - names.keys():
            self._labels.drop(key)
        account.elsewhere = names.keys() - ours.keys()
        for key in account.elsewhere:
            self._labels.put(key, names[key])
        if not account.is_listed:
            account.is_listed = True
            self._unlisted -= 1
        await self.take(account, ours)
        for key in account.workspaces:
            workspace = self._fleet.get(key)
            if workspace and self._seen_by[key][0] is account:
                is_listed = key not in account.listing.absent or bool(account.listing.doubt)
                self._board.listed(workspace, is_listed=is_listed)
        if not self._unlisted:
            await self._let_go()

    async def _let_go(self) -> None:
        """Forget what no account has claimed, once all have been asked."""
        unclaimed, self._unclaimed = self._unclaimed, set()
        for workspace in unclaimed:
            if workspace.key not in self._seen_by:
                await self._board.forgotten(workspace)
        if not self._all_tracked:
            self._all_tracked = True
            self._board.all_tracked()

    async def take(self, account: Account, names: dict[Key, str]) -> None:
        """Track exactly these workspaces of the account; the first account that has one polls it."""
        async with self._taking:
            before, account.workspaces = account.workspaces, names
            self._know_stand_in(account, before)
            for key in before.keys() - names.keys():
                await self._unsee(account, key)
            for key in names.keys() - before.keys():
                seers = self._seen_by.setdefault(key, [])
                if account not in seers:
                    insort(seers, account, key=lambda seer: seer.order)
            for key in names:
                self._labels.put(key, self._seen_by[key][0].workspaces[key])
            taken = {self._labels.of(key) for key in names}
            await self._make_way(taken)
            await self._relabel(taken)
            for key in names:
                self._track(key)

    async def _make_way(self, taken: AbstractSet[str]) -> None:
        """Forget what is unclaimed and has a label that another workspace takes."""
        for workspace in list(self._unclaimed):
            if workspace.label in taken and workspace.key not in self._seen_by:
                self._unclaimed.remove(workspace)
                await self._board.forgotten(workspace)

    def _know_stand_in(self, account: Account, before: Mapping[Key, str]) -> None:
        """Know what stood for a workspace key's workspace by its id; its counters are the workspace's."""
        stand_in, key = self._fleet.get(account.stand_in), Key(account.own_id)
        if not stand_in or account.stand_in not in before:
            return
        if account.own_id and key in account.workspaces and not self._fleet.get(key):
            self._seen_by[key] = self._seen_by.pop(account.stand_in)
            self._labels.drop(account.stand_in)
            self._board.rekeyed(stand_in, key)

    async def _unsee(self, account: Account, key: Key) -> None:
        """Note that an account no longer has a workspace; without another one that has it, it is gone."""
        seers = self._seen_by.get(key)
        if not seers or account not in seers:
            return
        seers.remove(account)
        workspace = self._fleet.get(key)
        if not seers:
            del self._seen_by[key]
            self._labels.drop(key)
            if workspace:
                await self._board.forgotten(workspace)
        elif workspace and workspace.account == account.name:
            self._configure(workspace, seers[0])
            self._on_tracked(seers[0], workspace)

    async def _relabel(self, taken: set[str]) -> None:
        """Rename the workspaces that have another label now, and those that keep one that is `taken`."""
        renamed: dict[Workspace, str] = {}
        changed, given_up = dict(self._labels.changed()), taken
        while keys := [self._kept.pop(label) for label in given_up & self._kept.keys()]:
            own = {key: self._labels.of(key) for key in keys if key in self._seen_by}
            changed |= own
            given_up = {*own.values()}
            taken = taken | given_up
        for key, label in changed.items():
            workspace, seers = self._fleet.get(key), self._seen_by.get(key)
            if workspace is None or not seers:
                continue
            workspace.name = seers[0].workspaces[key]
            if workspace.label == label:
                continue
            # What is known from before keeps its label until all that share its name can be known.
            if seers[0].is_listed or not key.id or workspace.label in taken:
                renamed[workspace] = label
            else:
                self._kept[workspace.label] = key
        if renamed:
            await self._board.renamed(renamed)

    def _track(self, key: Key) -> None:
        """Track a workspace, as one of the first account that has it."""
        account, workspace = self._seen_by[key][0], self._fleet.get(key)
        if workspace is None:
            workspace = Workspace(key, account.name, account.workspaces[key], self._labels.of(key))
            if key.id:
                _log.info("workspace found", account=account.name, workspace=workspace.label)
        elif workspace.account == account.name and workspace.thresholds:
            return
        self._configure(workspace, account)

    def _configure(self, workspace: Workspace, account: Account) -> None:
        """Have a workspace polled as an account's."""
        if workspace.account != account.name:
            for poll in workspace.polls.values():  # what polls it does so with the other account's key
                poll.cancel()
        workspace.account = account.name
        workspace.thresholds = self._config.thresholds_for(account.config)
        self._board.tracked(workspace, self._polls(account))

    def _polls(self, account: Account) -> Sequence[Poll]:
        """Return a poll for each feed of an account."""
        stale_after = self._config.poll.stale_after.total_seconds()
        # A feed that is polled less often must not be stale before its next poll.
        return [Poll(feed, stale_after + feed.interval_seconds * feed.joins) for feed in account.feeds]

    def poll(self, account: Account) -> None:
        """Have the account's workspaces polled."""
        for key in account.workspaces:
            workspace = self._fleet.get(key)
            if workspace and self._seen_by[key][0] is account:
                self._on_tracked(account, workspace)
