"""Signals to reload while a reload runs; those that end the daemon are tried in tests/stack."""

import asyncio

import pytest

from exporter import daemon
from exporter.config import ConfigError
from tests.waiting import until


@pytest.mark.anyio
async def test_signals_that_come_during_a_reload_are_one_more() -> None:
    """A bad configuration, or a defect, ends none of those that follow."""
    hangup, release, ends = asyncio.Event(), asyncio.Event(), [ConfigError("bad"), OSError("a defect"), None]
    begun = 0

    async def reload() -> None:
        nonlocal begun
        begun += 1
        await release.wait()
        if error := ends.pop(0):
            raise error

    watching = asyncio.create_task(daemon.reload_whenever(hangup, reload))
    hangup.set()
    await until(lambda: begun == 1)
    for _ in range(100):
        hangup.set()
        await asyncio.sleep(0)
    release.set()
    await until(lambda: begun == 2)
    hangup.set()
    await until(lambda: not ends)
    assert begun == 3
    watching.cancel()
