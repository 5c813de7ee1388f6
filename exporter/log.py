"""The log: one line an event to standard error, as logfmt or JSON.

Lines wait in a queue for a thread that writes them. So a pipe that nobody reads keeps neither scrapes nor the
end of the program; what has no room in the queue is lost, and the log says how much.
"""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Literal

import structlog

from exporter.config import keys
from exporter.lifetime import program

Format = Literal["logfmt", "json"]
LEVELS = ("debug", "info", "warning", "error")
STANDARD_ERROR = 2
MOST_WAITING_CHARACTERS = 4 * 2**20
FLUSH_SECONDS = 0.5
AGAIN_SECONDS = 0.1


class _Writer:
    """Writes lines in a thread, in order; those beyond what may wait are lost, and counted."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._characters = 0
        self._lost = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Have a line written; never waits for whoever reads it."""
        with self._changed:
            if self._characters + len(line) > MOST_WAITING_CHARACTERS:
                self._lost += 1
                return
            self._lines.append(line)
            self._characters += len(line)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def take_lost(self) -> int:
        """Return how many lines were lost since this was asked, if there is room for a line again."""
        with self._changed:
            lost = self._lost if self._characters < MOST_WAITING_CHARACTERS // 2 else 0
            self._lost -= lost
            return lost

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait until all lines are written, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]
            _write(line.encode(errors="backslashreplace"))
            with self._changed:
                self._lines.popleft()
                self._characters -= len(line)
                self._changed.notify_all()


def _write(line: bytes) -> None:
    """Write to standard error, however long that takes; there is nowhere to report that it is closed."""
    with suppress(OSError):
        while line:
            try:
                line = line[os.write(STANDARD_ERROR, line) :]
            except BlockingIOError:  # whoever shares it made it so
                time.sleep(AGAIN_SECONDS)


_writer = _Writer()


def flush() -> None:
    """Wait a moment until what was logged is written."""
    _writer.flush()


atexit.register(flush)
program.last_words = flush


class _Handler(logging.Handler):
    """Gives lines to the writer."""

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, and say first how many were lost before it."""
        try:
            if lost := _writer.take_lost():
                _writer.write(self._format_lost(lost))
            _writer.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as the handlers of the library do
            self.handleError(record)

    def _format_lost(self, lost: int) -> str:
        message = f"log lines lost, because nobody read them: {lost}"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, None, None)
        return self.format(record) + "\n"


def configure(level: str, format_: Format) -> None:
    """Send the log of this package and of the libraries to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", key="ts"),
        structlog.processors.format_exc_info,
        _redacted,
        structlog.processors.EventRenamer("msg"),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if format_ == "json"
        else structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], bool_as_flag=False)
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_is_no_end)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for library in ("httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # its warnings, of skipped polls, are ours too
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _redacted(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Return an event without what is written like a key, whoever logs it."""
    return {
        name: value
        if name.startswith("_") or isinstance(value, int | float | None)
        else keys.redact(str(value))
        for name, value in event.items()
    }


def _is_no_end(record: logging.LogRecord) -> bool:
    """Whether a record is about something other than work that a shutdown or a reload ended."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
