"""A TLS handshake in memory."""

import ssl
from dataclasses import dataclass


@dataclass
class Shaken:
    """What both sides know after a handshake."""

    server: ssl.SSLObject
    client: ssl.SSLObject


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> Shaken:
    """Shake hands in memory; raises SSLError as the first side that refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = Shaken(
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
    )
    waiting = [sides.client, sides.server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return sides
