"""No key is in anything that the exporter writes, shows or keeps, through every kind of failure."""

import asyncio
import gzip
import json
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.scripted_api import Behaviour, ScriptedApi, answer, answered, drip, mailbox, raw, reset
from tests.stack.processes import Process, Processes, scrape, start_exporter, write_config
from tests.waiting import until, wait_for

pytestmark = pytest.mark.anyio

KEYS = {
    "inline": "sk_CANARY-inline-0123456789",
    "file": "CANARY-of-no-documented-form-0123456789",
    "env": "sk_CANARY-env-0123456789",
    "agency": "sk_user_CANARY-agency-0123456789",
}
HASH_KEY = "CANARY-hash-key-0123456789"
CANARY = b"CANARY"


def echo(key: str) -> dict[str, tuple[Behaviour, str]]:
    """Return failures in which the API tells the key back, and others, with the reason of each."""
    told = json.dumps({"error": f"{key}", "message": f"The key '{key}' ({key}) is none", "code": 0}).encode()
    text = key.encode()
    return {
        "refuses": (answer(401, told), "auth"),
        "forbids": (answer(403, told, set_cookie=f"key={key}"), "auth"),
        "limits": (answer(429, told, retry_after=key), "rate_limited"),
        "fails": (answer(500, told, **{f"x-{key}": key}), "server_error"),
        "is bad": (answer(400, told), "client_error"),
        "redirects": (answer(302, told, location=f"https://elsewhere.example/{key}"), "client_error"),
        "tells it for JSON": (answer(200, text), "malformed"),
        "tells it for success": (
            answer(200, json.dumps({"success": key, "data": key}).encode()),
            "malformed",
        ),
        "encodes by it": (answer(200, told, content_encoding=key), "malformed"),
        "compresses it badly": (
            answer(200, gzip.compress(text)[:10] + b"\xff" * 9 + text, content_encoding="gzip"),
            "malformed",
        ),
        "speaks it": (raw(text), "network"),
        "says it for a status": (raw(b"HTTP/1.1 " + text + b"\r\n\r\n"), "network"),
        "says it for a header": (raw(b"HTTP/1.1 200 OK\r\n" + text + b"\r\n\r\n"), "network"),
        "says it for a length": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: " + text + b"\r\n\r\n"), "network"),
        "resets": (reset, "network"),
        "drips": (drip, "timeout"),
    }


def settings(api: ScriptedApi, folder: Path) -> dict[str, Any]:
    (folder / "hash.key").write_text(HASH_KEY)
    (folder / "acme.key").write_text(KEYS["file"])
    return {
        "api": {"base_url": api.url, "max_attempts": 1, "timeout": 1},
        "poll": {"interval": 0.2},
        "windows": [],
        "accounts": [
            {"name": "inline", "api_key": KEYS["inline"]},
            {"name": "file", "api_key_file": str(folder / "acme.key")},
            {"name": "env", "api_key_env": "ENV_KEY"},
            {"name": "agency", "api_key": KEYS["agency"], "workspaces": {"refresh": 0.2}},
        ],
        "privacy": {"email": "hmac", "hmac_key_file": str(folder / "hash.key")},
        "state": {"directory": str(folder / "state")},
    }


def misbehave(api: ScriptedApi, name: str) -> None:
    """Have the API fail in the same way with every key."""
    for key in KEYS.values():
        behaviour = echo(key)[name][0]
        api.behaviours[key] = api.listing[key] = behaviour
    api.behaviours["w1"] = echo(KEYS["agency"])[name][0]


def kept(folder: Path) -> Iterator[bytes]:
    """Return what the files of a folder hold, as they are and decompressed."""
    for path in filter(Path.is_file, folder.rglob("*")):
        content = path.read_bytes()
        yield path.name.encode() + content
        start = content.find(b"\x1f\x8b")
        if start >= 0:
            yield zlib.decompress(content[start:], 31)


def of_process(process: Process, name: str) -> bytes:
    return Path(f"/proc/{process.popen.pid}/{name}").read_bytes()


DEFECT = """
import exporter.polling.reader, pathlib
parse = exporter.polling.reader.parse
def fail(body, feed, *unit):
    if pathlib.Path({path!r}).exists():
        raise ArithmeticError({key!r}, {{"headers": [(b"X-Api-Key", {key!r}.encode())]}})
    return parse(body, feed, *unit)
exporter.polling.reader.parse = fail
"""


