"""Shows workspaces: renders the samples of their own, a few workspaces in each turn of the event loop."""

import asyncio
from collections.abc import Callable
from itertools import islice

from exporter.exposition.store import Store
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.poll import Instant
from exporter.fleet.workspace import Workspace

AT_ONCE = 8
"""Workspaces that are rendered in one turn of the event loop: 2 ms."""


class Showing:
    """Renders what is known of workspaces: a few at once, and soon where many change in one turn."""

    def __init__(self, store: Store, now: Callable[[], Instant]) -> None:
        self._store = store
        self._now = now
        self._shown = 0
        """How many were rendered in this turn."""
        self._due: dict[Workspace, None] = {}

    def show(self, workspace: Workspace) -> None:
        """Render what is known of a workspace and its polls now."""
        self._due.pop(workspace, None)
        workspace.own = render_workspace(workspace, stale=workspace.all_time.is_stale(self._now()))
        own = sum(piece.samples for piece in workspace.own.values())
        workspace.samples = own + sum(part.samples for part in workspace.parts())
        self._store.changed(workspace.label)

    def soon(self, workspace: Workspace) -> None:
        """Render it now or, if this turn has rendered many, in one of the next, however often it changes."""
        if self._shown == 0:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._shown += 1
        if self._shown <= AT_ONCE:
            self.show(workspace)
        else:
            self._due[workspace] = None

    def _begin_turn(self) -> None:
        """Render what an earlier turn has left."""
        some = list(islice(self._due, AT_ONCE))
        self._shown = len(some)
        if some:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        for workspace in some:
            self.show(workspace)
