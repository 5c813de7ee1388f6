"""The daemon: polling and answering until a signal ends it."""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from starlette.types import ASGIApp

from exporter.config import ConfigError
from exporter.exporter import Exporter
from exporter.polling.schedule import guarded
from exporter.web.gate import Security
from exporter.web.server import http_server, shown_address

STOP_SECONDS = 4.0

_log = structlog.get_logger(__name__)


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
