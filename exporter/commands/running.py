"""How a command runs: what it is given, until when, and with which exit code it ends."""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from exporter import config as configuration
from exporter.config import Config, ConfigError, ShardConfig
from exporter.exporter import InUseElsewhereError
from exporter.lifetime import program
from exporter.web.server import listen

Result = TypeVar("Result")

FAILED, MISUSED = 1, 2
"""Exit codes."""


def load(path: Path | None) -> Config:
    """Return the configuration of a file, or that of the environment; raises `ConfigError`."""
    return configuration.load(path, os.environ) if path else configuration.default(os.environ)


def sharded(config: Config, index: int | None, total: int | None) -> Config:
    """Return the configuration with the shard that the flags name; raises `ConfigError`."""
    shard = config.shard
    index, total = shard.index if index is None else index, shard.total if total is None else total
    if index >= total:
        raise ConfigError(f"--shard.index: found {index}, expected less than --shard.total, which is {total}")
    return config.model_copy(update={"shard": ShardConfig(index=index, total=total)})


def load_or_exit(path: Path | None) -> Config:
    """Return the configuration; a bad one ends the process."""
    try:
        return load(path)
    except ConfigError as error:
        fail(str(error), MISUSED)


def listening(address: str, flag: str = "--web.listen-address") -> socket.socket:
    """Return a socket that listens at an address; one that cannot be had ends the process."""
    try:
        return listen(address)
    except ValueError as error:
        fail(f"{flag}: {error}", MISUSED)
    except OSError as error:
        fail(f"cannot listen at {address}: {error.strerror}")


def run(command: Coroutine[Any, Any, Result]) -> Result:
    """Run a command to its end, or to a signal's; a bad configuration ends the process."""
    _allow_descriptors()
    try:
        result = asyncio.run(_until_signal(command))
    except InUseElsewhereError as error:
        fail(str(error))
    except ConfigError as error:
        fail(str(error), MISUSED)
    except asyncio.CancelledError:
        sys.exit(program.exit_code)
    if program.exit_code:  # a part of it could not go on, and said so
        sys.exit(program.exit_code)
    return result


def _allow_descriptors() -> None:
    """Allow as many file descriptors as may be: the usual limit is for programs that use select()."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # where the system has another limit besides
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _until_signal(command: Coroutine[Any, Any, Result]) -> Result:
    """Run a command, which a signal ends in order."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task
    with program.handled(lambda: loop.call_soon_threadsafe(task.cancel)):
        return await command


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say what is wrong, and end the process."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
