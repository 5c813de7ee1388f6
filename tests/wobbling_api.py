"""An API in front of another one, whose totals wobble and whose lists of workspaces come back short."""

import gzip
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

MAILBOXES, WORKSPACES = "/v1/analytics/mailboxes", "/v1/workspaces"
FORWARD_SECONDS = 30.0

_OF_THE_CONNECTION = {"connection", "content-length", "content-encoding", "transfer-encoding", "host"}

Change = Callable[[random.Random, list[dict[str, Any]]], object]
"""Makes something of the items of an answer, in place."""


def _zeros(_chance: random.Random, mailboxes: list[dict[str, Any]]) -> None:
    for mailbox in mailboxes:
        mailbox["performance"] = dict.fromkeys(mailbox["performance"], 0)


def _behind(chance: random.Random, mailboxes: list[dict[str, Any]]) -> None:
    """A replica that is behind, by another amount for each mailbox and answer."""
    for mailbox in mailboxes:
        share = chance.uniform(0.5, 1)
        mailbox["performance"] = {name: int(share * total) for name, total in mailbox["performance"].items()}


def _absurd(chance: random.Random, mailboxes: list[dict[str, Any]]) -> None:
    """No two of these agree: what a second answer confirms is taken for what there is."""
    for mailbox in chance.sample(mailboxes, len(mailboxes) // 4):
        mailbox["performance"]["sent"] = chance.choice(
            [chance.randrange(10**6, 10**12), chance.uniform(0, 1e300)]
        )


def _short(chance: random.Random, workspaces: list[dict[str, Any]]) -> None:
    del workspaces[chance.randrange(len(workspaces)) :]


TROUBLES: Mapping[str, tuple[str, Change]] = {
    "totals_read_zero": (MAILBOXES, _zeros),
    "totals_are_behind": (MAILBOXES, _behind),
    "totals_are_absurd": (MAILBOXES, _absurd),
    "lists_come_short": (WORKSPACES, _short),
}


@dataclass(slots=True)
class WobblingApi:
    """The API at `target`; each of its troubles lasts until its time, by the steady clock."""

    target: str
    chance: random.Random
    url: str = ""
    until: dict[str, float] = field(default_factory=dict)
    changed: int = 0
    """Answers that were made something of."""

    def begin(self, trouble: str, seconds: float) -> None:
        """Have a trouble for so long."""
        self.until[trouble] = time.monotonic() + seconds

    def meddle(self, path: str, body: bytes) -> bytes:
        """Return the body of a good answer with what the troubles make of it."""
        for trouble, (concerns, change) in TROUBLES.items():
            if path == concerns and time.monotonic() < self.until.get(trouble, 0):
                answer = json.loads(body)
                items = answer["data"]["workspaces"] if isinstance(answer["data"], dict) else answer["data"]
                change(self.chance, items)
                self.changed += 1
                body = json.dumps(answer).encode()
        return body


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that leave."""


@contextmanager
def wobbling(target: str, chance: random.Random) -> Iterator[WobblingApi]:
    """Serve an API in front of another one."""
    api = WobblingApi(target, chance)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            connection = HTTPConnection(urlsplit(target).netloc, timeout=FORWARD_SECONDS)
            try:
                connection.request("GET", self.path, headers=dict(self.headers))
                self._answer(connection.getresponse())
            except (OSError, HTTPException):  # as the other one did
                self.close_connection = True
            finally:
                connection.close()

        def _answer(self, response: HTTPResponse) -> None:
            body, encoding = response.read(), response.headers.get("content-encoding")
            is_good = response.status == 200 and response.headers["content-type"] == "application/json"
            # A bomb is passed on as it is.
            if is_good and len(body) > 0 and not (encoding and _is_bomb(body)):
                body = api.meddle(urlsplit(self.path).path, gzip.decompress(body) if encoding else body)
                encoding = None
            self.send_response_only(response.status)
            for name, value in response.headers.items():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            if encoding:
                self.send_header("content-encoding", encoding)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield api
        server.shutdown()


def _is_bomb(body: bytes) -> bool:
    """Whether gzip says of itself that it holds megabytes (RFC 1952, 2.3.1)."""
    return int.from_bytes(body[-4:], "little") > 4 * 2**20