@pytest.mark.parametrize("log_format", ["json", "logfmt"])
async def test_no_output_of_the_daemon_holds_a_key(
    processes: Processes, tmp_path: Path, log_format: str
) -> None:
    api = ScriptedApi({KEYS["agency"]: {"w1": "client"}}, default=answered(mailbox("m1")))
    shown: list[bytes] = []

    def look() -> None:
        for path in ("/", "/metrics", "/metrics/exporter", "/sd", "/-/ready", "/-/healthy", "/no-such-path"):
            response = exporter.get(path)
            shown.append(response.content + str(response.headers).encode())

    def failing(reason: str) -> set[str]:
        failures = scrape(exporter).all_of("sendkit_poll_failures_total", reason=reason)
        return {dict(labels)["workspace"] for labels, count in failures.items() if count}

    site = tmp_path / "site"
    await asyncio.to_thread(site.mkdir)
    broken = tmp_path / "broken"
    patch = DEFECT.format(path=str(broken), key=KEYS["inline"])
    await asyncio.to_thread((site / "sitecustomize.py").write_text, patch)
    environ = {"ENV_KEY": KEYS["env"], "PYTHONPATH": str(site)}
    async with api:
        config = settings(api, tmp_path)
        flags = ("--log.level", "debug", "--log.format", log_format, "--web.enable-lifecycle")
        exporter = await asyncio.to_thread(lambda: start_exporter(processes, config, *flags, environ=environ))
        await until(lambda: len(exporter.lines("polls succeed")) >= 4)
        for name, (_, reason) in echo("").items():
            misbehave(api, name)
            wanted = {"inline", "file", "env", "client"}
            await asyncio.to_thread(wait_for, lambda reason=reason, wanted=wanted: failing(reason) >= wanted)
            await asyncio.to_thread(look)
        api.behaviours.clear()
        api.listing.clear()

        broken.touch()
        api.default = answered(mailbox("m1", sentToday=4))  # the same bytes again are not read
        await until(lambda: exporter.lines("a defect of the exporter", "ArithmeticError"))
        await asyncio.to_thread(look)
        broken.unlink()

        await asyncio.to_thread((tmp_path / "acme.key").write_text, f"{KEYS['file']} {KEYS['file']}\n")
        await until(lambda: exporter.lines("poll failed", "expected a key alone"))
        for bad in (
            {"accounts": [{"name": "a", "api_key": [KEYS["inline"]]}]},
            {"accounts": [{"name": "a", "api_key": KEYS["inline"], "api_key_file": KEYS["inline"]}]},
            {"accounts": [{"name": "a", "api_key_env": KEYS["inline"]}]},
            {"accounts": [{"name": "a", "api_key": KEYS["inline"] + "\u00e9"}]},
            {"accounts": KEYS["inline"]},
            {"accounts": [{"name": "a", KEYS["inline"]: 1}]},
            {KEYS["inline"]: 1},
            {"api": {"base_url": f"http://{KEYS['inline']}@elsewhere.example"}},
        ):
            await asyncio.to_thread(write_config, processes, config | bad)
            refused = await asyncio.to_thread(exporter.post, "/-/reload")
            assert refused.status_code == 500, refused.text
            shown.append(refused.content)
            await asyncio.to_thread(look)
        seen = [of_process(exporter, "cmdline"), *kept(tmp_path / "state")]
        environment = of_process(exporter, "environ").replace(b"ENV_KEY=" + KEYS["env"].encode(), b"")
        assert await asyncio.to_thread(exporter.end, signal.SIGTERM) == 0
    assert exporter.lines("level", "debug"), "else nothing was talkative"
    assert len(list((tmp_path / "state").glob("*.state"))) == 4
    for text in [exporter.log().encode(), environment, *shown, *seen]:
        found = text.find(CANARY)
        assert found < 0, text[max(0, found - 300) : found + 100]


@pytest.mark.parametrize(
    "command", [("check", "--probe"), ("once",), ("backfill", "--from", "2025-01-01", "--to", "2025-01-01")]
)
async def test_no_output_of_a_command_holds_a_key(tmp_path: Path, command: tuple[str, ...]) -> None:
    api = ScriptedApi({KEYS["agency"]: {"w1": "client"}})
    out = ("--output", str(tmp_path / "backfill.om")) if command[0] == "backfill" else ()
    async with api:
        file = commands.config_file(tmp_path, **settings(api, tmp_path))
        for name in ("refuses", "fails", "redirects", "tells it for success", "speaks it"):
            misbehave(api, name)
            ended = await asyncio.to_thread(
                commands.run, *command, *out, "--config.file", file, ENV_KEY=KEYS["env"]
            )
            assert ended.code == 1, name
            assert CANARY.decode() not in ended.out + ended.err, name
