"""Connections: one pool for each key, and none used again that may hold what belongs to no request."""

import asyncio
import builtins
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from exporter.config import ApiConfig
from tests.calling import BODY, KEY, PLATFORM_KEY, Caller, Server, answer, calling
from tests.certificates import authority
from tests.scripted_api import Behaviour

pytestmark = pytest.mark.anyio

OTHERS = json.dumps({"success": True, "data": [{"_id": "another tenant's"}]}).encode()
HIDDEN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(OTHERS) + OTHERS


def with_leftovers(leftovers: bytes, *, apart: bool) -> Behaviour:
    """Answer with more bytes behind the end of the answer, `apart` in a write of their own."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        writer.write(head + BODY if apart else head + BODY + leftovers)
        if apart:
            writer.write(leftovers)
        await writer.drain()

    return behave


def chunked(leftovers: bytes) -> Behaviour:
    """Answer in chunks, with more bytes behind the last one."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) + leftovers
        )
        await writer.drain()

    return behave


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("leftovers", [HIDDEN, HIDDEN[:20], b" "], ids=["answer", "start of one", "blank"])
async def test_a_connection_with_bytes_behind_an_answer_is_never_used_again(
    leftovers: bytes, *, apart: bool
) -> None:
    async with calling(with_leftovers(leftovers, apart=apart), answer()) as (server, caller):
        assert await caller.mailboxes() == BODY
        assert await caller.mailboxes() == BODY
    assert server.connections == 2


async def test_a_connection_with_bytes_behind_the_last_chunk_is_never_used_again() -> None:
    async with calling(chunked(HIDDEN), answer()) as (server, caller):
        assert await caller.mailboxes() == BODY
        assert await caller.mailboxes() == BODY
    assert server.connections == 2


async def test_a_connection_with_bytes_behind_a_refusal_is_never_used_again() -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN)
        await writer.drain()

    async with calling(refuse, answer()) as (server, caller):
        await caller.failure()
        assert await caller.mailboxes() == BODY
    assert server.connections == 2


async def test_a_connection_that_ended_cleanly_is_used_again_in_chunks_too() -> None:
    async with calling(chunked(b"")) as (server, caller):
        for _ in range(3):
            assert await caller.mailboxes() == BODY
    assert server.connections == 1


async def test_a_connection_is_never_shared_by_two_keys() -> None:
    async with calling(answer()) as (server, caller):
        for key in (KEY, PLATFORM_KEY, KEY, PLATFORM_KEY):
            await caller.mailboxes(key)
    assert server.connections == 2


async def test_a_connection_is_not_kept_for_each_of_very_many_keys() -> None:
    async with calling(answer()) as (server, caller):
        for number in range(300):
            await caller.mailboxes(f"sk_{number}")
        open_ones = server.open_connections
    assert server.connections == 300
    assert open_ones <= 150


async def test_over_tls_with_bytes_behind_an_answer_is_never_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes in a later record of TLS were taken from the socket, and are yet to be read."""
    certificate = authority(tmp_path).sign("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.file, certificate.key_file)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    server = Server(with_leftovers(HIDDEN, apart=True), answer(), context=context)
    async with server:
        caller = Caller(ApiConfig(base_url=f"https://localhost:{server.port}"))
        async with caller.sendkit:
            assert await caller.mailboxes() == BODY
            assert await caller.mailboxes() == BODY
    assert server.connections == 2


async def test_a_connection_is_used_without_an_import_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails is looked for in every folder, again in each request: a quarter of a request's cost."""
    failed: list[str] = []
    real_import = builtins.__import__

    def noted(name: str, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - as the interpreter's
        try:
            return real_import(name, *arguments, **keywords)
        except ImportError:
            failed.append(name)
            raise

    async with calling(answer(200, BODY)) as (_, caller):
        await caller.mailboxes()
        monkeypatch.setattr(builtins, "__import__", noted)
        await caller.mailboxes()
        monkeypatch.undo()

    assert failed == []
