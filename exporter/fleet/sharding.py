"""Which shard polls a workspace: rendezvous hashing, so that a change of the total moves few.

Every shard finds the same owner by itself: the one whose hash together with the workspace is the highest.
One shard more takes an even share from all others, one fewer spreads its share over them; nothing else moves.
"""

import re
from hashlib import blake2b

from exporter.fleet.key import Key

_POD_NAME = re.compile(r"[a-z0-9].*-(\d+)")


def owner(workspace: Key, total: int) -> int:
    """Return the index of the shard, of so many, that polls a workspace."""
    name = f"id {workspace.id}" if workspace.id else f"account {workspace.account}"
    return max(range(total), key=lambda index: blake2b(f"{index} {name}".encode(), digest_size=8).digest())


def index_of(text: str) -> int:
    """Return the index that a number or the name of a StatefulSet's pod, `NAME-3`, stands for.

    Raises `ValueError` for anything else.
    """
    pod = _POD_NAME.fullmatch(text)
    digits = pod[1] if pod else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(
            f"found {text!r}, expected a number from 0 or a pod's name such as sendkit-exporter-3"
        )
    return int(digits)
