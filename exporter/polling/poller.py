"""The poller: all accounts by one configuration, from start to stop."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, tzinfo
from functools import partial

from exporter.config import Config, MailboxesConfig
from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board
from exporter.polling.discovery import Discovery
from exporter.polling.reader import Reader
from exporter.polling.runner import Runner
from exporter.polling.schedule import Schedule, guarded
from exporter.sendkit.client import SendKit
from exporter.sendkit.feeds import feeds_of
from exporter.sendkit.lane import Lane

SWEEP_SECONDS = 1.0


class Poller:
    """Polls every workspace of every account into the fleet and the store until it is stopped."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it brings together
        self,
        config: Config,
        environ: Mapping[str, str],
        fleet: Fleet,
        store: Store,
        telemetry: Telemetry,
        calendar: Callable[[tzinfo], datetime] = datetime.now,
        state: StateDirectory | None = None,
    ) -> None:
        """Read the configuration; raises `KeyUnavailable` if the key of hashed addresses can't be read."""
        self._fleet = fleet
        self._telemetry = telemetry
        self.disclosure = Disclosure(privacy.email_shown(config.privacy), config.privacy.display_name)
        """What may be shown of a mailbox."""
        self._accounts = {
            account.name: Account(
                account, order, Lane(config.api.max_concurrent_requests), feeds_of(config, account)
            )
            for order, account in enumerate(config.accounts)
        }
        self._client = SendKit(
            config.api,
            on_request=lambda code: telemetry.api_requests.labels(code).inc(),
            on_retry=telemetry.api_retries.inc,
        )
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._schedule = Schedule()
        everything = config.mailboxes == MailboxesConfig()
        reader = Reader(self.disclosure, None if everything else config.mailboxes.keeps)
        self._board = Board(fleet, store, telemetry, reader, state, self._threads)

        def today() -> date:
            return calendar(config.timezone).date()

        self._runner = Runner(self._client, self._board, environ, today)
        self._discovery = Discovery(
            config, self._accounts, environ, self._client, fleet, self._board, telemetry, self._schedule_polls
        )

    def notices(self) -> list[str]:
        """Return what the fleet cannot show: accounts whose known workspaces are looked for in vain."""
        return [
            f"The workspaces of {account.name} cannot be listed: {account.error}"
            for account in self._accounts.values()
            if account.error and account.is_known
        ]

    def is_turning(self) -> bool:
        """Whether what is due is still run."""
        return self._schedule.is_turning

    async def start(self) -> None:
        """Start polling, everything at once first; what the fleet knows of workspaces that stay, stays."""
        self._telemetry.keep_accounts(self._accounts.keys())
        await self._discovery.take_over()
        for account in self._accounts.values():
            interval = timedelta(seconds=account.feeds[0].interval_seconds)
            look = self._schedule.every(interval, partial(self._look, account))
            account.job = look
        self._schedule.every(timedelta(seconds=SWEEP_SECONDS), self._sweep)
        self._schedule.start()

    async def stop(self) -> None:
        """End all polls, wherever they are."""
        await self._schedule.stop()
        for workspace in self._fleet:
            for poll in workspace.polls.values():
                poll.cancel()
        # What is saved after this would undo what another poller saves.
        waiting = ThreadPoolExecutor(1)
        ended = partial(self._threads.shutdown, cancel_futures=True)
        await asyncio.get_running_loop().run_in_executor(waiting, ended)
        waiting.shutdown(wait=False)
        await self._client.aclose()

    async def once(self) -> bool:
        """Poll everything once; return whether every poll succeeded."""
        await self._discovery.take_over()
        accounts = self._accounts.values()
        found = await asyncio.gather(
            *(guarded(partial(self._discovery.look, account)) for account in accounts)
        )
        due = [
            guarded(partial(self._runner.run, self._accounts[workspace.account], workspace, poll))
            for workspace in self._fleet
            for poll in workspace.polls.values()
            if workspace.all_time.failure is None  # else it stands in for workspaces that were not found
        ]
        await asyncio.gather(*due)
        return all(found) and all(poll.up for workspace in self._fleet for poll in workspace.polls.values())

    # Jobs

    async def _look(self, account: Account) -> None:
        """Look for the account's workspaces, and look again sooner if that failed."""
        interval = account.config.workspaces.refresh
        if not await self._discovery.look(account):
            interval = min(interval, timedelta(seconds=account.feeds[0].interval_seconds))
        if account.job:
            account.job.change(interval)

    def _schedule_polls(self, account: Account, workspace: Workspace) -> None:
        """Poll every feed of a workspace at its interval, if that is not so already."""
        if not self._schedule.is_running:
            return
        for poll in workspace.polls.values():
            if poll.job is None:
                poll.job = self._schedule.every(
                    timedelta(seconds=poll.feed.interval_seconds),
                    partial(self._runner.run, account, workspace, poll),
                    on_overrun=partial(self._board.skipped, workspace, poll),
                )

    async def _sweep(self) -> None:
        self._board.drop_stale()
