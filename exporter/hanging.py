"""Work that may hang, such as to read a file of a dead network mount: in a thread, for a limited time.

The thread is a daemon: one that hangs for ever keeps neither the event loop nor the end of the program.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class HangingError(OSError):
    """Work did not end within its time, or has no thread to begin in."""


def started(work: Callable[[], Result]) -> Future[Result]:
    """Begin work in a thread of its own; raises `HangingError` if there is none."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # whoever gives up waiting does not cancel it

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:
        raise HangingError(None, f"{error}") from None
    return future


def result(future: "Future[Result]", seconds: float) -> Result:
    """Wait for work that was begun; raises `HangingError` after so many seconds."""
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():
            raise
        raise _hangs(seconds) from None


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Do work and wait for it; raises `HangingError` after so many seconds."""
    return result(started(work), seconds)


async def soon(future: "Future[Result]", seconds: float) -> Result:
    """Wait as `result` does, on the event loop."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(_seen)
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    if not done:
        raise _hangs(seconds)
    return waiting.result()


def _hangs(seconds: float) -> HangingError:
    return HangingError(None, f"no answer within {seconds:g} s")


def _seen(late: "asyncio.Future[Result]") -> None:
    """Take note of an error, which may come when nobody waits any more."""
    if not late.cancelled():
        late.exception()
