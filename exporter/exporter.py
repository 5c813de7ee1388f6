"""The application's state: what is known and who polls, over reloads of the configuration."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog

from exporter.catalogue.kinds import ALL_TIME, Feed
from exporter.config import Config, ConfigError, KeyUnavailable
from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet import fleet_saved
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.saved import Saved
from exporter.fleet.state import StateDirectory, StateInUseError, StateUnavailableError
from exporter.fleet.workspace import KEPT_SECONDS, Fleet, Workspace
from exporter.polling import watch
from exporter.polling.board import now
from exporter.polling.poller import Poller
from exporter.sendkit.client import SendKit
from exporter.sendkit.feeds import families
from exporter.sendkit.holds import Holds
from exporter.textformat.lines import Format

MOST_REASONS = 20
GRACE_SECONDS = 3.0
"""Polls that run have so long to end at a reload; each that cannot is made anew."""

_log = structlog.get_logger(__name__)


class InUseElsewhereError(ConfigError):
    """What the configuration names is in use by another exporter: the same may be right later."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A configuration with what its files hold, and a poller by it; `is_new` if another one is in force."""

    config: Config
    is_new: bool
    poller: Poller
    state: StateDirectory | None
    warnings: Sequence[str]


class Exporter:
    """What the exporter knows and exposes, and the poller that keeps it so.

    `load` returns the configuration as it is now, or raises `ConfigError`. `calendar` returns the time that
    windows of days end at. `more` are feeds beside those of the configuration.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        environ: Mapping[str, str],
        calendar: Callable[[tzinfo], datetime] = datetime.now,
        more: Sequence[Feed] = (),
    ) -> None:
        """Load the configuration; raises `ConfigError`."""
        self._load = load
        self._environ = environ
        self._calendar = calendar
        self._more = more
        self._reloading = asyncio.Lock()
        self._reload_error = ""
        self._state: StateDirectory | None = None
        self._config: Config | None = None
        self.fleet = Fleet()
        self.store = Store(self.fleet, families(more))
        self.telemetry = Telemetry()
        self.telemetry.reload_successful.set(0)
        self._holds = Holds()
        self.poller = self._configured(self._prepared())
        try:
            self._restore()
        except StateUnavailableError as error:
            raise ConfigError(f"state.directory: {error}") from None

    def _prepared(self) -> _Prepared:
        """Return the configuration as it is now and what its files hold; raises `ConfigError`.

        This reads files, and may take a while: fit for a thread.
        """
        config = self._load()
        try:
            shown = privacy.email_shown(config.privacy)
        except KeyUnavailable as error:
            raise ConfigError(f"privacy.hmac_key_file: {error}") from None
        warnings = config.warnings()
        # The key of hashed addresses may be another one in the same file.
        is_new = config != self._config or shown != self.poller.disclosure.email
        client = SendKit(
            config.api,
            on_request=lambda code: self.telemetry.api_requests.labels(code).inc(),
            on_retry=self.telemetry.api_retries.inc,
            holds=self._holds,
        )
        state = self._state_of(config)
        poller = Poller(
            config,
            self._environ,
            client,
            self.fleet,
            self.store,
            self.telemetry,
            Disclosure(shown, config.privacy.display_name),
            self._calendar,
            state,
            self._more,
        )
        return _Prepared(config, is_new, poller, state, warnings)

    def _configured(self, prepared: _Prepared) -> Poller:
        """Return the poller that was prepared; its configuration is in force from now on."""
        for warning in prepared.warnings if prepared.is_new else ():
            _log.warning("configuration: " + warning)
        self._state, self._config = prepared.state, prepared.config
        self._reload_error = ""
        self.telemetry.reload_successful.set(1)
        self.telemetry.reload_timestamp.set_to_current_time()
        return prepared.poller

    def _state_of(self, config: Config) -> StateDirectory | None:
        """Return the configured state, taken if it is another one than before; raises `ConfigError`."""
        path = config.state.directory
        if path is None or (self._state and self._state.is_at(path)):
            return self._state if path else None
        try:
            return StateDirectory(path)
        except StateInUseError as error:
            raise InUseElsewhereError(f"state.directory: {error}") from None
        except StateUnavailableError as error:
            raise ConfigError(f"state.directory: {error}") from None

    def _restore(self) -> None:
        """Take in what was saved before, if state is kept."""
        moment = now()
        for saved in self._state.load() if self._state else ():
            if saved.left:
                self._keep_departed(saved, moment)
                continue
            workspace = self.fleet.get(saved.key)
            if workspace is None:
                workspace = Workspace(saved.key, saved.account, saved.name, saved.label)
                self.fleet.add(workspace)
            workspace.unit = workspace.unit or saved.unit
            success = saved.as_of(moment)
            feed = Feed(saved.feed, "", (), 0, joins=saved.feed != ALL_TIME)  # until the poller names its own
            workspace.polls[saved.feed] = Poll(
                feed, math.inf, Reading(saved.answer(), None), success.unix, success.steady
            )
            if not feed.joins:
                workspace.totals = saved.totals(success.steady)
        if self._state:
            fleet_saved.restore(self.fleet, self._state, moment)
            watch.restore(self.fleet, self._state)
        for workspace in self.fleet:
            _log.info("workspace restored", workspace=workspace.label)

    def _keep_departed(self, saved: Saved, moment: Instant) -> None:
        """Keep the counters of a workspace that left, or let them go when their time has passed."""
        since = saved.as_of(moment).steady
        if self._state and moment.steady - since >= KEPT_SECONDS:
            self._state.forget(saved.key, saved.feed)
        else:
            self.fleet.keep_departed(saved.key, saved.totals(since), since, moment.steady)

    def _move_state(self, old: StateDirectory | None) -> None:
        """Leave no counters behind, in the old folder or the new one, that are out of date."""
        if old is self._state:
            return
        self.fleet.changes += 1  # what the new folder lacks
        for directory in filter(None, (old, self._state)):
            directory.clear()
        if old:
            old.close()

    def notices(self) -> list[str]:
        """Return troubles that no workspace shows."""
        reload_error = (
            [f"The configuration was not reloaded: {self._reload_error}"] if self._reload_error else []
        )
        state_error = (
            [f"State is not saved: {self._state.error}"] if self._state and self._state.error else []
        )
        return [*reload_error, *state_error, *self.poller.notices()]

    async def reload(self) -> None:
        """Poll by the configuration as it is now; raises `ConfigError` and keeps the old one if it is bad."""
        async with self._reloading:
            old_state = self._state
            self.telemetry.reload_successful.set(0)
            try:
                prepared = await asyncio.to_thread(self._prepared)
            except ConfigError as error:
                self._reload_error = str(error)
                _log.error("configuration not reloaded, the old one stays", error=str(error))
                raise
            poller = self._configured(prepared)
            if not prepared.is_new:
                _log.info("configuration reloaded", changed=False)
                await self.poller.trust_anew()
                return
            await self.poller.stop(GRACE_SECONDS)
            await asyncio.to_thread(self._move_state, old_state)
            self.poller = poller
            await poller.start()
            _log.info("configuration reloaded")

    async def stop(self) -> None:
        """Stop polling, and let the state go."""
        await self.poller.stop()
        if self._state:
            self._state.close()

    def own_metrics(self, format_: Format, *, process: bool = True) -> bytes:
        """Return the lines of the exporter's own metrics, `process` with the library's."""
        self.telemetry.series.set(self.store.series())
        return self.telemetry.text(format_, process=process)

    def unready_reason(self) -> str:
        """Return why no workspace has fresh data, "" when at least one has."""
        if self.fleet.is_fresh(now()):
            return ""
        failures = [
            f"{workspace.label}: {workspace.all_time.failure.value}: {workspace.all_time.error}"
            for workspace in self.fleet
            if workspace.all_time.failure
        ]
        return "\n".join(["No workspace has fresh data.", *failures[:MOST_REASONS]])
