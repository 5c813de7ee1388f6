"""Lookups of names that hang hold up nobody, neither the next lookup nor the end of a command."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from exporter.config import ApiConfig
from exporter.sendkit import resolver
from tests.calling import BODY, Caller, Server, answer
from tests.waiting import until

pytestmark = pytest.mark.anyio

LookUp = Callable[..., Any]
NAME = "api.localhost"


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, look_up: LookUp) -> Iterator[None]:
    """Have names looked up by a function, which is what the operating system does."""
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield


def caller_at(port: int, **settings: object) -> Caller:
    url = f"http://{NAME}:{port}"
    return Caller(ApiConfig.model_validate({"base_url": url, "allow_insecure_http": True, **settings}))


def found(port: int, *addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


async def test_a_resolver_that_hangs_delays_recovery_no_longer_than_it_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging, released = threading.Event(), threading.Event()
    hanging.set()

    def look_up(_host: str, port: int, **_: object) -> list[Any]:
        if hanging.is_set():
            released.wait(60)  # those that hang do so after the resolver is well again
        return found(port, "127.0.0.1")

    monkeypatch.setattr(resolver, "SHARED_SECONDS", 0.1)
    async with Server(answer()) as server:
        caller = caller_at(server.port, timeout=timedelta(seconds=0.5), max_attempts=1)
        with resolving(monkeypatch, look_up):
            async with caller.sendkit:
                for _ in range(10):
                    assert (await caller.failure()).reason == "timeout"
                hanging.clear()
                assert await caller.mailboxes() == BODY
        released.set()


def test_a_lookup_that_hangs_does_not_keep_a_command_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def look_up(_host: str, port: int, **_: object) -> list[Any]:
        released.wait(60)
        return found(port, "127.0.0.1")

    async def command() -> None:
        caller = caller_at(1, timeout=timedelta(seconds=0.3), max_attempts=1)
        async with caller.sendkit:
            assert (await caller.failure()).reason == "timeout"

    with resolving(monkeypatch, look_up):
        began = time.monotonic()
        asyncio.run(command())
        assert time.monotonic() - began < 30
        released.set()


async def test_lookups_at_the_same_time_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    released = threading.Event()

    def look_up(_host: str, port: int, **_: object) -> list[Any]:
        nonlocal count
        count += 1
        released.wait(60)
        return found(port, "127.0.0.1")

    with resolving(monkeypatch, look_up):
        names = resolver.Resolver()
        lookups = [asyncio.create_task(names.addresses(NAME, 1)) for _ in range(50)]
        await until(lambda: count)
        released.set()
        assert await asyncio.gather(*lookups) == [["127.0.0.1"]] * 50
    assert count == 1


async def test_an_address_that_refuses_is_followed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with resolving(monkeypatch, lambda _host, port, **_: found(port, "127.0.0.9", "127.0.0.1")):
        async with Server(answer()) as server:
            caller = caller_at(server.port)
            async with caller.sendkit:
                assert await caller.mailboxes() == BODY


async def test_a_failure_names_the_host_the_addresses_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with resolving(monkeypatch, lambda _host, port, **_: found(port, "127.0.0.9", "127.0.0.1")):
        caller = caller_at(1, max_attempts=1)
        async with caller.sendkit:
            error = await caller.failure()
    assert error.reason == "network"
    assert error.message == (
        f"ConnectError: {NAME}:1: 127.0.0.9: Connection refused, 127.0.0.1: Connection refused"
    )


async def test_a_name_that_is_unknown_is_reported_by_name() -> None:
    caller = Caller(ApiConfig(base_url="https://nowhere.invalid", max_attempts=1))
    async with caller.sendkit:
        error = await caller.failure()
    assert error.reason == "network"
    assert error.message.startswith("ConnectError: nowhere.invalid: ")
