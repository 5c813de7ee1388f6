"""What goes wrong around an exporter that runs: what users see, and that it passes without a restart."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from tests.accounts import ACME, GLOBEX
from tests.exporting import Exporting, exporting, settings
from tests.scripted_api import Behaviour, ScriptedApi, answer, answered, drip, hang, mailbox, raw, reset
from tests.waiting import until

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs/faults.md").read_text()

LARGEST_BYTES = 2**20

_BODY = json.dumps({"success": True, "data": [mailbox("m1")]}).encode()

FAULTS: dict[str, tuple[Behaviour, str]] = {
    "closes": (raw(b""), "network"),
    "resets": (reset, "network"),
    "hangs": (hang, "timeout"),
    "drips": (drip, "timeout"),
    "promises more than it sends": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + _BODY),
        "network",
    ),
    "promises less than it sends": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" + _BODY),
        "malformed",
    ),
    "promises nonsense": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n" + _BODY), "network"),
    "speaks no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "network"),
    "sends a header without end": (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2**20), "network"),
    "sends a bomb": (answer(200, gzip.compress(b" " * 2**26), content_encoding="gzip"), "too_large"),
    "sends too much": (answer(200, b" " * (LARGEST_BYTES + 1)), "too_large"),
    "ends its gzip early": (answer(200, gzip.compress(_BODY)[:-20], content_encoding="gzip"), "network"),
    "nests deeply": (answer(200, b'{"success": true, "data": [' + b"[" * 10**5), "malformed"),
    "is of another type": (answer(200, b'{"success": true, "data": {"m1": {}}}'), "malformed"),
    "tells no success": (answer(200, b'{"success": "true", "data": []}'), "malformed"),
    "is a page": (answer(200, b"<!doctype html>"), "malformed"),
    "is empty": (answer(200, b""), "malformed"),
    "redirects": (answer(302, location="https://elsewhere.example/"), "client_error"),
    "is not found": (answer(404), "client_error"),
    "is overrun": (answer(429, retry_after="0.5"), "rate_limited"),
    "fails": (answer(500, b"{"), "server_error"),
    "refuses the key": (answer(401), "auth"),
}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """The log's events; none of them ever holds a key."""
    with capture_logs() as events:
        yield events
    assert "canary" not in json.dumps(events, default=repr)


def sent(number: int) -> dict[str, Any]:
    return mailbox("m1", performance={"sent": number}, dailySendLimit=100_000)


def total(running: Exporting, workspace: str = "acme", **labels: str) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", workspace=workspace, **labels)


def failures(running: Exporting, reason: str) -> float:
    return running.one("sendkit_poll_failures_total", "acme", reason=reason) or 0


