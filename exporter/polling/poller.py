"""The poller: all accounts by one configuration, from start to stop."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta, tzinfo
from functools import partial

from exporter.catalogue.kinds import Feed
from exporter.config import Config, MailboxesConfig
from exporter.exposition.rendering import Disclosure
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet import fleet_saved
from exporter.fleet.poll import Poll
from exporter.fleet.state import StateDirectory
from exporter.fleet.tallies import Tallies
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board, now
from exporter.polling.discovery import Discovery
from exporter.polling.reader import Reader
from exporter.polling.runner import Runner
from exporter.polling.schedule import Schedule, Spread, guarded
from exporter.polling.tracking import Tracking
from exporter.sendkit.client import SendKit
from exporter.sendkit.feeds import feeds_of
from exporter.sendkit.lane import Lane

SWEEP_SECONDS = 1.0
GRACE_STEP_SECONDS = 0.05
FIRST_ROUND_SECONDS = 300.0
"""The first polls are spread over their interval, or over so long."""
SAVE_SECONDS = 5.0
"""So often at most is saved what changed of the whole fleet."""
COLLECTORS_BEGIN_SECONDS = 1.0
"""The first polls of collectors come so much later than those of figures."""


class Poller:
    """Polls every workspace of every account into the fleet and the store until it is stopped."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it brings together
        self,
        config: Config,
        environ: Mapping[str, str],
        client: SendKit,
        fleet: Fleet,
        store: Store,
        telemetry: Telemetry,
        disclosure: Disclosure,
        calendar: Callable[[tzinfo], datetime] = datetime.now,
        state: StateDirectory | None = None,
        more: Iterable[Feed] = (),
    ) -> None:
        """Nothing is polled yet."""
        self._fleet = fleet
        self._state = state
        self._saved_changes = 0
        self._telemetry = telemetry
        self.disclosure = disclosure
        """What may be shown of a mailbox."""
        self._accounts = {
            account.name: Account(
                account,
                order,
                Lane(config.api.max_concurrent_requests),
                feeds_of(config, account, more),
            )
            for order, account in enumerate(config.accounts)
        }
        self._client = client
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._schedule = Schedule()
        everything = config.mailboxes == MailboxesConfig()
        reader = Reader(
            self.disclosure,
            None if everything else config.mailboxes.keeps,
            regain_seconds=2 * config.poll.stale_after.total_seconds(),
            unit=config.api.bounce_rate_unit,
        )
        self._board = Board(fleet, store, telemetry, reader, state, self._threads)

        def today() -> date:
            return calendar(config.timezone).date()

        self._tracking = Tracking(config, self._accounts, fleet, self._board, self._schedule_polls)
        self._discovery = Discovery(
            config, environ, self._client, fleet, self._board, self._tracking, telemetry
        )
        self._runner = Runner(
            self._client, self._board, self._discovery, today, config.api.max_response_bytes
        )
        self._spread, self._collectors_spread = Spread(), Spread()

    def notices(self) -> list[str]:
        """Return what the fleet cannot show: accounts without workspaces, or whose are looked for in vain."""
        return [notice for account in self._accounts.values() for notice in account.notices()]

    def is_turning(self) -> bool:
        """Whether what is due is still run."""
        return self._schedule.is_turning

    async def start(self) -> None:
        """Start polling, a few at once, the rest by and by; what is known of workspaces that stay, stays."""
        self._telemetry.keep_accounts(self._accounts.keys())
        await self._tracking.take_over()
        self._schedule.start()  # thousands of jobs are dear to add at the start itself
        looks = Spread()
        for account in self._accounts.values():
            seconds = account.feeds[0].interval_seconds
            account.job = self._schedule.every(
                timedelta(seconds=seconds),
                partial(self._look, account),
                first_seconds=looks.delay_seconds(seconds),
            )
            await asyncio.sleep(0)  # thousands of accounts must not hold the loop
        self._schedule.every(timedelta(seconds=SWEEP_SECONDS), self._sweep)
        self._schedule.every(timedelta(seconds=SAVE_SECONDS), partial(self._save, self._threads))

    async def trust_anew(self) -> None:
        """Take whatever keys there are now, and look soon for workspaces that cannot be listed."""
        looks = Spread()
        for account in self._accounts.values():
            account.trust_anew()
            if account.error and account.job:
                account.job.soon(looks.delay_seconds(account.feeds[0].interval_seconds))
                await asyncio.sleep(0)

    async def stop(self, grace_seconds: float = 0.0) -> None:
        """End all polls, wherever they are; those that run have so long to end by themselves."""
        self._schedule.pause()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                while any(  # noqa: ASYNC110 - they end in many places, and soon
                    poll.running for workspace in self._fleet for poll in workspace.polls.values()
                ):
                    await asyncio.sleep(GRACE_STEP_SECONDS)
        moment = now()
        for workspace in list(self._fleet):
            for poll in workspace.polls.values():
                poll.pause(moment)
            await asyncio.sleep(0)
        await self._schedule.stop()
        # What is saved after this would undo what another poller saves.
        waiting = ThreadPoolExecutor(1)
        ended = partial(self._threads.shutdown, cancel_futures=True)
        await asyncio.get_running_loop().run_in_executor(waiting, ended)
        await self._save(waiting)
        waiting.shutdown(wait=False)
        await self._client.aclose()

    async def once(self, earlier: Tallies) -> bool:
        """Poll everything once; return whether every poll succeeded.

        The counters of polls go on from those of earlier runs.
        """
        await self._tracking.take_over()
        accounts = self._accounts.values()
        found = await asyncio.gather(
            *(guarded(partial(self._discovery.look, account)) for account in accounts)
        )
        known = [
            (workspace, poll)
            for workspace in self._fleet
            for poll in workspace.polls.values()
            if workspace.all_time.failure is None  # else it stands in for workspaces that were not found
        ]
        for of_collectors in (False, True):
            await asyncio.gather(
                *(
                    guarded(partial(self._runner.run, self._accounts[workspace.account], workspace, poll))
                    for workspace, poll in known
                    if poll.feed.is_collector is of_collectors
                )
            )
        self._board.added_up(earlier)
        needed = (poll for workspace in self._fleet for poll in workspace.polls.values())
        return all(found) and all(poll.up for poll in needed if not poll.feed.is_collector)

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
                    timedelta(seconds=poll.interval_seconds),
                    partial(self._runner.run, account, workspace, poll),
                    on_overrun=partial(self._board.skipped, workspace, poll),
                    first_seconds=self._first_seconds(poll),
                )

    def _first_seconds(self, poll: Poll) -> float:
        """Return when a poll is first due: when it was due before, or its place in the first round."""
        if poll.due is not None and poll.failure is None:
            return min(max(0.0, poll.due - now().steady), poll.feed.interval_seconds)
        seconds = min(poll.feed.interval_seconds, FIRST_ROUND_SECONDS)
        if not poll.feed.is_collector:
            return self._spread.delay_seconds(seconds)
        return min(COLLECTORS_BEGIN_SECONDS, seconds) + self._collectors_spread.delay_seconds(seconds)

    async def _sweep(self) -> None:
        await self._board.drop_stale()

    async def _save(self, threads: Executor) -> None:
        """Save what changed of the whole fleet, in a thread; what could not be saved is tried again."""
        changes = self._fleet.changes
        if self._state and changes != self._saved_changes:
            saving = fleet_saved.saving(self._fleet, self._state, now())
            if await asyncio.get_running_loop().run_in_executor(threads, saving):
                self._saved_changes = changes
