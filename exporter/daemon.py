"""The daemon: polling and answering until a signal ends it."""

import asyncio
import gc
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from starlette.types import ASGIApp

from exporter.config import ConfigError
from exporter.exporter import Exporter
from exporter.lifetime import program
from exporter.polling.schedule import guarded
from exporter.vital import vital
from exporter.web.gate import Security
from exporter.web.server import http_server, shown_address

_log = structlog.get_logger(__name__)


def tune_interpreter() -> None:
    """Answer requests soon while a thread reads an answer, and look for garbage more seldom.

    A large answer is many objects and no cycle. Most looks are at the youngest objects, 60,000 of them at
    most, so that none takes long.
    """
    sys.setswitchinterval(0.0005)
    gc.freeze()
    gc.set_threshold(20_000, 2, 250)


async def serve(
    exporter: Exporter, app: ASGIApp, listeners: Sequence[socket.socket], security: Security | None = None
) -> None:
    """Poll and answer requests until SIGTERM or SIGINT; SIGHUP reloads."""
    tune_interpreter()
    program.hold()
    in_loop = asyncio.get_running_loop().call_soon_threadsafe
    server = http_server(app, security)
    hangup = asyncio.Event()

    def stop() -> None:
        server.should_exit = True

    with program.handled(lambda: in_loop(stop), lambda: in_loop(hangup.set)):
        await exporter.poller.start()
        for listener in listeners:
            _log.info("listening", address=shown_address(listener))
        reloading = vital(reload_whenever(hangup, exporter.reload), "reloads")
        await server.serve(sockets=[*listeners])
        reloading.cancel()
        await asyncio.gather(reloading, return_exceptions=True)
        await exporter.stop()
    _log.info("stopped")


async def reload_whenever(hangup: asyncio.Event, reload: Callable[[], Awaitable[None]]) -> None:
    """Reload whenever it is set; however often that happens during a reload, one more follows."""

    async def reload_if_good() -> None:
        with suppress(ConfigError):  # logged where it was found
            await reload()

    while await hangup.wait():
        hangup.clear()
        await guarded(reload_if_good)
