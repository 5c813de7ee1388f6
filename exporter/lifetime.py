"""How the program ends and reloads: by a signal, or because a part of it cannot go on.

Signals are blocked in every thread and taken by a thread of their own. So whatever hangs in the main thread
or in a library keeps none of them waiting, and none is lost before there is anything to reload or stop, as
process 1 of a container, too. Only light modules are imported here: this is the program's first step.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

STOP_SECONDS = 4.0
SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def _ignore() -> None:
    pass


class Lifetime:
    """The time from the program's first instruction to its end."""

    def __init__(self) -> None:
        self.exit_code = 0
        """How the program ends once it was asked to."""
        self.last_words: Callable[[], None] = _ignore
        """Called as the program leaves without unwinding; it takes a moment at most."""
        self._stop: Callable[[], object] | None = None
        self._reload: Callable[[], object] | None = None
        self._hangup_waits = False
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def hold(self) -> None:
        """Take all signals from now on; called again, it changes nothing.

        Raises `RuntimeError` if no thread can be started.
        """
        if self._thread is None:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            thread = threading.Thread(target=self._wait, name="signals", daemon=True)
            thread.start()
            self._thread = thread

    @contextmanager
    def handled(
        self, stop: Callable[[], object], reload: Callable[[], object] | None = None
    ) -> Iterator[None]:
        """Have `stop` called when the program is to end, and `reload` at SIGHUP, from another thread.

        Outside of this the program ends at once, and a SIGHUP waits for whoever can reload.
        """
        with self._lock:
            before = self._stop, self._reload
            self._stop, self._reload = stop, reload
            if reload and self._hangup_waits:
                self._hangup_waits = False
                reload()
        try:
            yield
        finally:
            with self._lock:
                self._stop, self._reload = before

    def end(self, exit_code: int) -> None:
        """End the program with this exit code, as if by a signal; does nothing where signals are not held."""
        if self._thread:
            self.exit_code = exit_code
            os.kill(os.getpid(), signal.SIGTERM)

    def _wait(self) -> None:
        """Take one signal after the other; at the first that ends the program, give it so much time."""
        while signal.sigwait(SIGNALS) == signal.SIGHUP:
            with self._lock:
                if self._reload:
                    self._reload()
                else:
                    self._hangup_waits = True
        leave_at = time.monotonic() + STOP_SECONDS
        with self._lock, suppress(RuntimeError):  # an event loop that has closed meanwhile
            if self._stop is None:
                self._leave()
            else:
                self._stop()
        while (seconds := leave_at - time.monotonic()) > 0:
            signal.sigtimedwait(SIGNALS, seconds)
        self._leave()

    def _leave(self) -> None:
        """End the process now, whatever hangs."""
        with suppress(Exception):
            self.last_words()
        os._exit(self.exit_code)


program = Lifetime()
"""The lifetime of this process."""
