"""`GET /v1/workspaces`: the workspaces that a key can see."""

from http import HTTPStatus

import msgspec

from exporter.answers.envelope import without_lone_surrogates
from exporter.catalogue.workspace import Reason
from exporter.config import keys
from exporter.sendkit.client import SendKit
from exporter.sendkit.errors import UnusableError
from exporter.sendkit.lane import Lane

PATH = "/v1/workspaces"


class Workspace(msgspec.Struct, frozen=True):
    """A workspace that a key can see (`GET /v1/workspaces`); `name` is the id where there is none."""

    id: str
    name: str


class _WorkspaceItem(msgspec.Struct):
    id: str
    name: str | None = None


class _WorkspacesAnswer(msgspec.Struct):
    success: bool
    data: list[_WorkspaceItem]


async def list_workspaces(client: SendKit, key: str, deadline: float, lane: Lane) -> list[Workspace]:
    """Return the workspaces that a key can see.

    `deadline` is as in `SendKit.get`. Raises `SendKitError`.
    """
    return parse_workspaces(await client.get(PATH, {}, key=key, deadline=deadline, lane=lane))


def parse_workspaces(body: bytes) -> list[Workspace]:
    """Return the workspaces of an answer, each id once; raises UnusableError when there is none."""
    text = without_lone_surrogates(body).decode("utf-8", "replace")  # of names, which are people's
    try:
        answer = msgspec.json.decode(text, type=_WorkspacesAnswer)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnusableError(Reason.MALFORMED, f"no list of workspaces: {error}", HTTPStatus.OK) from None
    if not answer.success:
        raise UnusableError(Reason.MALFORMED, "no list of workspaces: success is not true", HTTPStatus.OK)
    if not all(keys.is_sendable(item.id) for item in answer.data):
        raise UnusableError(Reason.MALFORMED, "no list of workspaces: an id is not plain text", HTTPStatus.OK)
    workspaces: dict[str, Workspace] = {}
    for item in answer.data:
        workspaces.setdefault(item.id, Workspace(item.id, item.name or item.id))
    return list(workspaces.values())
