"""What is written into a web configuration, and what is then said of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config.errors import ConfigError
from exporter.web.file import WebFile

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


Write = Callable[[str], Path]


def details(load: Callable[[], object]) -> list[str]:
    """Return the errors of a file that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        load()
    return caught.value.details


def tls_details(write: Write, *lines: str) -> list[str]:
    """Return the errors of `tls_server_config` with these lines."""
    path = write("tls_server_config:\n" + "\n".join(f"  {line}" for line in lines))
    return details(lambda: WebFile(path))
