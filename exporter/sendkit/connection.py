"""The HTTP client below the API's client."""

import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata

import httpx

from exporter.sendkit.environment import certificates, proxy_for
from exporter.sendkit.pools import Pools

_MOST = 256


async def _without_location(response: httpx.Response) -> None:
    """Drop where a redirect leads: nobody follows it, and httpx raises for what is no address."""
    response.headers.pop("location", None)


def most_connections() -> int:
    """Return how many requests may be under way at a time, for all accounts, and as many connections idle.

    Together they take a quarter of the file descriptors that there are; the rest is for scrapes and files.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if descriptors == resource.RLIM_INFINITY else max(2, min(_MOST, descriptors // 8))


def http_client(base_url: str) -> httpx.AsyncClient:
    """Return the client for an API; raises `ConfigError` for an environment that cannot be used."""
    return httpx.AsyncClient(
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"sendkit-exporter/{_version()}",
        },
        # One account's session must not travel with another one's key.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        event_hooks={"response": [_without_location]},
        timeout=None,  # noqa: S113 - asyncio.timeout bounds the whole request
        trust_env=False,  # `environment` reads it
        transport=Pools(
            max(1, most_connections() // 2),  # most keys have one connection or two
            time.monotonic,
            ssl_context=certificates(),
            proxy=proxy_for(base_url, os.environ),
        ),
    )


@asynccontextmanager
async def closing(response: httpx.Response) -> AsyncIterator[httpx.Response]:
    """Close a response in the end, and let go of its connection and what that has read."""
    try:
        yield response
    finally:
        await response.aclose()
        response.stream = httpx.ByteStream(b"")  # else the two hold each other


def _version() -> str:
    """Return the exporter's version, of its installed package."""
    try:
        return metadata.version("sendkit-exporter")
    except metadata.PackageNotFoundError:  # run from a source folder
        return "unknown"
