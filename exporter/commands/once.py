"""`once`: poll everything once, for the textfile collector."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog

from exporter import atomic
from exporter.config import Config
from exporter.exporter import Exporter
from exporter.fleet import tallies
from exporter.fleet.workspace import Fleet
from exporter.textformat.lines import END, Format

_log = structlog.get_logger(__name__)


async def poll(config: Config, environ: Mapping[str, str]) -> tuple[Iterable[bytes], bool]:
    """Poll everything once; return the text exposition in chunks, and whether every poll succeeded.

    The library's metrics of the process are left out: the collector that takes the text in has its own of the
    same names.
    """
    exporter = Exporter(lambda: config, environ)
    folder = config.state.directory
    if folder is None:
        _log.warning("without state.directory every run starts from 0: no counter rises, and few alerts fire")
    succeeded = await exporter.poller.once(_earlier(folder) if folder else {})
    if folder:
        _save(folder, exporter.fleet)
    await exporter.stop()
    own = exporter.own_metrics(Format.TEXT, process=False)
    body = exporter.store.body(Format.TEXT).ended(own + END[Format.TEXT])
    return body.plain, succeeded


def _earlier(folder: Path) -> tallies.Tallies:
    """Return the counters of polls of earlier runs; where they cannot be read they start from 0."""
    try:
        return tallies.load(folder)
    except (OSError, ValueError) as error:
        _log.error("state: the counters of polls start from 0", error=str(error))
        return {}


def _save(folder: Path, fleet: Fleet) -> None:
    try:
        tallies.save(folder, fleet)
    except OSError as error:
        _log.error("state: the counters of polls are not saved", error=str(error))


def put(path: Path, text: Iterable[bytes]) -> None:
    """Put a text where a path leads; raises `OSError`.

    A file is replaced, the one that a link leads to in place of the link; a device or a pipe is written to.
    """
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        is_file = True
    if is_file:
        # The collector that reads it is another user.
        atomic.replace(Path(os.path.realpath(path)), text, 0o644)
    else:
        with path.open("wb") as device:
            device.writelines(text)
