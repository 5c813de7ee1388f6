"""The daemon: its parts put together, from start over reloads to the end."""

import asyncio
import gc
import math
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, tzinfo
from functools import partial

import structlog
import uvicorn
from starlette.types import ASGIApp

from exporter.config import Config, ConfigError, KeyUnavailable
from exporter.exposition.body import Format
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet.fleet import Fleet, Poll
from exporter.fleet.state import StateDirectory, StateUnavailableError
from exporter.metrics import ALL_TIME
from exporter.polling import poller as polling
from exporter.polling.poller import Poller
from exporter.polling.schedule import guarded
from exporter.web.gate import Gate, Security
from exporter.web.limits import KEEP_ALIVE_SECONDS, LimitedProtocol

STOP_SECONDS = 4.0
DRAIN_SECONDS = 1
MOST_REASONS = 20
WAITING_CONNECTIONS = 1024

_ADDRESS = re.compile(r"(\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^\[\]:]*)):(?P<port>[0-9]{1,5})", re.ASCII)

_log = structlog.get_logger(__name__)


class Exporter:
    """What the exporter knows and exposes, and the poller that keeps it so.

    `load` returns the configuration as it is now, or raises `ConfigError`. `calendar` tells the time in which
    windows of days are reckoned.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        environ: Mapping[str, str],
        calendar: Callable[[tzinfo], datetime] = datetime.now,
    ) -> None:
        """Load the configuration; raises `ConfigError`."""
        self._load = load
        self._environ = environ
        self._calendar = calendar
        self._reloading = asyncio.Lock()
        self._reload_error = ""
        self._state: StateDirectory | None = None
        self.fleet = Fleet()
        self.store = Store()
        self.telemetry = Telemetry()
        self.poller = self._configured()
        self._restore()

    def _configured(self) -> Poller:
        """Return a poller by the configuration as it is now; raises `ConfigError`."""
        self.telemetry.reload_successful.set(0)
        config = self._load()
        for warning in config.warnings():
            _log.warning("configuration: " + warning)
        state = self._state_of(config)
        try:
            poller = Poller(
                config, self._environ, self.fleet, self.store, self.telemetry, self._calendar, state
            )
        except KeyUnavailable as error:
            if state and state is not self._state:
                state.close()
            raise ConfigError(f"privacy.hmac_key_file: {error}") from None
        self._state = state
        self.telemetry.reload_successful.set(1)
        self.telemetry.reload_timestamp.set_to_current_time()
        return poller

    def _state_of(self, config: Config) -> StateDirectory | None:
        """Return the configured state, taken if it is another one than before; raises `ConfigError`."""
        path = config.state.directory
        if path is None or (self._state and self._state.path == path):
            return self._state if path else None
        try:
            return StateDirectory(path)
        except StateUnavailableError as error:
            raise ConfigError(f"state.directory: {error}") from None

    def _restore(self) -> None:
        """Take in what was saved before, if state is kept."""
        moment = polling.now()
        for saved in self._state.load() if self._state else ():
            success = saved.as_of(moment)
            poll = Poll(saved.window, 0, math.inf, saved.answer(), success.unix, success.steady)
            totals = saved.totals(moment.steady) if saved.window == ALL_TIME else None
            self.fleet.restore(saved.workspace, poll, totals)
        for tracked in self.fleet:
            _log.info("workspace restored", workspace=tracked.workspace.label)

    def _move_state(self, old: StateDirectory | None) -> None:
        """Leave no counters behind, in the old folder or the new one, that are out of date."""
        if old is self._state:
            return
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
            try:
                poller = self._configured()
            except ConfigError as error:
                self._reload_error = str(error)
                _log.error("configuration not reloaded, the old one stays", error=str(error))
                raise
            self._reload_error = ""
            await self.poller.stop()
            self._move_state(old_state)
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
        if self.fleet.is_fresh(polling.now()):
            return ""
        failures = [
            f"{tracked.workspace.label}: {tracked.all_time.failure.value}: {tracked.all_time.error}"
            for tracked in self.fleet
            if tracked.all_time.failure
        ]
        return "\n".join(["No workspace has fresh data.", *failures[:MOST_REASONS]])


class Server(uvicorn.Server):
    """Uvicorn behind a gate, without signal handlers of its own: the daemon has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield

    def __init__(self, config: uvicorn.Config, security: Security | None) -> None:
        super().__init__(config)
        self._gate = Gate(partial(LimitedProtocol, config, self.server_state), security)
        self._accepting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in connections by the gate rather than by asyncio's server."""
        await super().startup([])
        self._accepting = [asyncio.create_task(self._gate.accept(listener)) for listener in sockets or []]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in no more connections, and end those that there are."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self._gate.close()
        await super().shutdown(sockets)


