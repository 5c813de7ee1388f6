"""The SendKit API client: one request and its retries.

    SendKitError            why a call failed, as a `Reason`
    ├── UnansweredError     no whole answer came: timeout, network
    ├── RefusedError        an answer other than 200: auth, rate_limited, client_error, server_error
    └── UnusableError       a 200 whose body is of no use: malformed, too_large

No text of an error, and no exception behind one, holds an API key.
"""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata
from typing import Self

import httpx
import msgspec
from isal import isal_zlib

from exporter.config import ApiConfig, ConfigError, keys, values
from exporter.model import Reason, without_lone_surrogates

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 10.0
EXPLANATION_BYTES = 64 * 1024  # of a refusal's body, at most
EXPLANATION_SECONDS = 2.0  # a refusal stands without its body: do not wait long for that
EXPLANATION_CHARACTERS = 200
KEPT_CONNECTIONS = 100
KEPT_SECONDS = 90.0  # longer than the default poll interval, so that the next poll finds it open

_GZIP_WBITS = 31
_DELAY_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


_PASSING = {Reason.TIMEOUT, Reason.NETWORK, Reason.RATE_LIMITED, Reason.SERVER_ERROR}


class SendKitError(Exception):
    """A call that failed; `status` is the HTTP status of the answer, None when there was none."""

    def __init__(self, reason: Reason, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.reason in _PASSING or self.status == HTTPStatus.REQUEST_TIMEOUT


class UnansweredError(SendKitError):
    """No whole answer came."""


class RefusedError(SendKitError):
    """The API answered with another status than 200; `retry_after_seconds` is its wish, 0 without one."""

    def __init__(self, reason: Reason, message: str, status: int, retry_after_seconds: float = 0.0) -> None:
        super().__init__(reason, message, status)
        self.retry_after_seconds = retry_after_seconds


class UnusableError(SendKitError):
    """The API answered 200 with a body that is no answer, or too large a one."""


class Workspace(msgspec.Struct, frozen=True):
    """A workspace that a key can see (`GET /v1/workspaces`); `name` is the id where there is none."""

    id: str
    name: str


class _WorkspaceItem(msgspec.Struct):
    id: str
    name: str | None = None


class _WorkspacesAnswer(msgspec.Struct):
    success: bool
    data: list[_WorkspaceItem]


class _Refusal(msgspec.Struct):
    message: str = ""


class Lane:
    """The requests that one account may have under way, so that its trouble stays its own.

    Polls whose last outcome was a failure (`suspect`) share half of the slots, so that slow and broken
    workspaces leave room for the healthy ones.
    """

    def __init__(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._suspect_slots = asyncio.Semaphore(max(1, slots // 2))

    @asynccontextmanager
    async def slot(self, *, suspect: bool) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        async with self._suspect_slots if suspect else nullcontext(), self._slots:
            yield


class SendKit:
    """The SendKit API; one for all accounts, used as an async context manager.

    `on_request` is told the status of each answer (`"200"`, `"429"`), or `"error"` when there was none;
    `on_retry` is called as a request is made again. `sleep` and `jitter` (low, high → between) pace retries.
    Raises ConfigError for a proxy or certificates of the environment that cannot be used.
    """

    def __init__(
        self,
        api: ApiConfig,
        on_request: Callable[[str], None] = lambda _code: None,
        on_retry: Callable[[], None] = lambda: None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        for name in ("httpx", "httpcore"):  # at DEBUG they would write headers to the log
            logging.getLogger(name).setLevel(logging.WARNING)
        self._api = api
        self._on_request = on_request
        self._on_retry = on_retry
        self._sleep = sleep
        self._jitter = jitter
        self._client = _http_client(api.base_url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def mailboxes(
        self,
        key: str,
        workspace_id: str | None,
        window: tuple[date, date] | None,
        deadline: float,
        lane: Lane,
        *,
        suspect: bool = False,
    ) -> bytes:
        """Return the body of `GET /v1/analytics/mailboxes`, decompressed and unparsed.

        `workspace_id` is sent with a platform key alone. `window` is the first and the last day, None for
        all-time. `deadline` is a time of the event loop past which nothing is tried again; the first attempt
        has the whole `api.timeout`. Raises SendKitError.
        """
        parameters = {"from": window[0].isoformat(), "to": window[1].isoformat()} if window else {}
        headers = {"X-Workspace-Id": workspace_id} if workspace_id and is_platform_key(key) else {}
        request = self._request("/v1/analytics/mailboxes", parameters, {"X-Api-Key": key, **headers})
        return await self._call(request, deadline, lane, suspect=suspect)

    async def workspaces(
        self, key: str, deadline: float, lane: Lane, *, suspect: bool = False
    ) -> list[Workspace]:
        """Return the workspaces that a key can see (`GET /v1/workspaces`).

        `deadline` is as in `mailboxes`. Raises SendKitError.
        """
        request = self._request("/v1/workspaces", {}, {"X-Api-Key": key})
        return parse_workspaces(await self._call(request, deadline, lane, suspect=suspect))

    def _request(self, path: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Request:
        """Return a request; raises SendKitError when it cannot be sent."""
        if not all(map(keys.is_sendable, headers.values())):
            raise SendKitError(Reason.AUTH, "the key or the workspace id is none that a header can carry")
        with suppress(httpx.InvalidURL, ValueError):
            url = f"{self._api.base_url}{path}"
            return self._client.build_request("GET", url, params=dict(parameters), headers=dict(headers))
        raise SendKitError(Reason.CLIENT_ERROR, "api.base_url is no address that can be called")

    async def _call(self, request: httpx.Request, deadline: float, lane: Lane, *, suspect: bool) -> bytes:
        """Return the body of a 200, trying again while that may help and there is time."""
        now = asyncio.get_running_loop().time
        timeout_seconds = self._api.timeout.total_seconds()
        try:
            async with lane.slot(suspect=suspect):
                return await self._attempt(request, timeout_seconds)
        except SendKitError as error:
            failure = error
        for attempt in range(1, self._api.max_attempts):
            pause_seconds = self._pause_seconds(attempt, failure)
            if not failure.may_pass or now() + pause_seconds >= deadline:
                break
            await self._sleep(pause_seconds)
            try:
                async with asyncio.timeout_at(deadline) as wait_for_slot, lane.slot(suspect=True):
                    remaining_seconds = deadline - now()
                    if remaining_seconds <= 0:
                        break
                    wait_for_slot.reschedule(None)
                    self._on_retry()
                    return await self._attempt(request, min(timeout_seconds, remaining_seconds))
            except SendKitError as error:
                # One that had less than its whole time tells nothing that the one before did not.
                if error.reason is not Reason.TIMEOUT or remaining_seconds >= timeout_seconds:
                    failure = error
            except TimeoutError:  # no slot came free in time
                break
        try:
            raise failure
        finally:
            del failure  # else it holds itself by its traceback, and what was read of the answer

    def _pause_seconds(self, attempt: int, failure: SendKitError) -> float:
        """Return the wait before a retry: exponential, with full jitter, at least what the API asks."""
        ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** min(attempt - 1, 16))
        wish = failure.retry_after_seconds if isinstance(failure, RefusedError) else 0.0
        return max(wish, self._jitter(0.0, ceiling))

    async def _attempt(self, request: httpx.Request, seconds: float) -> bytes:
        """Make one request, connection and body included within `seconds`, and return the body of a 200."""
        key = request.headers["X-Api-Key"]
        failure: SendKitError | None = None
        code = "error"
        try:
            async with (
                asyncio.timeout(seconds),
                _closing(await self._client.send(request, stream=True)) as response,
            ):
                code = str(response.status_code)
                if response.status_code == HTTPStatus.OK:
                    return await read_body(response, self._api.max_response_bytes)
                failure = _refusal(response, "")
                failure = _refusal(response, await _explanation(response, key))
        except (TimeoutError, httpx.TimeoutException):
            failure = failure or UnansweredError(Reason.TIMEOUT, f"no whole answer within {seconds:g} s")
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            failure = failure or _unanswered(error, key)
        finally:
            self._on_request(code)
        try:
            raise failure  # out here, so that no exception that knows the request hangs on it
        finally:
            del failure  # as above


@asynccontextmanager
async def _closing(response: httpx.Response) -> AsyncIterator[httpx.Response]:
    """Close a response in the end, and let go of its connection and what that has read."""
    try:
        yield response
    finally:
        await response.aclose()
        response.stream = httpx.ByteStream(b"")  # else the two hold each other


async def _without_location(response: httpx.Response) -> None:
    """Drop where a redirect leads: nobody follows it, and httpx raises for what is no address."""
    response.headers.pop("location", None)


def _http_client(base_url: str) -> httpx.AsyncClient:
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


def is_platform_key(key: str) -> bool:
    """Tell whether a key sees several workspaces and must name one (docs.sendkit.ai, Authentication)."""
    return key.startswith("sk_user_")


def parse_workspaces(body: bytes) -> list[Workspace]:
    """Return the workspaces of an answer, each id once; raises UnusableError when there is none."""
    text = without_lone_surrogates(body).decode("utf-8", "replace")  # of names, which are people's
    try:
        answer = msgspec.json.decode(text, type=_WorkspacesAnswer)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnusableError(Reason.MALFORMED, f"no list of workspaces: {error}", HTTPStatus.OK) from None
    if not answer.success:
        raise UnusableError(Reason.MALFORMED, "no list of workspaces: success is not true", HTTPStatus.OK)
    if not all(keys.is_sendable(item.id) for item in answer.data):
        raise UnusableError(Reason.MALFORMED, "no list of workspaces: an id is not plain text", HTTPStatus.OK)
    workspaces: dict[str, Workspace] = {}
    for item in answer.data:
        workspaces.setdefault(item.id, Workspace(item.id, item.name or item.id))
    return list(workspaces.values())


def parse_retry_after(value: str | None, now: datetime) -> float:
    """Return the seconds that a `Retry-After` asks to wait (RFC 9110, 10.2.3); 0 without a usable one."""
    if value is None:
        return 0.0
    if _DELAY_SECONDS.fullmatch(value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, LookupError, OverflowError):
        return 0.0


async def read_body(response: httpx.Response, limit_bytes: int) -> bytes:
    """Return a body, decompressed, that is never larger than `limit_bytes` at any time.

    Raises UnusableError for larger ones, other encodings than one gzip, and broken gzip; UnansweredError for
    gzip that ends early.
    """
    encodings = [e.lower() for e in response.headers.get_list("content-encoding", split_commas=True)]
    if encodings not in ([], ["identity"], ["gzip"], ["x-gzip"]):
        raise UnusableError(
            Reason.MALFORMED, "the body is encoded otherwise than asked for", response.status_code
        )
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS) if encodings not in ([], ["identity"]) else None
    pieces: list[bytes] = []
    room = limit_bytes
    async for raw in response.aiter_raw():
        rest = raw
        while rest:
            if inflater is None:
                piece, rest = rest, b""
            else:
                if inflater.eof:  # gzip may be several members in a row (RFC 1952, 2.2)
                    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
                piece, rest = _inflate(inflater, rest, room + 1), inflater.unused_data
            room -= len(piece)
            if room < 0:
                message = f"the body is larger than api.max_response_bytes ({limit_bytes})"
                raise UnusableError(Reason.TOO_LARGE, message, response.status_code)
            pieces.append(piece)
    if inflater is not None and not inflater.eof:
        raise UnansweredError(Reason.NETWORK, "the body ended early (gzip)", response.status_code)
    return b"".join(pieces)


def _inflate(inflater: isal_zlib.Decompress, raw: bytes, limit_bytes: int) -> bytes:
    """Decompress a chunk to `limit_bytes` at most."""
    try:
        return inflater.decompress(raw, limit_bytes)
    except isal_zlib.IsalError:  # type: ignore[misc] # declared as an instance in the library's stub
        raise UnusableError(Reason.MALFORMED, "the body is broken gzip", HTTPStatus.OK) from None


def _refusal(response: httpx.Response, explanation: str) -> SendKitError:
    """Map an answer other than 200 to its reason."""
    status = response.status_code
    message = f"the API answered {status}" + (f": {explanation}" if explanation else "")
    match status:
        case 401 | 403:
            return RefusedError(Reason.AUTH, message, status)
        case 429:
            reason = Reason.RATE_LIMITED
        case _ if 300 <= status < 400:
            message = f"the API answered {status}, a redirect, which is not followed; is api.base_url right?"
            return RefusedError(Reason.CLIENT_ERROR, message, status)
        case _ if 400 <= status < 500:
            reason = Reason.CLIENT_ERROR
        case _ if status >= 500:
            reason = Reason.SERVER_ERROR
        case _:
            return UnusableError(Reason.MALFORMED, f"the API answered {status}, expected 200", status)
    wish_seconds = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return RefusedError(reason, message, status, wish_seconds)


def _unanswered(error: Exception, key: str) -> SendKitError:
    """Map what the HTTP library raised to a reason."""
    name = type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | ValueError):
        return SendKitError(
            Reason.CLIENT_ERROR, f"the request cannot be sent ({name})"
        )  # it may tell headers
    return UnansweredError(Reason.NETWORK, f"{name}: {_plain(str(error), key)}")


async def _explanation(response: httpx.Response, key: str) -> str:
    """Return the `message` of a refusal, cut short; nothing when there is none."""
    with suppress(  # undocumented and for people alone: the refusal stands without it
        SendKitError,
        TimeoutError,
        httpx.HTTPError,
        httpx.StreamError,
        OSError,
        msgspec.MsgspecError,
        RecursionError,
    ):
        async with asyncio.timeout(EXPLANATION_SECONDS):
            body = await read_body(response, EXPLANATION_BYTES)
        return _plain(msgspec.json.decode(body, type=_Refusal).message, key)
    return ""


def _plain(text: str, key: str) -> str:
    """Return the start of a foreign text, printable and without the key."""
    return keys.redact("".join(filter(str.isprintable, text)), key)[:EXPLANATION_CHARACTERS]


def _version() -> str:
    """Return the exporter's version, of its installed package."""
    try:
        return metadata.version("sendkit-exporter")
    except metadata.PackageNotFoundError:  # run from a source folder
        return "unknown"
