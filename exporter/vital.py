"""Tasks that must run: when one of them ends by itself, the program says so and ends with 1."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import structlog

from exporter.lifetime import program

_log = structlog.get_logger(__name__)


def vital(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run work that goes on until it is cancelled; `name` is what the log calls it if it ends before."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(partial(_ended, name))
    return task


def _ended(name: str, task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        error = task.exception()
        why = f"{type(error).__name__}: {error}" if error else "it ended by itself"
        _log.error("the exporter cannot go on and ends", part=name, error=why, exc_info=error)
        program.end(1)