@pytest.mark.anyio
class TestApi:
    @pytest.mark.parametrize(("behaviour", "reason"), FAULTS.values(), ids=FAULTS.keys())
    async def test_an_api_that_misbehaves_costs_nothing_but_the_time(
        self, logged: list[EventDict], behaviour: Behaviour, reason: str
    ) -> None:
        """The last answer stays, neighbours are polled, and no rise is lost."""
        api = ScriptedApi(default=answered(sent(100)))
        limits = {"max_response_bytes": LARGEST_BYTES, "timeout": 1 if reason == "timeout" else 2}
        async with exporting(api, ACME, GLOBEX, api=limits) as running:
            await until(lambda: running.is_up("acme") and running.is_up("globex"))
            api.default = answered(sent(110))
            await until(lambda: total(running) == 10)
            api.behaviours["sk_canary-acme"] = behaviour
            await until(lambda: failures(running, reason) >= 2)
            assert running.one("sendkit_up", "acme") == 0
            assert total(running) == 10
            assert running.samples().one("sendkit_mailbox_sent_today", workspace="acme") == 3
            polls = int(running.one("sendkit_polls_total", "globex") or 0)
            await until(lambda: running.is_polled("globex", polls + 2))
            assert running.is_up("globex")
            [told] = [event for event in logged if event["event"] == "poll failed" and "acme" in str(event)][
                :1
            ]
            assert (told["log_level"], told["reason"]) == ("warning", reason)

            api.behaviours["sk_canary-acme"] = answered(sent(125))
            await until(lambda: running.is_up("acme"))
            assert total(running) == 25
        assert [event for event in logged if event["log_level"] == "error"] == []

    async def test_an_api_that_refuses_connections_is_found_again(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        running = Exporting(settings(f"http://127.0.0.1:{port}", ACME))
        await running.exporter.poller.start()
        await until(lambda: failures(running, "network") >= 2)
        async with ScriptedApi(port=port):
            await until(lambda: running.is_up("acme"))
            await running.exporter.stop()

    async def test_an_api_whose_name_cannot_be_resolved_is_found_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> NoReturn:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

        closing = answer(200, _BODY, connection="close")
        async with ScriptedApi(default=closing) as api:
            running = Exporting(settings(api.url.replace("127.0.0.1", "localhost"), ACME))
            await running.exporter.poller.start()
            await until(lambda: running.is_up("acme"))
            with monkeypatch.context() as patch:
                patch.setattr(socket, "getaddrinfo", fail)
                api.default = raw(b"")
                await until(lambda: failures(running, "network") >= 3)
                [tracked] = running.exporter.fleet
                assert "ConnectError: " in tracked.all_time.error
                api.default = closing
            await until(lambda: running.is_up("acme"))
            await running.exporter.stop()

    async def test_an_api_may_answer_ten_times_as_many_mailboxes_half_or_none(self) -> None:
        """Each is taken as it is; the counters of those that come back have lost nothing."""

        def some(number: int, sent: int) -> Behaviour:
            return answered(*(mailbox(f"m{index}", performance={"sent": sent}) for index in range(number)))

        def counted() -> float:
            return sum(running.samples().all_of("sendkit_workspace_mailboxes").values())

        api = ScriptedApi(default=some(20, 100))
        async with exporting(api, ACME) as running:
            await until(lambda: counted() == 20)
            for number, now_sent in ((200, 110), (0, 0), (10, 120), (200, 125), (0, 0), (20, 140)):
                api.default = some(number, now_sent)
                await until(lambda number=number: counted() == number)  # type: ignore[misc]
                rises = running.samples().all_of("sendkit_mailbox_emails_sent_total")
                assert len(rises) == number
                assert running.is_up("acme")
            await until(lambda: total(running, mailbox_id="m15") == 40)
            assert {total(running, mailbox_id=f"m{index}") for index in range(20)} == {40}


def _gone(path: Path) -> None:
    path.unlink()


def _unreadable(path: Path) -> None:
    """As for a user without the right to; root has every right, but reads no folder."""
    path.unlink()
    path.mkdir()


KEY_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (_gone, "cannot be read"),
    "unreadable": (_unreadable, "expected a regular file"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "blank": (lambda path: path.write_text(" \n\n"), "is empty"),
    "of two lines": (lambda path: path.write_text("sk_canary-a\nsk_canary-b\n"), "expected a key alone"),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), "expected a key alone"),
    "huge": (lambda path: path.write_text("k" * 10**6), "is larger than 65536 bytes"),
}


@pytest.mark.anyio
class TestKeyFile:
    @pytest.mark.parametrize(("damage", "told"), KEY_FILES.values(), ids=KEY_FILES.keys())
    async def test_a_key_file_without_a_key_is_a_refused_key_until_it_has_one(
        self, tmp_path: Path, damage: Callable[[Path], object], told: str
    ) -> None:
        key_file = tmp_path / "acme.key"
        key_file.write_text("sk_canary-acme\n")
        api = ScriptedApi()
        async with exporting(api, {"name": "acme", "api_key_file": str(key_file)}) as running:
            await until(lambda: running.is_up("acme"))
            damage(key_file)
            await until(lambda: failures(running, "auth") >= 2)
            assert running.one("sendkit_up", "acme") == 0
            assert told in running.unready_reason()
            assert running.samples().one("sendkit_mailbox_sent_today") == 3, "the last answer stays"

            if key_file.is_dir():
                key_file.rmdir()
            key_file.write_text("sk_canary-new")
            await until(lambda: running.is_up("acme"))
            assert api.asked("sk_canary-new")


@pytest.mark.anyio
class TestMemory:
    async def test_memory_that_runs_out_during_a_poll_costs_that_poll(
        self, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever it is noticed; tests/stack has a process whose memory is limited."""

        def fail(*_: object, **__: object) -> NoReturn:
            raise MemoryError

        api = ScriptedApi(default=answered(sent(100)))
        async with exporting(api, ACME) as running:
            await until(lambda: running.is_up("acme"))
            for place in (
                "exporter.sendkit.client.read_body",
                "exporter.polling.reader.parse",
                "exporter.polling.reader.render_base",
            ):
                with monkeypatch.context() as patch:
                    patch.setattr(place, fail)
                    polls = int(running.one("sendkit_polls_total", "acme") or 0)
                    api.default = answered(sent(polls + 1000))
                    await until(lambda: running.one("sendkit_up", "acme") == 0)
                    assert total(running) is not None
                await until(lambda: running.is_up("acme"))
            api.default = answered(sent(10_000))
            await until(lambda: total(running) == 9_900)
            assert failures(running, "too_large") >= 3
        assert [event for event in logged if event["log_level"] == "error"] == []
