"""The log: one line an event, in both formats, without keys."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from exporter import log

CANARY = "sk_canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave the log as other tests expect it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(capfd: pytest.CaptureFixture[str]) -> str:
    """Return what was written to standard error."""
    log.flush()
    return capfd.readouterr().err


def fail() -> None:
    raise RuntimeError(f"two\nlines with {CANARY}")


def log_all() -> None:
    """Log through both libraries, of every kind."""
    ours, theirs = structlog.get_logger("exporter.x"), logging.getLogger("library")
    ours.info("plain", workspace='a "b"\nc', number=1, flag=True, nothing=None)
    ours.warning("with a key", error=f"refused {CANARY}")
    ours.warning("with things", error=ValueError(CANARY), headers=[(b"X-Api-Key", CANARY.encode())])
    theirs.warning("a library's %s", CANARY)
    try:
        fail()
    except RuntimeError:
        ours.exception("ours")
        theirs.exception("theirs")


def test_json_has_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log_all()
    events = [json.loads(line) for line in written(capfd).splitlines()]
    assert [event["msg"] for event in events] == [
        "plain",
        "with a key",
        "with things",
        "a library's [redacted]",
        "ours",
        "theirs",
    ]
    assert (events[0]["number"], events[0]["flag"], events[0]["nothing"]) == (1, True, None)
    assert events[0]["workspace"] == 'a "b"\nc'
    assert {event["level"] for event in events} == {"info", "warning", "error"}
    assert all(event["ts"].endswith("Z") for event in events)
    assert "RuntimeError" in events[4]["exception"]
    assert "RuntimeError" in events[5]["exception"]


def test_logfmt_has_one_event_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    log_all()
    lines = written(capfd).splitlines()
    assert len(lines) == 6
    assert all(line.startswith("ts=") for line in lines)
    assert "level=info msg=plain" in lines[0]
    assert "flag=true" in lines[0]


@pytest.mark.parametrize("format_", ["json", "logfmt"])
def test_the_log_never_holds_what_is_written_like_a_key(
    format_: log.Format, capfd: pytest.CaptureFixture[str]
) -> None:
    log.configure("debug", format_)
    log_all()
    assert "canary" not in written(capfd)


def test_the_log_leaves_out_what_is_below_its_level(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("error", "logfmt")
    structlog.get_logger("exporter.x").warning("quiet")
    structlog.get_logger("exporter.x").error("loud")
    assert [line.split("msg=")[1] for line in written(capfd).splitlines()] == ["loud"]


def test_the_log_does_not_tell_of_work_that_is_ended(capfd: pytest.CaptureFixture[str]) -> None:
    """Which libraries log as errors while the exporter stops."""
    log.configure("debug", "logfmt")
    try:
        raise asyncio.CancelledError  # noqa: TRY301 - a library's
    except asyncio.CancelledError:
        logging.getLogger("apscheduler.executors.default").exception("ended")
    assert written(capfd) == ""
