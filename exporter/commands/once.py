"""`once`: poll everything once, for the textfile collector."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

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
        replace(Path(os.path.realpath(path)), text)
    else:
        path.write_bytes(text)


def replace(path: Path, text: bytes) -> None:
    """Replace a file so that a reader sees the old text or the new one, whole; raises `OSError`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # the collector that reads it is another user
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
