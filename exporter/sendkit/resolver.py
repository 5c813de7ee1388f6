"""Names to addresses, without the event loop's own threads: a lookup that hangs holds nothing else up."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

SHARED_SECONDS = 3.0
"""A lookup that is older and has no answer is shared no more: the next one may find the resolver again."""
MOST_LOOKUPS = 32
"""Lookups that may hang at a time; a resolver gives up after 10 to 60 s."""


class Resolver:
    """Looks names up, each in a thread of its own that nothing waits for at the end of the process."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], tuple[float, asyncio.Future[Sequence[str]]]] = {}
        self._running = 0

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host, the best one first; raises OSError."""
        now = asyncio.get_running_loop().time()
        began, answer = self._under_way.get((host, port), (0.0, None))
        if answer is None or answer.done() or now - began > SHARED_SECONDS:
            answer = self._look_up(host, port)
            self._under_way[host, port] = now, answer
        return await asyncio.shield(answer)

    def _look_up(self, host: str, port: int) -> "asyncio.Future[Sequence[str]]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits
        if self._running >= MOST_LOOKUPS:
            answer.set_exception(OSError(f"{MOST_LOOKUPS} lookups of names have no answer yet"))
            return answer
        self._running += 1

        def ended(found: Sequence[str], error: OSError | None) -> None:
            self._running -= 1
            if answer.done():
                return
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(found)

        def work() -> None:
            found, error = [], None
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found = list(dict.fromkeys(str(address[0]) for *_, address in infos))
            except OSError as failure:
                error = failure
            except UnicodeError:  # a label of over 63 characters
                error = OSError("this is no name of a host")
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(ended, found, error)

        Thread(target=work, name="look up", daemon=True).start()
        return answer
