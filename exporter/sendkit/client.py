"""The SendKit API client: one request and its retries."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext, suppress
from http import HTTPStatus
from typing import Self

import httpx

from exporter.answers.envelope import Body
from exporter.catalogue.workspace import Reason
from exporter.config import ApiConfig, keys
from exporter.sendkit.body import explanation, read_body
from exporter.sendkit.budget import Budget, Share
from exporter.sendkit.connection import closing, http_client, most_connections
from exporter.sendkit.errors import (
    RefusedError,
    SendKitError,
    UnansweredError,
    refusal,
    server_of,
    unanswered,
)
from exporter.sendkit.holds import LONGEST_HOLD_SECONDS, Holds
from exporter.sendkit.lane import Lane

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 10.0
LIST_LOOK_SECONDS = 60.0
"""So often it is looked whether a list grows: its pages let other requests go first."""


class SendKit:
    """The SendKit API; one for all accounts, used as an async context manager.

    `on_request` gets the status of each answer (`"200"`, `"429"`), or `"error"` when there was none;
    `on_retry` is called as a request is made again, `on_headers` with the names of an answer's headers.
    `holds` knows when the API asked for no request at all. `sleep` and `jitter` (low, high → between) pace
    retries. Raises ConfigError for a proxy or certificates of the environment that cannot be used.
    """

    def __init__(  # noqa: PLR0913 - what a test puts another one in place of
        self,
        api: ApiConfig,
        on_request: Callable[[str], None] = lambda _code: None,
        on_retry: Callable[[], None] = lambda: None,
        *,
        holds: Holds | None = None,
        on_headers: Callable[[Iterable[str]], None] = lambda _names: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        for name in ("httpx", "httpcore"):  # at DEBUG they would write headers to the log
            logging.getLogger(name).setLevel(logging.WARNING)
        self._api = api
        self._on_request = on_request
        self._on_retry = on_retry
        self._on_headers = on_headers
        self._sleep = sleep
        self._jitter = jitter
        self._holds = holds or Holds()
        self._client = http_client(api.base_url)
        self._all = Lane(most_connections())
        self._bodies, self._lists = Budget(), Budget(LIST_LOOK_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def share(self, lane: Lane) -> AbstractContextManager[Share]:
        """Hold memory for a body of an account, until the context ends."""
        return self._bodies.share(lane)

    def list_share(self, lane: Lane) -> AbstractContextManager[Share]:
        """Hold memory for the pages of an account's list, until the context ends."""
        return self._lists.share(lane)

    async def get(  # noqa: PLR0913 - what a request is made of
        self,
        path: str,
        parameters: Mapping[str, str],
        *,
        key: str,
        deadline: float,
        lane: Lane,
        share: Share,
        workspace_id: str = "",
        suspect: bool = False,
        unproven: bool = False,
        gives_way: bool = False,
    ) -> Body:
        """Return the body of `GET path`, decompressed and unparsed.

        `workspace_id` is sent with a platform key alone. `deadline` is a time of the event loop past which
        nothing is tried again; the first attempt has the whole `api.timeout`. `share` holds memory for the
        body, beside what it keeps. `suspect` says that the last such request failed, `unproven` that none
        ever succeeded. One that `gives_way` lets the account's other requests go first. Raises SendKitError.
        """
        headers = {"X-Workspace-Id": workspace_id} if workspace_id and is_platform_key(key) else {}
        request = self._request(path, parameters, {"X-Api-Key": key, **headers})
        async with lane.giving_way() if gives_way else nullcontext():
            return await self._call(
                request, deadline, lane, share, suspect=suspect, unproven=unproven and not suspect
            )

    def _request(self, path: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Request:
        """Return a request; raises SendKitError when it cannot be sent."""
        if not all(map(keys.is_sendable, headers.values())):
            raise SendKitError(Reason.AUTH, "the key or the workspace id is none that a header can carry")
        with suppress(httpx.InvalidURL, ValueError):
            url = f"{self._api.base_url}{path}"
            return self._client.build_request("GET", url, params=dict(parameters), headers=dict(headers))
        raise SendKitError(Reason.CLIENT_ERROR, "api.base_url is no address that can be called")

    async def _call(
        self,
        request: httpx.Request,
        deadline: float,
        lane: Lane,
        share: Share,
        *,
        suspect: bool,
        unproven: bool,
    ) -> Body:
        """Return the body of a 200, trying again while that may help and there is time."""
        now = asyncio.get_running_loop().time
        timeout_seconds = self._api.timeout.total_seconds()
        key = request.headers["X-Api-Key"]
        try:
            if unproven:
                with suppress(MadeRoom):
                    async with self._slot(lane, key, deadline, suspect=False):
                        return await self._attempt(request, timeout_seconds, lane, share, unproven=True)
                await lane.until_nobody_waits(timeout_seconds)
                suspect = True
            async with self._slot(lane, key, deadline, suspect=suspect):
                return await self._attempt(request, timeout_seconds, lane, share)
        except SendKitError as error:
            failure = error
        for attempt in range(1, self._api.max_attempts):
            pause_seconds = self._pause_seconds(attempt, failure)
            if not failure.may_pass or now() + pause_seconds >= deadline:
                break
            await self._sleep(pause_seconds)
            try:
                async with (
                    asyncio.timeout_at(deadline) as wait_for_slot,
                    self._slot(lane, key, deadline, suspect=True),
                ):
                    remaining_seconds = deadline - now()
                    if remaining_seconds <= 0:
                        break
                    wait_for_slot.reschedule(None)
                    self._on_retry()
                    return await self._attempt(request, min(timeout_seconds, remaining_seconds), lane, share)
            except SendKitError as error:
                # One that had less than its whole time is no news after the one before.
                if error.reason is not Reason.TIMEOUT or remaining_seconds >= timeout_seconds:
                    failure = error
            except TimeoutError:  # no slot came free in time
                break
        try:
            raise failure
        finally:
            del failure  # else it holds itself by its traceback, and what was read of the answer

    @asynccontextmanager
    async def _slot(self, lane: Lane, key: str, deadline: float, *, suspect: bool) -> AsyncIterator[None]:
        """Wait until the API allows requests, for a slot of the account and one of all, and hold both.

        Raises what the API answered when it allows none before the deadline.
        """
        while True:
            if seconds := self._holds.seconds(key):
                if asyncio.get_running_loop().time() + seconds >= deadline:
                    raise self._holds.refusal(key)
                await self._sleep(seconds)
            async with lane.slot(suspect=suspect), self._all.slot(suspect=suspect):
                if not self._holds.seconds(key):  # no answer to another request has asked to wait meanwhile
                    yield
                    return

    def _pause_seconds(self, attempt: int, failure: SendKitError) -> float:
        """Return the wait before a retry: exponential, with full jitter, at least what the API asks."""
        ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** min(attempt - 1, 16))
        wish = failure.retry_after_seconds if isinstance(failure, RefusedError) else 0.0
        return max(min(wish, LONGEST_HOLD_SECONDS), self._jitter(0.0, ceiling))

    async def _attempt(
        self, request: httpx.Request, seconds: float, lane: Lane, share: Share, *, unproven: bool = False
    ) -> Body:
        """Make one request, connection and body included within `seconds`, and return the body of a 200.

        The time in which the body waits for memory comes on top.
        """
        key = request.headers["X-Api-Key"]
        failure: SendKitError | None = None
        code = "error"
        now = asyncio.get_running_loop().time
        end = now() + seconds
        try:
            async with asyncio.timeout(seconds) as limit:
                with ExitStack() as held:
                    held.enter_context(share.body(limit))
                    if unproven:
                        held.enter_context(lane.trial(limit))
                        held.enter_context(self._all.trial(limit))
                    async with closing(await self._client.send(request, stream=True)) as response:
                        code = str(response.status_code)
                        self._on_headers(response.headers.keys())
                        if response.status_code == HTTPStatus.OK:
                            return await read_body(response, self._api.max_response_bytes, share.grow)
                        failure = refusal(response)
                        said = await explanation(response, key)
                        failure = refusal(response, said.message, is_page=said.is_page)
        except (TimeoutError, httpx.TimeoutException):
            is_early = not share.was_slow and now() < end + share.waited_seconds
            if unproven and failure is None and is_early:
                raise MadeRoom from None
            slow = ": it came too slowly while other answers waited for memory"
            how = slow if share.was_slow else f" within {seconds:g} s"
            why = f"no whole answer from {server_of(request)}{how}{share.waited}"
            failure = failure or UnansweredError(Reason.TIMEOUT, why)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            failure = failure or unanswered(error, request, share.waited)
        finally:
            self._on_request(code)
        if isinstance(failure, RefusedError) and failure.retry_after_seconds:
            self._holds.hold(key, failure)
        try:
            raise failure  # out here, so that no exception that knows the request hangs on it
        finally:
            del failure  # as above


class MadeRoom(Exception):  # noqa: N818 - no fault of the request's
    """A request on trial gave its slot to one that waited."""


def is_platform_key(key: str) -> bool:
    """Tell whether a key sees several workspaces and must name one (docs.sendkit.ai, Authentication)."""
    return key.startswith("sk_user_")
