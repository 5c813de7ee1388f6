"""What a workspace is known by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a workspace is known by: its id or, until that is known, the account that stands for it."""

    id: str = ""
    account: str = ""
