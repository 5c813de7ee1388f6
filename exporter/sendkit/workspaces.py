"""`GET /v1/workspaces`: the workspaces that a key can see."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

import msgspec
import structlog
from msgspec import Raw

from exporter.answers.blocks import read_blocks
from exporter.answers.envelope import Body, MalformedAnswerError, opened, without_lone_surrogates
from exporter.answers.strict import LONGEST_TEXT
from exporter.answers.tolerant import loads
from exporter.catalogue.workspace import Reason
from exporter.config import keys
from exporter.nouns import several
from exporter.sendkit.client import SendKit
from exporter.sendkit.errors import UnusableError
from exporter.sendkit.lane import Lane

PATH = "/v1/workspaces"
MAY_NOT_LIST = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""Such an answer to a workspace key says nothing of its figures."""

MOST_BYTES = 32 * 2**20
MOST_WORKSPACES = 100_000

_JUDGED_ITEMS = 1000
_items = msgspec.json.Decoder(list[Raw])

_log = structlog.get_logger(__name__)


class ListedWorkspace(msgspec.Struct, frozen=True):
    """A workspace that a key can see (`GET /v1/workspaces`); `name` is the id where there is none."""

    id: str
    name: str


async def list_workspaces(client: SendKit, key: str, deadline: float, lane: Lane) -> list[ListedWorkspace]:
    """Return the workspaces that a key can see.

    `deadline` is as in `SendKit.get`. Raises `SendKitError`.
    """
    with client.share(lane) as share:
        body = await client.get(PATH, {}, key=key, deadline=deadline, lane=lane, share=share)
        return await asyncio.to_thread(parse_workspaces, body)


def parse_workspaces(body: Body) -> list[ListedWorkspace]:
    """Return the workspaces of an answer, each id once; raises UnusableError when there is none.

    An item without an id that can be used is left out, and their number is written to the log. A large list
    takes a while: fit for a thread.
    """
    if len(body) > MOST_BYTES:
        raise UnusableError(
            Reason.TOO_LARGE, f"the list of workspaces is larger than {MOST_BYTES} bytes", HTTPStatus.OK
        )
    # Names are people's: what is no text in them costs no workspace.
    text = without_lone_surrogates(body).decode("utf-8", "replace").encode()
    listed = _Listed()
    try:
        envelope = opened(text, "data")
        read_blocks(envelope.items, lambda block: listed.add(_items.decode(block)), listed.add_one)
        listed.check(ended=True)
        if envelope.has_more:
            envelope.check_whole(listed.count)
    except MalformedAnswerError as error:
        raise UnusableError(Reason.MALFORMED, f"no list of workspaces: {error}", HTTPStatus.OK) from None
    if listed.odd:
        _log.warning("workspaces without an id that can be used are left out", count=listed.odd)
    return list(listed.workspaces.values())


class _Listed:
    """The workspaces of a list while it is read."""

    def __init__(self) -> None:
        self.workspaces: dict[str, ListedWorkspace] = {}
        self.count = self.odd = 0

    def add(self, items: Iterable[Raw]) -> None:
        """Add the items of a block."""
        for item in items:
            self.add_one(item)

    def add_one(self, raw: Raw | bytes) -> None:
        """Add an item, if it has an id that can be used."""
        item = loads(raw)
        workspace_id = item.get("id")
        self.count += 1
        if isinstance(workspace_id, str) and _is_id(workspace_id):
            name = _name(item.get("name")) or workspace_id
            self.workspaces.setdefault(workspace_id, ListedWorkspace(workspace_id, name))
        else:
            self.odd += 1
        self.check()

    def check(self, *, ended: bool = False) -> None:
        """Raise `MalformedAnswerError` if most items so far are no workspaces, or there are too many."""
        if self.odd * 2 > self.count and (ended or self.count > _JUDGED_ITEMS):
            raise MalformedAnswerError(
                f"no id that can be used in {self.odd} of {several(self.count, 'item')}"
            )
        if len(self.workspaces) > MOST_WORKSPACES:
            raise MalformedAnswerError(f"more than {MOST_WORKSPACES} workspaces")


def _is_id(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and keys.is_sendable(text)


def _name(name: object) -> str:
    """Return a name as it can be shown everywhere: without control characters, "" for none."""
    if isinstance(name, float) and name.is_integer():
        name = str(int(name))
    text = str(name) if isinstance(name, str | float) else ""
    text = "".join(character if character.isprintable() else " " for character in text).strip()
    return text if len(text) <= LONGEST_TEXT else ""
