"""Why a call of the API failed.

    SendKitError            why a call failed, as a `Reason`
    ├── UnansweredError     no whole answer came: timeout, network
    ├── RefusedError        an answer other than 200: auth, rate_limited, client_error, server_error
    └── UnusableError       a 200 whose body is of no use: malformed, too_large

No text of an error, and no exception behind one, holds an API key.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from exporter.catalogue.workspace import Reason
from exporter.config import keys

EXPLANATION_CHARACTERS = 200

_OF_EVERY_KEY = ("/v1/workspaces", "/v1/analytics/mailboxes")
"""Paths that no key is without: unless a workspace is named, a 404 there is about the address."""

_PASSING = {Reason.TIMEOUT, Reason.NETWORK, Reason.RATE_LIMITED, Reason.SERVER_ERROR}
_DELAY_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


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

    def __init__(self, reason: Reason, said: str, status: int, retry_after_seconds: float = 0.0) -> None:
        wish = f"; it asks to wait {retry_after_seconds:.0f} s (Retry-After)" if retry_after_seconds else ""
        super().__init__(reason, said + wish, status)
        self.said = said
        self.retry_after_seconds = retry_after_seconds


class UnusableError(SendKitError):
    """The API answered 200 with a body that is no answer, or too large a one."""


def refusal(response: httpx.Response, explanation: str = "", *, is_page: bool = False) -> SendKitError:  # noqa: PLR0911 - a table
    """Map an answer other than 200 to its reason; `is_page` says that its body is for people."""
    status = response.status_code
    message = f"the API answered {status}" + (f": {explanation}" if explanation else "")
    if is_page:
        message += " with a page instead of JSON"
    match status:
        case 401 | 403 if is_page:
            message += ", as a firewall or a proxy before the API does; this says nothing about the key"
            return RefusedError(Reason.CLIENT_ERROR, message, status)
        case 401 | 403:
            return RefusedError(Reason.AUTH, message, status)
        case 429:
            reason = Reason.RATE_LIMITED
        case _ if 300 <= status < 400:
            message = f"the API answered {status}, a redirect, which is not followed; is api.base_url right?"
            return RefusedError(Reason.CLIENT_ERROR, message, status)
        case 404 if is_page or _is_of_every_key(response.request):
            return RefusedError(Reason.CLIENT_ERROR, message + "; is api.base_url right?", status)
        case _ if 400 <= status < 500:
            return RefusedError(Reason.CLIENT_ERROR, message, status)
        case _ if status >= 500:
            reason = Reason.SERVER_ERROR
        case _:
            return UnusableError(Reason.MALFORMED, f"the API answered {status}, expected 200", status)
    wish_seconds = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return RefusedError(reason, message, status, wish_seconds)


def _is_of_every_key(request: httpx.Request) -> bool:
    return request.url.path.endswith(_OF_EVERY_KEY) and "X-Workspace-Id" not in request.headers


def server_of(request: httpx.Request) -> str:
    """Return the host of a request, with its port if that is no usual one."""
    return request.url.netloc.decode()


def unanswered(error: Exception, request: httpx.Request, more: str = "") -> SendKitError:
    """Map what the HTTP library raised to a reason; the text names the server, and ends with `more`."""
    name = type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | ValueError):
        return SendKitError(
            Reason.CLIENT_ERROR, f"the request cannot be sent ({name})"
        )  # its text may hold headers
    why, server = plain(str(error), request.headers["X-Api-Key"]), server_of(request)
    told = why if why.startswith(request.url.host) else f"{server}: {why}" if why else server
    return UnansweredError(Reason.NETWORK, f"{name}: {told}{more}")


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


def plain(text: str, key: str) -> str:
    """Return the start of a foreign text, printable and without the key."""
    return keys.redact("".join(filter(str.isprintable, text)), key)[:EXPLANATION_CHARACTERS]
