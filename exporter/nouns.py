"""Nouns as they follow a count, in what people read."""


def counted(noun: str, count: float | None) -> str:
    """Return a noun as it follows a count: `mailbox` after 1, else `mailboxes`."""
    if count == 1:
        return noun
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}{'es' if noun.endswith('x') else 's'}"


def several(count: float, noun: str) -> str:
    """Return a count with its noun: `1 mailbox`, `10,233 workspaces`."""
    return f"{count:,.0f} {counted(noun, count)}"
