"""A webhook that keeps what Alertmanager sends to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Notification:
    """What one request held: when it came, where it went, `firing` or `resolved`, and its alerts."""

    time: datetime
    path: str
    status: str
    alerts: list[dict[str, Any]]

    @property
    def about(self) -> set[tuple[str, str]]:
        """Return the workspaces and names of its alerts; no workspace is ""."""
        return {(alert["labels"].get("workspace", ""), alert["labels"]["alertname"]) for alert in self.alerts}


@dataclass(slots=True)
class Webhook:
    """A webhook that listens at `url`; Alertmanager says the path."""

    url: str
    notifications: list[Notification] = field(default_factory=list)

    def received(self, path: str = "", status: str = "", **about: str) -> list[Notification]:
        """Return the notifications of a path and a status whose alerts have these labels, in their order."""
        return [
            notification
            for notification in list(self.notifications)
            if path in {"", notification.path}
            and status in {"", notification.status}
            and any(about.items() <= alert["labels"].items() for alert in notification.alerts)
        ]


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.webhook = Webhook(f"http://127.0.0.1:{self.server_address[1]}")


class _Request(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        notification = Notification(datetime.now(UTC), self.path, message["status"], message["alerts"])
        cast("_Server", self.server).webhook.notifications.append(notification)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Serve a webhook while the context lasts."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.webhook
        server.shutdown()
        thread.join()
