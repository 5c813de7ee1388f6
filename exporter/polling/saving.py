"""What polls bring, saved before anything of it is shown; all of it is fit for a thread."""

import time

from exporter.answers.answer import Answer
from exporter.fleet.counters import Totals
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.saved import Saved
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Workspace


class Saving:
    """Saves answers and counters of workspaces, if there is a state to save them in."""

    def __init__(self, state: StateDirectory | None) -> None:
        self._state = state

    def took(self, workspace: Workspace, poll: Poll, reading: Reading, totals: Totals) -> None:
        """Save the reading of a poll, by its time alone if it is the last one."""
        if self._state is None:
            return
        now = time.time()
        if reading is poll.reading and self._state.touch(workspace.key, poll.feed.name, now):
            return
        counted = Totals() if poll.feed.joins else totals
        saved = Saved.of(workspace, poll.feed.name, reading.answer, counted, time.monotonic())
        self._state.save(saved, now)
        if workspace.former and not poll.feed.joins:
            for name in workspace.polls:
                self._state.forget(workspace.former, name)
            workspace.former = None

    def left(self, workspace: Workspace) -> None:
        """Save the counters of a workspace that left, and nothing else of it."""
        if self._state is None:
            return
        for poll in workspace.polls.values():
            if poll.feed.joins or not workspace.key.id:
                self.forget(workspace, poll)
            else:
                answer = Answer(workspace.totals.ids)
                saved = Saved.of(workspace, poll.feed.name, answer, workspace.totals, time.monotonic())
                saved.left = True
                self._state.save(saved, time.time())

    def forget(self, workspace: Workspace, poll: Poll) -> None:
        """Remove what was saved of a poll."""
        if self._state:
            self._state.forget(workspace.key, poll.feed.name)
