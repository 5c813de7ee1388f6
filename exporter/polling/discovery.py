"""Which workspaces there are: each account's, listed anew at intervals."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import structlog

from exporter.catalogue.workspace import Reason
from exporter.config import Config, KeyUnavailable
from exporter.exposition.telemetry import Telemetry
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board, now
from exporter.polling.tracking import Tracking
from exporter.sendkit.client import SendKit, is_platform_key
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.workspaces import ListedWorkspace, list_workspaces

_MAY_NOT_LIST = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""A workspace key may see its figures and not the list; a refused one is shown by its polls."""

Failure = KeyUnavailable | SendKitError | MemoryError

_log = structlog.get_logger(__name__)


class Discovery:
    """Lists the workspaces of accounts."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it brings together
        self,
        config: Config,
        environ: Mapping[str, str],
        client: SendKit,
        fleet: Fleet,
        board: Board,
        tracking: Tracking,
        telemetry: Telemetry,
    ) -> None:
        self._config = config
        self._environ = environ
        self._client = client
        self._fleet = fleet
        self._board = board
        self._tracking = tracking
        self._telemetry = telemetry

    async def look(self, account: Account) -> bool:
        """List an account's workspaces and track them; return whether that succeeded."""
        started = now()
        try:
            found = await self._found(account)
        except (KeyUnavailable, SendKitError, MemoryError) as error:
            self._telemetry.discovery_up.labels(account.name).set(0)
            await self._failed(account, error, started)
            return False
        self._telemetry.discovery_up.labels(account.name).set(1)
        self._telemetry.discovery_last_success.labels(account.name).set(now().unix)
        if account.error and account.is_known:
            _log.info("workspaces found again", account=account.name)
        account.error = ""
        doubt = account.listing.doubt
        leave_seconds = self._config.poll.stale_after.total_seconds()
        self._fleet.changes += account.listing.take(found, started.steady, leave_seconds)
        if account.listing.doubt and not doubt:
            _log.warning("odd list of workspaces", account=account.name, found=account.listing.doubt)
        await self._tracking.listed(account)
        self._tracking.poll(account)
        return True

    async def _found(self, account: Account) -> dict[Key, str]:
        """Return the names of the account's workspaces by key, those of all shards."""
        key = await account.current_key(self._environ)
        if not is_platform_key(key):
            return await self._own(account, key)
        found = await self._list(account, key)
        account.is_platform = True
        keeps = account.config.workspaces.keeps
        kept = {Key(workspace.id): workspace.name for workspace in found if keeps(workspace.name)}
        _tell_empty(account, len(found), len(kept))
        return kept

    async def _list(self, account: Account, key: str) -> list[ListedWorkspace]:
        """Return the workspaces that a key sees, asked for again until the account's next poll is due."""
        deadline = asyncio.get_running_loop().time() + account.feeds[0].interval_seconds
        return await list_workspaces(self._client, key, deadline, account.lane)

    async def _own(self, account: Account, key: str) -> dict[Key, str]:
        """Return a workspace key's workspace by its id, or by its account while that is unknown."""
        try:
            await self._verify(account, key)
        except SendKitError as error:
            if error.status not in _MAY_NOT_LIST:
                raise
        account.is_platform = False
        # A key that is refused, or may not list, says nothing of a workspace that is known from before.
        own = Key(account.own_id) if account.own_id else account.known or account.stand_in
        if own not in account.listing.names:
            account.listing.clear()  # there is one workspace, so the one before is gone
        return {own: account.name}

    async def _verify(self, account: Account, key: str) -> None:
        """Find the id of a workspace key's workspace; raises for the key of another one than before."""
        try:
            found = await self._list(account, key)
        except SendKitError as error:
            if error.status in _MAY_NOT_LIST and not account.own_id:
                account.verified = key  # as far as it can be
            raise
        own_id = found[0].id if found else ""
        if account.own_id and own_id != account.own_id:
            raise KeyUnavailable(
                f"the key of account {account.name} is of workspace {own_id or 'none'}, expected "
                f"{account.own_id} as before; a reload takes another one"
            )
        account.own_id, account.verified = own_id, key

    async def key_of(self, account: Account, workspace: Workspace) -> str:
        """Return the key with which a workspace is polled now.

        Raises `KeyUnavailable` or `SendKitError`, also for a key that shows another workspace's mailboxes.
        """
        key = await account.current_key(self._environ)
        if is_platform_key(key) or not workspace.key.id:
            return key
        if key != account.verified:
            await self._verify(account, key)
        if account.own_id and account.own_id != workspace.key.id:
            raise KeyUnavailable(f"the key of account {account.name} is of another workspace")
        return key

    async def _failed(self, account: Account, failure: Failure, started: Instant) -> None:
        """Poll what is known of the account all the same, or else the workspace that represents it."""
        reason, error = _why(failure)
        if account.is_known:
            say = _log.debug if account.error else _log.warning
            say("workspaces cannot be listed", account=account.name, reason=reason.value, error=error)
            self._tracking.poll(account)
            account.error = error
            return
        await self._tracking.take(account, {account.stand_in: account.name})
        account.error = error
        if await self._has_workspace_key(account):  # which may see the figures and not the list
            self._tracking.poll(account)
            return
        workspace = self._fleet.get(account.stand_in)
        if workspace and workspace.all_time.job is None:
            has_key = not isinstance(failure, KeyUnavailable)
            self._board.failed(workspace, workspace.all_time, reason, error, started, has_key=has_key)

    async def _has_workspace_key(self, account: Account) -> bool:
        try:
            return not is_platform_key(await account.current_key(self._environ))
        except KeyUnavailable:
            return False


def _tell_empty(account: Account, found: int, kept: int) -> None:
    """Say of an account, once, that its key is accepted and yet nothing is polled."""
    why = "no workspace matches workspaces.include and exclude" if found else "the account has no workspaces"
    empty = "" if kept else why
    if empty and empty != account.empty:
        _log.warning("nothing is polled", account=account.name, why=empty, workspaces=found)
    account.empty = empty


def _why(error: Failure) -> tuple[Reason, str]:
    """Return the reason and the words of a look that failed."""
    match error:
        case SendKitError():
            return error.reason, str(error)
        case MemoryError():
            return Reason.TOO_LARGE, "there is not enough memory for the list of workspaces"
        case _:
            return Reason.AUTH, str(error)
