"""The log: one line an event to standard error, as logfmt or JSON."""

import asyncio
import logging
import sys
from collections.abc import MutableMapping
from typing import Literal

import structlog

from exporter.config import keys

Format = Literal["logfmt", "json"]
LEVELS = ("debug", "info", "warning", "error")


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
    handler = logging.StreamHandler(sys.stderr)
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
    """Whether a record tells of something other than work that a shutdown or a reload ended."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
