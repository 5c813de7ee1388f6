"""What services of messages get from Alertmanager: kept by an HTTP server and by a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

QUEUE = 128
"""So many connections may wait at once: Alertmanager sends every group's message at the same time."""


@dataclass(slots=True)
class Received:
    """Where the servers listen, and what arrived: JSON by the path it was sent to, and mails."""

    url: str
    smarthost: str
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)


class _HTTP(ThreadingHTTPServer):
    request_queue_size = QUEUE
    received: Received


class _SMTP(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = QUEUE
    received: Received


class _Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cast("_HTTP", self.server).received.posted.append((self.path, body))
        # As Slack answers; the others look at the code alone.
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Mail(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                text = b"".join(line.removeprefix(b".") for line in lines)
                cast("_SMTP", self.server).received.mails.append(
                    message_from_bytes(text, policy=policy.default)
                )
            self._say("221 bye" if line == b"QUIT" else "250 fine")
            if line == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def receiving() -> Iterator[Received]:
    """Serve while the context lasts."""
    address = ("127.0.0.1", 0)
    with ExitStack() as stack:
        http, smtp = stack.enter_context(_HTTP(address, _Post)), stack.enter_context(_SMTP(address, _Mail))
        received = Received(
            f"http://127.0.0.1:{http.server_address[1]}", f"127.0.0.1:{smtp.server_address[1]}"
        )
        http.received = smtp.received = received
        for server in (http, smtp):
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield received
