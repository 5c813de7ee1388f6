"""The HTTP client below the API's client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata

import httpx

from exporter.config import ConfigError, values

KEPT_CONNECTIONS = 100
KEPT_SECONDS = 90.0  # longer than the default poll interval, so that the next poll finds it open


async def _without_location(response: httpx.Response) -> None:
    """Drop where a redirect leads: nobody follows it, and httpx raises for what is no address."""
    response.headers.pop("location", None)


def http_client(base_url: str) -> httpx.AsyncClient:
    """Return the client for an API; raises `ConfigError` for an environment that cannot be used."""
    try:
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
            limits=httpx.Limits(
                max_connections=None,  # lanes bound them
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
            ),
            timeout=None,  # noqa: S113 - asyncio.timeout bounds the whole request
            # A proxy from the environment must not see plain requests meant for this machine.
            trust_env=not values.is_loopback(base_url),
        )
    except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
        raise ConfigError(
            f"the environment's proxy or certificates (HTTPS_PROXY, SSL_CERT_FILE or the like): {error}"
        ) from None


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
