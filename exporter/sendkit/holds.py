"""For how long the API asked that no request be made with a key (`Retry-After`)."""

import time
from collections.abc import Callable

from exporter.sendkit.errors import RefusedError

LONGEST_HOLD_SECONDS = 900.0


class Holds:
    """What the API asked of each key; it outlives lanes and clients, which a reload makes anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._holds: dict[str, tuple[float, RefusedError]] = {}
        """Until when, by the steady clock, and with what answer."""

    def hold(self, key: str, refusal: RefusedError) -> None:
        """Have no request made with a key for as long as the API asked."""
        now = self._clock()
        seconds = min(refusal.retry_after_seconds, LONGEST_HOLD_SECONDS)
        if seconds <= self.seconds(key):
            return
        self._holds = {held: hold for held, hold in self._holds.items() if hold[0] > now}
        self._holds[key] = now + seconds, refusal

    def seconds(self, key: str) -> float:
        """Return for how long no request may be made with a key."""
        until, _ = self._holds.get(key, (0.0, None))
        return max(0.0, until - self._clock())

    def refusal(self, key: str) -> RefusedError:
        """Return what a request with a held key fails with."""
        _, before = self._holds[key]
        message = (
            f"no request is made for another {self.seconds(key):.0f} s, as the API asked (Retry-After): "
            f"{before.said}"
        )
        assert before.status
        return RefusedError(before.reason, message, before.status)
