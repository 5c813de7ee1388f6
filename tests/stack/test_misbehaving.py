"""One exporter over 25 accounts, of which 15 misbehave, each in its own way."""

import asyncio
import gzip
import json
import statistics
import time
from collections.abc import Callable

import httpx
import pytest

from tests.samples import Samples
from tests.scripted_api import (
    Behaviour,
    ScriptedApi,
    answer,
    answered,
    drip,
    hang,
    mailbox,
    raw,
    reset,
)
from tests.stack.processes import Processes, start_exporter
from tests.waiting import until

INTERVAL_SECONDS = 1.0
LARGEST_BYTES = 2**20
ROUNDS = 6
HEALTHY = [f"healthy{number}" for number in range(10)]

_BODY = json.dumps({"success": True, "data": [mailbox("m1")]}).encode()


async def _head_alone(writer: asyncio.StreamWriter) -> None:
    """Send a head, and never the body it promises."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n")
    await hang(writer)


MISBEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "drips": (drip, "timeout"),
    "hangs": (hang, "timeout"),
    "begins-no-body": (_head_alone, "timeout"),
    "bomb": (answer(200, gzip.compress(b" " * 2**26), content_encoding="gzip"), "too_large"),
    "too-large": (answer(200, b" " * (LARGEST_BYTES + 1)), "too_large"),
    "resets": (reset, "network"),
    "closes": (raw(b""), "network"),
    "lies-about-its-length": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + _BODY), "network"),
    "ends-gzip-early": (answer(200, gzip.compress(_BODY)[:-20], content_encoding="gzip"), "network"),
    "redirects": (answer(302, location="/elsewhere"), "client_error"),
    "limits": (answer(429, retry_after="86400"), "rate_limited"),
    "fails": (answer(500), "server_error"),
    "is-no-json": (answer(200, b"<!doctype html>"), "malformed"),
    "encodes-twice": (
        answer(200, gzip.compress(gzip.compress(_BODY)), content_encoding="gzip, gzip"),
        "malformed",
    ),
    "refuses-the-key": (answer(401), "auth"),
}


@pytest.mark.anyio
async def test_scrapes_are_answered_and_the_healthy_are_polled_on_time(
    processes: Processes, record_property: Callable[[str, object], None]
) -> None:
    """Prints the median time of a scrape, which is measured and not judged: machines differ."""
    api = ScriptedApi(default=answered(*(mailbox(f"m{number}") for number in range(4))))
    api.behaviours = {f"sk_{name}": behaviour for name, (behaviour, _) in MISBEHAVIOURS.items()}
    names = [*MISBEHAVIOURS, *HEALTHY]
    assert (len(MISBEHAVIOURS), len(names)) == (15, 25)
    async with api, httpx.AsyncClient(timeout=10, trust_env=False) as client:
        config = {
            "api": {
                "base_url": api.url,
                "timeout": 3,
                "max_response_bytes": LARGEST_BYTES,
                "max_attempts": 2,
            },
            "poll": {"interval": INTERVAL_SECONDS},
            "accounts": [{"name": name, "api_key": f"sk_{name}"} for name in names],
            "windows": [],
        }
        exporter = await asyncio.to_thread(start_exporter, processes, config)
        seconds: list[float] = []

        async def scrape() -> str:
            began = time.perf_counter()
            response = await client.get(f"{exporter.url}/metrics")
            seconds.append(time.perf_counter() - began)
            assert response.status_code == httpx.codes.OK
            return response.text

        def asked(name: str) -> list[float]:
            return [request.at for request in api.asked(f"sk_{name}")]

        for name in filter(lambda name: name != "limits", names):
            await until(lambda name=name: len(asked(name)) >= ROUNDS / 2, 60)  # type: ignore[misc]
            await scrape()
        for name in HEALTHY:
            await until(lambda name=name: len(asked(name)) >= ROUNDS, 60)  # type: ignore[misc]
            await scrape()
        samples = Samples(await scrape())

    for name, (_, reason) in MISBEHAVIOURS.items():
        assert samples.one("sendkit_up", workspace=name) == 0, name
        # A second attempt may end at the poll's deadline, with `timeout` for its reason.
        assert (samples.one("sendkit_poll_failures_total", workspace=name, reason=reason) or 0) >= 1, name
    for name in HEALTHY:
        assert samples.one("sendkit_up", workspace=name) == 1
        times = asked(name)
        # Half of what is due: a busy machine and jitter are no delay by a neighbour, a lost minute is.
        assert len(times) >= (times[-1] - times[0]) / INTERVAL_SECONDS / 2
    assert len(asked("limits")) == 1  # it asked for a day without requests
    assert all(request.path != "/elsewhere" for request in api.requests)

    median_ms = statistics.median(seconds) * 1000
    record_property("median_scrape_ms", round(median_ms, 1))
    print(f"{len(seconds)} scrapes, median {median_ms:.1f} ms")  # noqa: T201 - shown with -rP
