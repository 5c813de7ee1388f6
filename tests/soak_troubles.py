"""What goes wrong during a soak: scenarios of the simulated API, wobbling answers, swapped keys."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack.processes import Simulator
from tests.wobbling_api import TROUBLES, WobblingApi

LONGEST_SECONDS = 8.0
SWAPPED, STOPPED = "keys_swapped", "all_stopped"


def _anywhere(chance: random.Random, simulator: Simulator) -> dict[str, object]:
    return {"workspace": chance.choice(simulator.workspaces)["id"]}


def _at_a_mailbox(chance: random.Random, simulator: Simulator) -> dict[str, object]:
    mailboxes = chance.choice(list(simulator.truth().values()))
    return {"mailbox": chance.choice(list(mailboxes))}


def _with(place: Callable[..., dict[str, object]], **parameters: object) -> Callable[..., dict[str, object]]:
    """Return a choice of a scenario's target with fixed parameters."""
    return lambda chance, simulator: {**place(chance, simulator), **parameters}


def _everywhere(_chance: random.Random, _simulator: Simulator) -> dict[str, object]:
    return {}


def losing(simulator: Simulator) -> str:
    """Return the id of the one workspace whose campaigns are deleted."""
    return str(simulator.workspaces[0]["id"])


SCENARIOS: dict[str, Callable[[random.Random, Simulator], dict[str, Any]]] = {
    "bounce_spike": _anywhere,
    "mailbox_suspended": _at_a_mailbox,
    "sending_stalled": _anywhere,
    "campaign_deleted": lambda _, simulator: {"workspace": losing(simulator)},
    "warmup_stopped": _at_a_mailbox,
    "api_down": _everywhere,
    "slow": _with(_anywhere, delay=2),
    "rate_limited": _with(_everywhere, retry_after=1),
    "key_revoked": _anywhere,
    "partial_answer": _anywhere,
    "malformed": _anywhere,
    "bomb": _with(_anywhere, mebibytes=16),
    "redirect": _anywhere,
}


@dataclass(slots=True)
class Keys:
    """The key files of the exporter's accounts: for a while one may hold a key that is not its account's."""

    right: dict[Path, str]
    strange: list[str]
    until: float = 0.0

    def put_right(self) -> None:
        """Write the right key into each file."""
        for path, key in self.right.items():
            path.write_text(key)
        self.until = 0.0

    def swap(self, chance: random.Random, seconds: float) -> None:
        """Have one file hold another account's key, another workspace's, or what is none."""
        path = chance.choice(list(self.right))
        others = [key for key in self.right.values() if key != self.right[path]]
        path.write_text(chance.choice([*others, *self.strange, self.right[path][:6]]))
        self.until = time.monotonic() + seconds


@dataclass(slots=True)
class Troubles:
    """Begins a trouble at random; `begun` counts them."""

    simulator: Simulator
    api: WobblingApi
    keys: Keys
    chance: random.Random
    begun: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Begin one at random; now and then stop all of the simulated API instead."""
        name = self.chance.choice([STOPPED, SWAPPED, *SCENARIOS, *TROUBLES])
        seconds = self.chance.uniform(1, LONGEST_SECONDS)
        self.begun[name] += 1
        if name == STOPPED:
            self.simulator.stop_all()
        elif name == SWAPPED:
            self.keys.swap(self.chance, seconds)
        elif name in TROUBLES:
            self.api.begin(name, seconds)
        else:
            target = SCENARIOS[name](self.chance, self.simulator)
            self.simulator.begin(name, duration=seconds, **target)

    def put_keys_right(self) -> None:
        """Put the keys right if their time has passed."""
        if self.keys.until and time.monotonic() >= self.keys.until:
            self.keys.put_right()

    def end(self) -> None:
        """End all of them."""
        self.simulator.stop_all()
        self.api.until.clear()
        self.keys.put_right()
