"""The board: the only writer of what is known of workspaces, and of what is shown of them.

Answers are read and rendered in a thread, one at a time for a workspace; everything else is done on the event
loop, so that a scrape never sees half a poll.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from exporter.answers.envelope import Body
from exporter.catalogue.kinds import Rows
from exporter.catalogue.workspace import Reason
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.state import StateDirectory
from exporter.fleet.tallies import Tallies
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.reader import Reader
from exporter.polling.saving import Saving
from exporter.polling.showing import AT_ONCE, Showing
from exporter.polling.watch import Lately, Watch
from exporter.sendkit.errors import SendKitError

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


def now() -> Instant:
    """Return this moment."""
    return Instant(time.time(), time.monotonic())


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an answer became; `rejoined` holds the readings of other feeds that it changed."""

    reading: Reading
    totals: Totals
    rejoined: Mapping[str, Reading]
    lately: Lately | None
    """How the mail is, of the base feed."""
    seconds: float


class Board:
    """Writes the outcome of polls into the fleet, the store and the state."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        telemetry: Telemetry,
        reader: Reader,
        state: StateDirectory | None,
        threads: Executor,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._telemetry = telemetry
        self._reader = reader
        self._saving = Saving(state)
        self._threads = threads
        self._watch = Watch(fleet, state)
        self._showing = Showing(store, now)
        self._renaming = asyncio.Lock()

    async def succeeded(
        self,
        workspace: Workspace,
        poll: Poll,
        body: Body,
        started: Instant,
        refusal: SendKitError | None = None,
    ) -> None:
        """Read the answer to a poll and show it; `refusal` says why a part of it is missing.

        Raises `envelope.MalformedAnswerError`, or `MemoryError`, and changes nothing then.
        """
        async with workspace.lock:
            if workspace not in self._fleet:  # it went while it was polled
                return
            outcome = await self._in_thread(lambda: self._read(workspace, poll, body))
            if workspace not in self._fleet:  # whoever forgot it waits for the lock, to save what is kept
                return
            was_up, before, ended = poll.up, poll.failure, now()
            duration = ended.steady - started.steady
            if refusal is None:
                poll.succeeded(outcome.reading, ended, duration)
            else:
                poll.partly_refused(outcome.reading, refusal.reason, str(refusal), ended, duration)
            workspace.totals, workspace.read_by = outcome.totals, self._reader
            if outcome.lately:
                self._watch.took(workspace, outcome.lately)
            self._watch.answered(workspace, poll.feed, outcome.reading.answer, ended.unix)
            self._put(workspace, outcome.rejoined)
            self._telemetry.render_duration.set(outcome.seconds)
            self._showing.show(workspace)
        if refusal is not None:
            say = _log.debug if before is refusal.reason else _log.warning
            say("a part is refused", **_place(workspace, poll), error=str(refusal))
        elif not was_up:
            _log.info(
                "polls succeed" if was_up is None else "polls succeed again",
                **_place(workspace, poll),
                **({"mailboxes": len(outcome.reading.answer)} if poll.feed.rows is Rows.MAILBOXES else {}),
            )

    def _read(self, workspace: Workspace, poll: Poll, body: Body) -> _Outcome:
        """Read an answer, and save it before anything of it is shown."""
        began = time.perf_counter()
        reading, totals = self._reader.read(workspace, poll, body)
        rejoined: Mapping[str, Reading] = {}
        lately = None
        if not poll.feed.joins and reading.part:
            rejoined = self._reader.rejoined(workspace, reading.part.roster)
            lately = self._watch.lately(workspace, reading.answer, totals, time.time())
        seconds = time.perf_counter() - began
        self._saving.took(workspace, poll, reading, totals)
        return _Outcome(reading, totals, rejoined, lately, seconds)

    def failed(
        self,
        workspace: Workspace,
        poll: Poll,
        reason: Reason,
        error: str,
        started: Instant,
        *,
        has_key: bool = True,
    ) -> None:
        """Show a failed poll, as metrics and as one log line a change of state.

        `has_key` is false if there was no key to send: no metric separates this from a refused key.
        """
        before, ended = (poll.failure, poll.has_key), now()
        poll.failed(reason, error, ended, ended.steady - started.steady, has_key=has_key)
        if workspace in self._fleet:
            self._showing.soon(workspace)
            if not poll.feed.joins:
                self._watch.failed(workspace, ended)
        say = _log.debug if before == (reason, has_key) else _log.warning
        say("poll failed", **_place(workspace, poll), reason=reason.value, error=error)

    def skipped(self, workspace: Workspace, poll: Poll) -> None:
        """Count a poll that was due while the one before still ran."""
        poll.skipped += 1
        self._showing.soon(workspace)
        say = _log.debug if poll.overruns else _log.warning
        say("poll skipped: the one before is still running", **_place(workspace, poll))
        poll.overruns = True

    async def drop_stale(self) -> None:
        """Drop the answers that no longer count, those of a few workspaces in each turn of the event loop."""
        for number, workspace in enumerate(list(self._fleet)):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            for poll in workspace.polls.values():
                if poll.reading is not None and poll.is_stale(now()):
                    poll.reading = None
                    self._put(workspace, {})
                    self._showing.soon(workspace)
                    _log.warning("data is stale: mailbox series dropped", **_place(workspace, poll))

    def tracked(self, workspace: Workspace, polls: Iterable[Poll]) -> None:
        """Have a workspace polled by exactly these polls; what is known of it and of them stays."""
        self._fleet.add(workspace)
        for poll in workspace.keep_polls(polls):
            poll.cancel()
            self._saving.forget(workspace, poll)
        self._showing.soon(workspace)

    def added_up(self, earlier: Tallies) -> None:
        """Show the counters of polls with those of earlier runs."""
        for workspace in self._fleet:
            for name, poll in workspace.polls.items():
                if tally := earlier.get((workspace.key, name)):
                    tally.add_to(poll)
            self._showing.show(workspace)

    def listed(self, workspace: Workspace, *, is_listed: bool) -> None:
        """Show whether the last list of the account has the workspace."""
        if workspace.is_listed is not is_listed:
            workspace.is_listed = is_listed
            self._showing.soon(workspace)
            if not is_listed:
                _log.warning("workspace is missing from the list", workspace=workspace.label)

    def rekeyed(self, workspace: Workspace, key: Key) -> None:
        """Know by its id what its account stood for."""
        self._fleet.rekey(workspace, key)
        self._showing.soon(workspace)

    async def renamed(self, labels: Mapping[Workspace, str]) -> None:
        """Show workspaces under other labels, all at once: two may have swapped theirs."""
        async with self._renaming, AsyncExitStack() as locks:
            for workspace in labels:
                await locks.enter_async_context(workspace.lock)
            readings = await self._in_thread(
                lambda: {
                    workspace: self._reader.rendered(workspace, label) for workspace, label in labels.items()
                }
            )
            self._fleet.changes += 1
            self._fleet.incidents.renamed({each.label: label for each, label in labels.items()})
            for workspace, label in labels.items():
                self._store.changed(workspace.label)
                # A label that two have, even for a moment, would make a scrape of no use.
                workspace.label, workspace.own = label, {}
                self._put(workspace, readings[workspace])
            for workspace in filter(self._fleet.__contains__, labels):
                self._showing.soon(workspace)

    async def adopted(self, workspace: Workspace) -> None:
        """Show what is known from before as this configuration keeps and shows it."""
        async with workspace.lock:
            for poll in workspace.polls.values():
                if poll.reading is not None and poll.is_stale(now()):
                    poll.reading = None
            is_known = workspace.read_by == self._reader
            self._put(workspace, {} if is_known else await self._reread(workspace))
            self._showing.soon(workspace)

    async def _reread(self, workspace: Workspace) -> Mapping[str, Reading]:
        """Keep the mailboxes that count now, and return all readings as they are shown now."""
        base = workspace.all_time
        if base.reading is not None:
            answer = self._reader.kept(base.reading.answer)
            base.reading = replace(base.reading, answer=answer, digest=b"")
            totals, regain_seconds = workspace.totals, self._reader.regain_seconds
            workspace.totals = totals.after(answer, totals.at, regain_seconds)
        readings = await self._in_thread(lambda: self._reader.rendered(workspace, workspace.label))
        workspace.read_by = self._reader
        return readings

    def all_tracked(self) -> None:
        """Note that all workspaces that there are have been tracked once."""
        self._watch.ended_elsewhere(now().unix)

    async def forgotten(self, workspace: Workspace) -> None:
        """Drop a workspace that is gone; its counters are kept for a while."""
        self._fleet.forget(workspace, now().steady)
        self._watch.ended(workspace, now().unix)
        self._store.changed(workspace.label)
        async with workspace.lock:
            if workspace not in self._fleet:
                await self._in_thread(lambda: self._saving.left(workspace))
        if workspace.key.id:
            _log.info("workspace gone", account=workspace.account, workspace=workspace.label)

    def _put(self, workspace: Workspace, readings: Mapping[str, Reading]) -> None:
        """Take readings that were rendered anew; one that joins another roster shows nothing until it is."""
        for name, reading in readings.items():
            if name in workspace.polls and workspace.polls[name].reading:
                workspace.polls[name].reading = reading
        roster = workspace.roster
        for poll in workspace.polls.values():
            if poll.reading and poll.reading.part and poll.reading.part.roster is not roster:
                poll.reading = replace(poll.reading, part=None)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _place(workspace: Workspace, poll: Poll) -> Mapping[str, str]:
    return {"workspace": workspace.label, **poll.feed.label}
