"""`GET /v1/workspaces`: the workspaces that a key can see."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from msgspec import Raw

from exporter.answers.envelope import PAGE, Body, is_page, without_lone_surrogates
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

_log = structlog.get_logger(__name__)


class ListedWorkspace(msgspec.Struct, frozen=True):
    """A workspace that a key can see (`GET /v1/workspaces`); `name` is the id where there is none."""

    id: str
    name: str


class _Answer(msgspec.Struct):
    success: bool
    data: list[Raw]
    pagination: Any = None


async def list_workspaces(client: SendKit, key: str, deadline: float, lane: Lane) -> list[ListedWorkspace]:
    """Return the workspaces that a key can see.

    `deadline` is as in `SendKit.get`. Raises `SendKitError`.
    """
    with client.share(lane) as share:
        return parse_workspaces(
            await client.get(PATH, {}, key=key, deadline=deadline, lane=lane, share=share)
        )


def parse_workspaces(body: Body) -> list[ListedWorkspace]:
    """Return the workspaces of an answer, each id once; raises UnusableError when there is none.

    An item without an id that can be used is left out, and their number is written to the log.
    """
    text = without_lone_surrogates(body).decode("utf-8", "replace")  # of names, which are people's
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _unusable(f"found {PAGE}" if is_page(body) else f"{error}") from None
    if not answer.success:
        raise _unusable("success is not true")
    if isinstance(answer.pagination, dict) and answer.pagination.get("hasMore") is True:
        raise _unusable(f"it is not whole: {several(len(answer.data), 'item')}, pagination.hasMore is true")
    workspaces: dict[str, ListedWorkspace] = {}
    odd = 0
    for raw in answer.data:
        item = loads(raw)
        workspace_id = item.get("id")
        if not isinstance(workspace_id, str) or not _is_id(workspace_id):
            odd += 1
            continue
        workspaces.setdefault(
            workspace_id, ListedWorkspace(workspace_id, _name(item.get("name")) or workspace_id)
        )
    if odd * 2 > len(answer.data):
        raise _unusable(f"no id that can be used in {odd} of {several(len(answer.data), 'item')}")
    if odd:
        _log.warning("workspaces without an id that can be used are left out", count=odd)
    return list(workspaces.values())


def _is_id(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and keys.is_sendable(text)


def _name(name: object) -> str:
    """Return a name as it can be shown everywhere: without control characters, "" for none."""
    if isinstance(name, float) and name.is_integer():
        name = str(int(name))
    text = str(name) if isinstance(name, str | float) else ""
    text = "".join(character if character.isprintable() else " " for character in text).strip()
    return text if len(text) <= LONGEST_TEXT else ""


def _unusable(why: str) -> UnusableError:
    return UnusableError(Reason.MALFORMED, f"no list of workspaces: {why}", HTTPStatus.OK)
