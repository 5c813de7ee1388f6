"""Which workspaces there are: each account's, found anew at intervals, with a label of its own for each."""

import asyncio
from bisect import insort
from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from exporter.catalogue.workspace import Reason
from exporter.config import Config, KeyUnavailable
from exporter.exposition.telemetry import Telemetry
from exporter.fleet import sharding
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Fleet, Key, Workspace, labels_for
from exporter.polling.account import Account
from exporter.polling.board import Board, now
from exporter.sendkit.client import SendKit, is_platform_key
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.workspaces import list_workspaces

_log = structlog.get_logger(__name__)


class Discovery:
    """Keeps the fleet's workspaces those that the accounts have.

    `on_found` is called with each workspace that is to be polled, and its account.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it brings together
        self,
        config: Config,
        accounts: Mapping[str, Account],
        environ: Mapping[str, str],
        client: SendKit,
        fleet: Fleet,
        board: Board,
        telemetry: Telemetry,
        on_found: Callable[[Account, Workspace], None],
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._environ = environ
        self._client = client
        self._fleet = fleet
        self._board = board
        self._telemetry = telemetry
        self._on_found = on_found
        self._seen_by: dict[Key, list[Account]] = {}
        """The accounts that have a workspace, in their order; the first one's key polls it."""
        self._unclaimed: set[Workspace] = set()
        """Workspaces from before that are no known account's; one of the accounts may still have them."""
        self._taking = asyncio.Lock()

    async def take_over(self) -> None:
        """Track what the fleet knows from before, and forget what belongs here no longer."""
        for account in self._accounts.values():
            known = {
                workspace.key: workspace.name
                for workspace in self._fleet
                if workspace.account == account.name and self._stays(workspace, account)
            }
            if known:
                await self._take(account, known)
        for workspace in list(self._fleet):
            if workspace.key in self._seen_by:
                self._configure(workspace, self._seen_by[workspace.key][0])
                await self._board.adopted(workspace)
            elif (
                workspace.key.id and workspace.account not in self._accounts and self._is_ours(workspace.key)
            ):
                self._unclaimed.add(workspace)
                any_account = next(iter(self._accounts.values()))  # all have the same feeds
                self._board.configured(workspace, self._polls(any_account))
                await self._board.adopted(workspace)
            else:
                self._board.forgotten(workspace)

    def _stays(self, workspace: Workspace, account: Account) -> bool:
        """Whether a workspace from before is still polled by its account."""
        if not workspace.key.id:
            return True
        return self._is_ours(workspace.key) and account.config.workspaces.keeps(workspace.name)

    async def look(self, account: Account) -> bool:
        """Find an account's workspaces and track them; return whether that succeeded."""
        started = now()
        try:
            found = await self._found(account)
        except (KeyUnavailable, SendKitError) as error:
            self._telemetry.discovery_up.labels(account.name).set(0)
            reason = error.reason if isinstance(error, SendKitError) else Reason.AUTH
            await self._failed(account, reason, str(error), started)
            return False
        self._telemetry.discovery_up.labels(account.name).set(1)
        self._telemetry.discovery_last_success.labels(account.name).set(now().unix)
        if account.error and any(key.id for key in found):
            _log.info("workspaces found again", account=account.name)
        account.error = ""
        ours = {key: name for key, name in found.items() if self._is_ours(key)}
        account.elsewhere = {key: name for key, name in found.items() if key not in ours}
        await self._take(account, ours)
        self._poll(account)
        self._let_go()
        return True

    async def _found(self, account: Account) -> dict[Key, str]:
        """Return the names of the account's workspaces by key, those of all shards."""
        key = account.config.read_key(self._environ)
        if not is_platform_key(key):
            return {account.stand_in: account.name}
        seconds = account.feeds[0].interval_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        found = await list_workspaces(self._client, key, deadline, account.lane)
        keeps = account.config.workspaces.keeps
        return {Key(workspace.id): workspace.name for workspace in found if keeps(workspace.name)}

    def _is_ours(self, key: Key) -> bool:
        """Whether this shard polls the workspace."""
        return sharding.owner(key, self._config.shard.total) == self._config.shard.index

    async def _failed(self, account: Account, reason: Reason, error: str, started: Instant) -> None:
        """Poll what is known of the account all the same, or else show the failure of what stands for it."""
        if account.is_known:
            say = _log.debug if account.error else _log.warning
            say("workspaces cannot be listed", account=account.name, reason=reason.value, error=error)
            self._poll(account)
        else:
            await self._take(account, {account.stand_in: account.name})
            workspace = self._fleet.get(account.stand_in)
            if workspace and workspace.all_time.job is None:
                self._board.failed(workspace, workspace.all_time, reason, error, started)
        account.error = error

    def _let_go(self) -> None:
        """Forget what no account has claimed, once all have been asked."""
        if self._unclaimed and all(account.elsewhere is not None for account in self._accounts.values()):
            for workspace in self._unclaimed - {self._fleet.get(key) for key in self._seen_by}:
                self._board.forgotten(workspace)
            self._unclaimed.clear()

    def _make_way(self, taken: Collection[str]) -> None:
        """Forget what is unclaimed and has a label that another workspace takes."""
        for workspace in list(self._unclaimed):
            if workspace.label in taken and workspace.key not in self._seen_by:
                self._unclaimed.remove(workspace)
                self._board.forgotten(workspace)

    async def _take(self, account: Account, names: dict[Key, str]) -> None:
        """Track exactly these workspaces of the account; the first account that has one polls it."""
        async with self._taking:
            for key in account.workspaces.keys() - names.keys():
                self._unsee(account, key)
            for key in names.keys() - account.workspaces.keys():
                insort(self._seen_by.setdefault(key, []), account, key=lambda seer: seer.order)
            account.workspaces = names
            labels = self._labels()
            self._make_way({labels[key] for key in self._seen_by})
            await self._relabel(labels)
            for key in names:
                self._track(key, labels[key])

    def _unsee(self, account: Account, key: Key) -> None:
        """Note that an account no longer has a workspace; without another one that has it, it is gone."""
        seers = self._seen_by[key]
        seers.remove(account)
        workspace = self._fleet.get(key)
        if not seers:
            del self._seen_by[key]
            if workspace:
                self._board.forgotten(workspace)
        elif workspace:
            self._configure(workspace, seers[0])
            self._board.tracked(workspace)
            self._on_found(seers[0], workspace)

    def _labels(self) -> Mapping[Key, str]:
        """Return a label of its own for each workspace that any shard polls."""
        elsewhere = {
            key: name
            for account in self._accounts.values()
            for key, name in (account.elsewhere or {}).items()
        }
        return labels_for(elsewhere | {key: seers[0].workspaces[key] for key, seers in self._seen_by.items()})

    async def _relabel(self, labels: Mapping[Key, str]) -> None:
        """Rename the workspaces that have another label now."""
        renamed: dict[Workspace, str] = {}
        for key, seers in self._seen_by.items():
            workspace = self._fleet.get(key)
            if workspace is None:
                continue
            workspace.name = seers[0].workspaces[key]
            # What is known from before keeps its label until all that share its name can be known.
            if seers[0].elsewhere is not None and workspace.label != labels[key]:
                renamed[workspace] = labels[key]
        if renamed:
            await self._board.renamed(renamed)

    def _track(self, key: Key, label: str) -> None:
        """Track a workspace, as one of the first account that has it."""
        account, workspace = self._seen_by[key][0], self._fleet.get(key)
        if workspace is None:
            workspace = Workspace(key, account.name, account.workspaces[key], label)
            if key.id:
                _log.info("workspace found", account=account.name, workspace=label)
        elif workspace.account == account.name and workspace.thresholds:
            return
        self._configure(workspace, account)
        self._board.tracked(workspace)

    def _configure(self, workspace: Workspace, account: Account) -> None:
        """Have a workspace polled as an account's."""
        if workspace.account != account.name:
            for poll in workspace.polls.values():  # what polls it does so with the other account's key
                poll.cancel()
        workspace.account = account.name
        workspace.thresholds = self._config.thresholds_for(account.config)
        self._board.configured(workspace, self._polls(account))

    def _polls(self, account: Account) -> Iterable[Poll]:
        """Return a poll for each feed of an account."""
        stale_after = self._config.poll.stale_after.total_seconds()
        # A feed that is polled less often must not be stale before its next poll.
        return [Poll(feed, stale_after + feed.interval_seconds * feed.joins) for feed in account.feeds]

    def _poll(self, account: Account) -> None:
        for key in account.workspaces:
            workspace = self._fleet.get(key)
            if workspace and self._seen_by[key][0] is account:
                self._on_found(account, workspace)
