"""The web configuration as it is in force: read again when its file, or a file that it names, has changed."""

import ssl
import time
from concurrent.futures import Future  # noqa: TC003 - as in every other module
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from exporter import hanging
from exporter.config.errors import ConfigError
from exporter.web import config as web_config
from exporter.web import tls as web_tls
from exporter.web.config import WebConfig

RETRY_SECONDS = 5.0
LOAD_SECONDS = 10.0
LOOK_SECONDS = 2.0
"""How long a request waits for files that hang, the first one that finds them so."""

_log = structlog.get_logger(__name__)

_Mark = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Web:
    """A web configuration ready for use: names, passwords' hashes and headers as they travel."""

    config: WebConfig
    tls: ssl.SSLContext | None
    users: dict[bytes, bytes]
    headers: dict[bytes, bytes]


class WebFile:
    """A web configuration file; what is in force stays when a change of the file cannot be used.

    Files are looked at and read in a thread: one that hangs keeps no request, and what is in force stays.
    """

    def __init__(self, path: Path) -> None:
        """Load the file; raises `ConfigError`."""
        self._path = path
        self._retry_at: float | None = None
        self._told = ""
        self._marks: dict[Path, _Mark] = {}
        self._look: Future[Web] | None = None
        try:
            self._web = hanging.within(LOAD_SECONDS, self._load)
        except hanging.HangingError as error:
            raise ConfigError(f"{path}: a file that it names cannot be read: {error.strerror}") from None

    def current(self) -> Web:
        """Return what is in force, read anew if a file has changed."""
        due = self._retry_at is not None and time.monotonic() >= self._retry_at
        if due or any(_mark(path) != mark for path, mark in self._marks.items()):
            self._reload()
        return self._web

    async def refreshed(self) -> Web:
        """Return what `current` does, without keeping the event loop."""
        if self._look is None or self._look.done():
            with suppress(hanging.HangingError):  # no thread is left: what is in force stays
                self._look = hanging.started(self.current)
                return await hanging.soon(self._look, LOOK_SECONDS)
        return self._web

    async def context(self) -> ssl.SSLContext | None:
        """Return the context of a new connection; None for plain HTTP."""
        return (await self.refreshed()).tls

    def lets_in(self, connection: ssl.SSLObject) -> bool:
        """Tell whether the client's certificate, verified already, has an allowed name."""
        tls = self._web.config.tls_server_config
        return tls is not None and web_tls.lets_in(tls, connection)

    def _reload(self) -> None:
        """Take the files as they are now; keep what is in force if they cannot be used."""
        try:
            self._web = self._successor()
        except ConfigError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            if self._told != str(error):
                self._told = str(error)
                _log.error("web configuration not reloaded, the old one stays", error=str(error))
        else:
            self._retry_at, self._told = None, ""
            _log.info("web configuration reloaded")

    def _successor(self) -> Web:
        """Return the configuration by the files as they are now, unless it lets in whom this one keeps out.

        A file that is just being written looks for a moment like one without users. Raises `ConfigError`.
        """
        web = self._load()
        if lost := self._web.config.protections() - web.config.protections():
            raise ConfigError(f"{self._path}: {', '.join(sorted(lost))} can be given up by a restart alone")
        return web

    def _load(self) -> Web:
        """Return the configuration by the files as they are now; raises `ConfigError`."""
        self._marks[self._path] = _mark(self._path)
        config = web_config.load(self._path)
        tls = config.tls_server_config
        files = [tls.cert_file, tls.key_file, tls.client_ca_file] if tls else []
        self._marks = {path: _mark(path) for path in files if path} | {
            self._path: self._marks[self._path]
        }  # before they are read, so that a later change is seen
        try:
            context = web_tls.context(tls) if tls else None
        except ConfigError as error:
            raise ConfigError(f"{self._path}: {error.message}", error.details) from None
        users = {
            name.encode(): hashed.get_secret_value().encode()
            for name, hashed in (config.basic_auth_users or {}).items()
        }
        return Web(config, context, users, config.http_server_config.headers.encoded())


def _mark(path: Path) -> _Mark:
    """Return what differs when a file has changed; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
