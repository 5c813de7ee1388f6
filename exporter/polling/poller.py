"""Polls on our own timer: which workspaces there are, and one poll of one of them from start to end.

Everything here runs on the event loop, but answers are read and rendered in a thread. A failure is told in
one place, `_fail`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import partial

import structlog

from exporter.config import AccountConfig, Config, KeyUnavailable, MailboxesConfig
from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure, Part, render_mailboxes, render_workspace
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet import sharding
from exporter.fleet.fleet import Fleet, Instant, Key, Poll, Totals, Tracked, Workspace, labels_for
from exporter.fleet.state import Saved, StateDirectory
from exporter.metrics import ALL_TIME
from exporter.model import MalformedAnswerError, Reason
from exporter.polling.reading import Reader, Reading
from exporter.polling.schedule import Schedule, guarded
from exporter.sendkit.client import Lane, SendKit, SendKitError, is_platform_key

SWEEP_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Account:
    """An account while it is polled."""

    config: AccountConfig
    lane: Lane
    workspaces: dict[Key, str] = field(default_factory=dict)
    """The names of its workspaces by key; a stand-in without an id until they are found."""
    elsewhere: dict[Key, str] | None = None
    """The names of those that other shards poll; `None` until they were looked for."""
    error: str = ""
    """Why the last look for them failed."""


def now() -> Instant:
    """Return this moment."""
    return Instant(time.time(), time.monotonic())


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
        self._config = config
        self._state = state
        self._environ = environ
        self._fleet = fleet
        self._store = store
        self._telemetry = telemetry
        self._calendar = calendar
        everything = config.mailboxes == MailboxesConfig()
        self._reader = Reader(
            Disclosure(privacy.email_shown(config.privacy), config.privacy.display_name),
            None if everything else config.mailboxes.keeps,
        )
        self._accounts = {
            account.name: _Account(account, Lane(config.api.max_concurrent_requests))
            for account in config.accounts
        }
        self._client = SendKit(
            config.api,
            on_request=lambda code: telemetry.api_requests.labels(code).inc(),
            on_retry=telemetry.api_retries.inc,
        )
        self._readings: dict[tuple[Key, str], Reading] = {}
        self._overrun: set[str] = set()
        """The jobs of polls that still ran when the next was due."""
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._schedule = Schedule(self._skipped)

    @property
    def disclosure(self) -> Disclosure:
        """Return what may be shown of a mailbox."""
        return self._reader.disclosure

    def notices(self) -> list[str]:
        """Return what the fleet cannot show: accounts whose known workspaces are looked for in vain."""
        return [
            f"Looking for the workspaces of {name} failed: {account.error}"
            for name, account in self._accounts.items()
            if account.error and any(key[1] for key in account.workspaces)
        ]

    def is_turning(self) -> bool:
        """Whether what is due is still run."""
        return self._schedule.is_turning

    async def start(self) -> None:
        """Start polling, everything at once first; what the fleet knows of workspaces that stay, stays."""
        self._telemetry.keep_accounts(self._accounts.keys())
        await self._take_over()
        for account in self._accounts.values():
            interval = self._config.poll_interval_for(account.config)
            self._schedule.every(
                interval, partial(self._discover_on_schedule, account), _discovery_job(account)
            )
        self._schedule.every(timedelta(seconds=SWEEP_SECONDS), self._sweep, "sweep")
        self._schedule.start()

    async def stop(self) -> None:
        """End all polls, wherever they are."""
        await self._schedule.stop()
        # What is saved after this would undo what another poller saves.
        waiting = ThreadPoolExecutor(1)
        ended = partial(self._threads.shutdown, cancel_futures=True)
        await asyncio.get_running_loop().run_in_executor(waiting, ended)
        waiting.shutdown(wait=False)
        await self._client.aclose()

    async def once(self) -> bool:
        """Poll everything once; return whether every poll succeeded."""
        await self._take_over()
        looks = [guarded(partial(self._discover, account)) for account in self._accounts.values()]
        found = await asyncio.gather(*looks)
        due = [
            guarded(partial(self._poll, tracked.workspace.key, poll.window))
            for tracked in self._fleet
            for poll in tracked.polls.values()
            if tracked.all_time.failure is None  # else it stands in for workspaces that were not found
        ]
        await asyncio.gather(*due)
        return all(found) and all(poll.up for tracked in self._fleet for poll in tracked.polls.values())

    async def _take_over(self) -> None:
        """Track and show what the fleet knows from before, and forget what belongs here no longer."""
        windows = {ALL_TIME, *(window.name for window in self._config.windows)}
        for tracked in list(self._fleet):
            for window in tracked.polls.keys() - windows:
                self._unsave(tracked.workspace.key, window)
        for name, account in self._accounts.items():
            known = {
                tracked.workspace.key: tracked.workspace.name
                for tracked in self._fleet
                if tracked.workspace.account == name and self._stays(tracked.workspace)
            }
            if known:
                self._track(account, known)
        tracked_here = {key for account in self._accounts.values() for key in account.workspaces}
        for tracked in list(self._fleet):
            if tracked.workspace.key not in tracked_here:
                self._forget(tracked.workspace.key)
        for tracked in list(self._fleet):
            await self._show_anew(tracked)

    # Jobs

    def _skipped(self, job_id: str) -> None:
        """Count a poll that was due while the one before still ran."""
        kind, *rest = job_id.split("\0")
        if kind != "poll":
            return
        account, workspace_id, window = rest
        tracked = self._fleet.get((account, workspace_id))
        if tracked and window in tracked.polls:
            tracked.polls[window].skipped += 1
            self._show(tracked)
            say = _log.debug if job_id in self._overrun else _log.warning
            say("poll skipped: the one before is still running", **_place(tracked, window))
            self._overrun.add(job_id)

    async def _sweep(self) -> None:
        """Drop what became stale."""
        moment = now()
        for tracked in self._fleet:
            for poll in tracked.polls.values():
                if poll.answer is not None and poll.is_stale(moment):
                    poll.answer = None
                    self._readings.pop((tracked.workspace.key, poll.window), None)
                    self._store.drop_window(tracked.workspace.key, poll.window)
                    self._show(tracked)
                    _log.warning("data is stale: mailbox series dropped", **_place(tracked, poll.window))

    # Discovery

    async def _discover_on_schedule(self, account: _Account) -> None:
        """Look for the account's workspaces, and look again sooner if that failed."""
        interval = account.config.workspaces.refresh
        if not await self._discover(account):
            interval = min(interval, self._config.poll_interval_for(account.config))
        self._schedule.change(_discovery_job(account), interval)

    async def _discover(self, account: _Account) -> bool:
        """Find the account's workspaces and track them; return whether that succeeded."""
        name = account.config.name
        started = now()
        try:
            workspaces = await self._workspaces_of(account)
        except (KeyUnavailable, SendKitError) as error:
            self._telemetry.discovery_up.labels(name).set(0)
            self._discovery_failed(account, error, started)
            return False
        self._telemetry.discovery_up.labels(name).set(1)
        self._telemetry.discovery_last_success.labels(name).set(time.time())
        if account.error and any(key[1] for key in workspaces):
            _log.info("workspaces found again", account=name)
        account.error = ""
        ours = {key: name for key, name in workspaces.items() if self._is_ours(key)}
        account.elsewhere = {key: name for key, name in workspaces.items() if key not in ours}
        self._track(account, ours)
        for key in account.workspaces:
            self._schedule_polls(key)
        return True

    async def _workspaces_of(self, account: _Account) -> dict[Key, str]:
        """Return the names of the account's workspaces by key, those of all shards."""
        config = account.config
        key = config.read_key(self._environ)
        if not is_platform_key(key):
            return {(config.name, ""): config.name}
        deadline = asyncio.get_running_loop().time() + self._config.poll_interval_for(config).total_seconds()
        found = await self._client.workspaces(key, deadline, account.lane)
        return {
            (config.name, workspace.id): workspace.name
            for workspace in found
            if config.workspaces.keeps(workspace.name)
        }

    def _is_ours(self, key: Key) -> bool:
        """Whether this shard polls the workspace."""
        return sharding.owner(key, self._config.shard.total) == self._config.shard.index

    def _discovery_failed(
        self, account: _Account, error: KeyUnavailable | SendKitError, started: Instant
    ) -> None:
        """Tell of it as a failed poll of a stand-in, or in the log once workspaces are known."""
        name = account.config.name
        if any(key[1] for key in account.workspaces):
            say = _log.debug if account.error else _log.warning
            say("looking for workspaces failed", account=name, error=str(error))
            for key in account.workspaces:
                self._schedule_polls(key)
        else:
            self._track(account, {(name, ""): name})
            tracked = self._fleet.get((name, ""))
            if tracked and _poll_job(tracked.workspace.key, ALL_TIME) not in self._schedule:
                reason = error.reason if isinstance(error, SendKitError) else Reason.AUTH
                self._fail(tracked, tracked.all_time, reason, str(error), started)
        account.error = str(error)

    def _track(self, account: _Account, workspaces: dict[Key, str]) -> None:
        """Track exactly these workspaces of the account, each with a label of its own.

        A workspace that two accounts can see is the one's that is configured first.
        """
        earlier = True
        for other in self._accounts.values():
            if other is account:
                earlier = False
                continue
            ids = {key[1] for key in other.workspaces if key[1]}
            if earlier:
                workspaces = {key: name for key, name in workspaces.items() if key[1] not in ids}
                continue
            for key in [
                key for key in other.workspaces if (account.config.name, key[1]) in workspaces and key[1]
            ]:
                del other.workspaces[key]
                self._forget(key)
        for key in account.workspaces.keys() - workspaces.keys():
            self._forget(key)
        account.workspaces = workspaces
        names = {key: name for known in self._accounts.values() for key, name in known.workspaces.items()}
        labels = labels_for(names | self._names_elsewhere())
        for key, name in names.items():
            tracked, its_account = self._fleet.get(key), self._accounts[key[0]]
            # What is known from before keeps its label until all that share its name can be known.
            label = tracked.workspace.label if tracked and its_account.elsewhere is None else labels[key]
            if key in workspaces or tracked is None or tracked.workspace.label != label:
                self._track_one(Workspace(*key, name, label), its_account.config)

    def _names_elsewhere(self) -> dict[Key, str]:
        """Return the names of what other shards poll, each workspace once however many accounts see it."""
        return {
            ("" if workspace_id else account, workspace_id): name
            for known in self._accounts.values()
            for (account, workspace_id), name in (known.elsewhere or {}).items()
        }

    def _track_one(self, workspace: Workspace, account: AccountConfig) -> None:
        known = self._fleet.get(workspace.key)
        renamed = known is not None and known.workspace.label != workspace.label
        stale_after = self._config.poll.stale_after.total_seconds()
        polls = [Poll(ALL_TIME, self._config.poll_interval_for(account).total_seconds(), stale_after)]
        for window in self._config.windows:
            interval = window.interval.total_seconds()
            # A window that is polled less often must not be stale before its next poll.
            polls.append(Poll(window.name, interval, stale_after + interval))
        tracked = self._fleet.track(workspace, self._config.thresholds_for(account), polls)
        if known is None and workspace.id:
            _log.info("workspace found", account=workspace.account, workspace=workspace.label)
        if known is None or renamed:
            self._show(tracked, self._rendered_again(tracked))

    def _stays(self, workspace: Workspace) -> bool:
        """Whether a workspace that is known from an earlier configuration belongs to this one, too."""
        account = self._accounts.get(workspace.account)
        return (
            account is not None
            and self._is_ours(workspace.key)
            and (not workspace.id or account.config.workspaces.keeps(workspace.name))
        )

    async def _show_anew(self, tracked: Tracked) -> None:
        """Show what is known from an earlier configuration as this one keeps and shows it."""
        for poll in tracked.polls.values():
            if poll.answer is not None:
                poll.answer = None if poll.is_stale(now()) else self._reader.kept(poll.answer)
        if tracked.all_time.answer is not None:
            tracked.totals = tracked.totals.after(tracked.all_time.answer, time.monotonic())
        parts = await asyncio.get_running_loop().run_in_executor(self._threads, self._rendered_again, tracked)
        self._store.drop(tracked.workspace.key)
        self._show(tracked, parts)

    def _rendered_again(self, tracked: Tracked) -> dict[str, Part]:
        """Render the answers that are there under the workspace's new label."""
        return {
            poll.window: render_mailboxes(
                tracked.workspace.label,
                poll.window,
                poll.answer,
                tracked.totals,
                self._reader.disclosure,
                None,
            )
            for poll in tracked.polls.values()
            if poll.answer is not None
        }

    def _forget(self, key: Key) -> None:
        """Drop a workspace that is gone."""
        tracked = self._fleet.get(key)
        if tracked is None:
            return
        for window in tracked.polls:
            self._readings.pop((key, window), None)
            self._unsave(key, window)
            self._schedule.remove(_poll_job(key, window))
        self._fleet.forget(key)
        self._store.drop(key)
        if key[1]:
            _log.info("workspace gone", account=key[0], workspace=tracked.workspace.label)

    def _unsave(self, key: Key, window: str) -> None:
        """Remove what was saved of a workspace's window."""
        if self._state:
            self._state.forget(key, window)

    def _schedule_polls(self, key: Key) -> None:
        tracked = self._fleet.get(key)
        for poll in tracked.polls.values() if tracked else ():
            job_id = _poll_job(key, poll.window)
            if self._schedule.is_running and job_id not in self._schedule:
                run = partial(self._poll, key, poll.window)
                self._schedule.every(timedelta(seconds=poll.interval), run, job_id)

    # One poll

    async def _poll(self, key: Key, window: str) -> None:
        """Poll a workspace's window once, from the key to the rendered pieces."""
        tracked = self._fleet.get(key)
        if tracked is None:
            return
        poll, account = tracked.polls[window], self._accounts[key[0]]
        skipped = poll.skipped
        started = now()
        deadline = asyncio.get_running_loop().time() + poll.interval
        try:
            body = await self._client.mailboxes(
                account.config.read_key(self._environ),
                key[1] or None,
                self._days(window),
                deadline,
                account.lane,
                suspect=poll.failure is not None,
            )
            reading = await self._read(tracked, window, body)
        except KeyUnavailable as error:
            self._fail(tracked, poll, Reason.AUTH, str(error), started)
        except SendKitError as error:
            self._fail(tracked, poll, error.reason, str(error), started)
        except MalformedAnswerError as error:
            self._fail(tracked, poll, Reason.MALFORMED, str(error), started)
        except MemoryError:
            self._fail(tracked, poll, Reason.TOO_LARGE, "there is not enough memory for the answer", started)
        except Exception as error:
            self._fail(
                tracked, poll, Reason.MALFORMED, f"the exporter failed: {type(error).__name__}", started
            )
            raise
        else:
            if self._fleet.get(key) is tracked:
                self._succeed(tracked, poll, reading, started)
            else:
                self._unsave(key, window)  # it went while it was polled
        if poll.skipped == skipped:
            self._overrun.discard(_poll_job(key, window))

    def _days(self, window: str) -> tuple[date, date] | None:
        """Return the first and last day of a window, or `None` for all-time."""
        for configured in self._config.windows:
            if configured.name == window:
                today = self._calendar(self._config.timezone).date()
                return today - timedelta(days=configured.days - 1), today
        return None

    async def _read(self, tracked: Tracked, window: str, body: bytes) -> Reading:
        """Read an answer and save it, before anything of it is shown."""
        workspace = tracked.workspace
        previous = self._readings.get((workspace.key, window))
        totals = tracked.totals if window == ALL_TIME else Totals()

        def read() -> Reading:
            reading = self._reader.read(body, workspace.label, window, totals, previous)
            if self._state is None:
                return reading
            is_as_saved = previous is not None and reading.part is previous.part
            if not (is_as_saved and self._state.touch(workspace.key, window, time.time())):
                saved = Saved.of(workspace, window, reading.answer, reading.totals, time.monotonic())
                self._state.save(saved, time.time())
            return reading

        return await asyncio.get_running_loop().run_in_executor(self._threads, read)

    def _succeed(self, tracked: Tracked, poll: Poll, reading: Reading, started: Instant) -> None:
        was_up, ended = poll.up, now()
        poll.succeeded(reading.answer, ended, ended.steady - started.steady)
        if poll.window == ALL_TIME:
            tracked.totals = reading.totals
        self._readings[tracked.workspace.key, poll.window] = reading
        self._telemetry.render_duration.set(reading.seconds)
        if reading.part.label == tracked.workspace.label:
            self._show(tracked, {poll.window: reading.part})
        else:  # renamed meanwhile
            self._show(tracked, self._rendered_again(tracked))
        if not was_up:
            _log.info(
                "polls succeed" if was_up is None else "polls succeed again",
                **_place(tracked, poll.window),
                mailboxes=len(reading.answer),
            )

    def _fail(self, tracked: Tracked, poll: Poll, reason: Reason, error: str, started: Instant) -> None:
        """Tell of a failed poll, as metrics and as one log line a change of state."""
        before, ended = poll.failure, now()
        poll.failed(reason, error, ended, ended.steady - started.steady)
        if self._fleet.get(tracked.workspace.key) is tracked:
            self._show(tracked)
        say = _log.debug if before is reason else _log.warning
        say("poll failed", **_place(tracked, poll.window), reason=reason.value, error=error)

    def _show(self, tracked: Tracked, parts: Mapping[str, Part] | None = None) -> None:
        """Give the store what is known of a workspace and its polls now."""
        stale = tracked.all_time.is_stale(now())
        own = render_workspace(tracked, stale=stale)
        self._store.put(tracked.workspace.key, tracked.workspace.label, own, parts or {})


def _discovery_job(account: _Account) -> str:
    return f"discover\0{account.config.name}"


def _poll_job(key: Key, window: str) -> str:
    return "\0".join(("poll", *key, window))


def _place(tracked: Tracked, window: str) -> dict[str, str]:
    return {"workspace": tracked.workspace.label, "window": window}