def listen(address: str) -> socket.socket:
    """Return a socket that listens at `HOST:PORT`, `[IPV6]:PORT` or, for all addresses, `:PORT`.

    Raises `ValueError` for anything else, `OSError` if the address can't be had.
    """
    parts = _ADDRESS.fullmatch(address)
    if not parts or int(parts["port"]) > 65535:
        raise ValueError(f"found {address!r}, expected HOST:PORT, [IPV6]:PORT or :PORT")
    host, port = parts["ipv6"] or parts["host"], parts["port"]
    if not host and socket.has_dualstack_ipv6():
        listener = socket.create_server(
            ("", int(port)), family=socket.AF_INET6, backlog=WAITING_CONNECTIONS, dualstack_ipv6=True
        )
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, int(port)), family=family, backlog=WAITING_CONNECTIONS)
    # Accepted connections inherit it; asyncio sets it only where a socket names its protocol, unlike this
    # one. Else the end of an answer waits for an acknowledgement that the client delays by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def shown_address(listener: socket.socket) -> str:
    """Return the socket's address as the host and port of a URL."""
    host, port = listener.getsockname()[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def tune_interpreter() -> None:
    """Answer requests soon while a thread reads an answer, and look for garbage more seldom.

    A large answer is many objects and no cycle.
    """
    sys.setswitchinterval(0.0005)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def serve(
    exporter: Exporter, app: ASGIApp, listener: socket.socket, security: Security | None = None
) -> None:
    """Poll and answer requests until SIGTERM or SIGINT; SIGHUP reloads."""
    tune_interpreter()
    loop = asyncio.get_running_loop()
    server = http_server(app, security)
    hangup = asyncio.Event()
    on_stop(lambda: setattr(server, "should_exit", True))
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    await exporter.poller.start()
    _log.info("listening", address=shown_address(listener))
    reloading = asyncio.create_task(reload_whenever(hangup, exporter.reload))
    await server.serve(sockets=[listener])
    reloading.cancel()
    await asyncio.gather(reloading, return_exceptions=True)
    await exporter.stop()
    _log.info("stopped")


async def reload_whenever(hangup: asyncio.Event, reload: Callable[[], Awaitable[None]]) -> None:
    """Reload whenever it is set; however often that happens during a reload, one more follows."""

    async def reload_if_good() -> None:
        with suppress(ConfigError):  # told where it was found
            await reload()

    while await hangup.wait():
        hangup.clear()
        await guarded(reload_if_good)


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM and SIGINT, and end the process if it has not ended soon after."""

    def handle() -> None:
        stop()
        # Whatever hangs, such as a look-up of a name in a thread, must not keep the process.
        backstop = threading.Timer(STOP_SECONDS, os._exit, (0,))
        backstop.daemon = True
        backstop.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, handle)


def http_server(app: ASGIApp, security: Security | None = None) -> Server:
    """Return a server for an application, to be served on a socket of the caller's."""
    return Server(
        uvicorn.Config(
            app,
            http=LimitedProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        ),
        security,
    )
