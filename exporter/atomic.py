"""Files that are replaced whole: a reader sees the old content or the new one."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def replace(
    path: Path, content: bytes | Iterable[bytes], mode: int = 0o600, *, sync_folder: bool = False
) -> None:
    """Replace a file; raises `OSError`, and leaves nothing half-written behind.

    `content` may come in chunks.
    `sync_folder` makes the new content outlast a crash of the machine.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.writelines((content,) if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if sync_folder:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
