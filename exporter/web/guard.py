"""Before the application: every path asks for a user's password, and every answer carries the headers."""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.file import WebFile
from exporter.web.turns import Turns

CHECK_THREADS = 2
MOST_CHECKS_PER_ADDRESS = 32
MOST_REMEMBERED = 100
MOST_PASSWORD_BYTES = 72
"""Bcrypt reads no more of a password, in the toolkit neither."""


class Busy(Exception):  # noqa: N818 - a state, not a fault
    """Too many passwords of one address wait to be checked."""


class Guard:
    """An application that lets in whom the web configuration lets in, and adds its headers."""

    def __init__(self, app: ASGIApp, web_file: WebFile) -> None:
        self._app = app
        self._web_file = web_file
        self._passwords = Passwords()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        web = await self._web_file.refreshed()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and web.headers:
                kept = [(name, value) for name, value in message["headers"] if name not in web.headers]
                message = {**message, "headers": [*kept, *web.headers.items()]}
            await send(message)

        answer = await self._refusal(scope, web.users) or self._app
        await answer(scope, receive, send_with_headers)

    async def _refusal(self, scope: Scope, users: Mapping[bytes, bytes]) -> ASGIApp | None:
        """Return the answer to a request that is not let in."""
        if not users:
            return None
        try:
            given = credentials(scope)
            if given and await self._passwords.match(users, *given, _address(scope)):
                return None
        except Busy:
            return PlainTextResponse("Too many passwords wait to be checked.\n", 503, {"retry-after": "1"})
        return PlainTextResponse("Unauthorized\n", 401, {"www-authenticate": "Basic"})


def credentials(scope: Scope) -> tuple[bytes, bytes] | None:
    """Return the name and password that a request carries (RFC 7617)."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None
    return (name, password) if colon else None


def _address(scope: Scope) -> str:
    """Return the address that a request came from."""
    client = scope.get("client")
    return client[0] if client else ""


class Passwords:
    """Passwords checked against bcrypt's hashes: some at a time, in threads, by addresses in turn.

    A right one is checked once. Wrong ones of other addresses delay it by one check of each, and no more.

    A name that nobody has is checked against somebody's hash, so that its answer takes as long.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._threads = ThreadPoolExecutor(CHECK_THREADS, thread_name_prefix="password")
        self._turns = Turns(CHECK_THREADS)
        self._under_way: dict[tuple[str, bytes], asyncio.Task[bool]] = {}
        self._addresses: Counter[str] = Counter()
        self._right: dict[bytes, None] = {}

    async def match(self, users: Mapping[bytes, bytes], name: bytes, password: bytes, address: str) -> bool:
        """Tell whether this is a user's password; raises `Busy` when an address has too many checked."""
        password = password[:MOST_PASSWORD_BYTES]
        is_known = name in users
        hashed = users[name] if is_known else self._somebodys(users, name)
        digest = self._digest(repr((name, hashed, password)).encode())
        if digest in self._right:
            return True
        # A check is shared by those of one address alone, so that none waits for another address's turn.
        check = self._under_way.get((address, digest)) or self._start(address, digest, password, hashed)
        is_right = await asyncio.shield(check) and is_known
        if is_right:
            self._remember(digest)
        return is_right

    def _start(self, address: str, digest: bytes, password: bytes, hashed: bytes) -> asyncio.Task[bool]:
        """Check a password; the same one that comes meanwhile waits for the same check."""
        if self._addresses[address] >= MOST_CHECKS_PER_ADDRESS:
            raise Busy
        check = asyncio.create_task(self._check(address, password, hashed))
        self._under_way[address, digest] = check
        self._addresses[address] += 1

        def finish(_: asyncio.Task[bool]) -> None:
            del self._under_way[address, digest]
            self._addresses[address] -= 1
            self._addresses += Counter()  # forgets addresses without any

        check.add_done_callback(finish)
        return check

    async def _check(self, address: str, password: bytes, hashed: bytes) -> bool:
        """Check a password in a thread, in the address's turn."""
        async with self._turns.turn(address):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, bcrypt.checkpw, password, hashed
            )

    def _somebodys(self, users: Mapping[bytes, bytes], name: bytes) -> bytes:
        """Return a user's hash, the same one for the same name."""
        hashes = list(users.values())
        return hashes[int.from_bytes(self._digest(name)) % len(hashes)]

    def _remember(self, digest: bytes) -> None:
        """Keep what was right; the oldest goes when there are too many."""
        self._right[digest] = None
        if len(self._right) > MOST_REMEMBERED:
            del self._right[next(iter(self._right))]

    def _digest(self, text: bytes) -> bytes:
        return hashlib.blake2b(text, key=self._secret).digest()
