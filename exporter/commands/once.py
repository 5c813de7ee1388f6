"""`once`: poll everything once, for the textfile collector."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from exporter import atomic
from exporter.config import Config
from exporter.exporter import Exporter
from exporter.textformat.lines import END, Format

_SHOWN_NAMES = 5


async def poll(config: Config, environ: Mapping[str, str]) -> tuple[bytes, bool]:
    """Poll everything once; return the text exposition, and whether every poll succeeded.

    The library's metrics of the process are left out: the collector that takes the text in has its own of the
    same names.
    """
    exporter = Exporter(lambda: config, environ)
    succeeded = await exporter.poller.once()
    await exporter.stop()
    own = exporter.own_metrics(Format.TEXT, process=False)
    body = exporter.store.body(Format.TEXT).ended(own + END[Format.TEXT])
    return b"".join(body.plain), succeeded


def put(path: Path, text: bytes) -> None:
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
        path.write_bytes(text)
