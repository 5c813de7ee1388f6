"""Days of a simulated fleet as the status page shows them, by the exporter's own code.

A clock of its own goes on by ten minutes, and then every workspace is polled.
"""

from collections.abc import Iterator
from datetime import datetime

from exporter.config import Thresholds
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Fleet, Workspace
from exporter.page import status as status_page
from exporter.page.mail import Mail
from exporter.polling.reader import Reader
from exporter.polling.watch import Watch
from exporter.sendkit.feeds import analytics
from exporter.simulator import ScenarioRequest, Simulation
from tests.pages import PLAIN

STEP_SECONDS = 600
POLL_INTERVAL_SECONDS = 60.0
POLL_SECONDS = 0.31


class WatchedDays:
    """A fleet from a moment on; time goes on by `polls` alone."""

    def __init__(self, start: datetime, mailboxes: int, workspaces: int) -> None:
        self._now = start.timestamp()
        self._simulation = Simulation(
            mailboxes, workspaces=workspaces, profile="own_servers", start=start, clock=lambda: self._now
        )
        self._fleet = Fleet()
        self._reader, self._watch = Reader(PLAIN), Watch(self._fleet, None)
        for each in self._simulation.workspaces:
            polls = {"all": Poll(analytics.all_time(POLL_INTERVAL_SECONDS), 900.0)}
            key = Key(each.id)
            thresholds = Thresholds().model_dump()
            self._fleet.add(Workspace(key, "agency", each.name, each.name, thresholds, polls))

    def begin(self, scenario: str, **parameters: object) -> None:
        """Let something go wrong from now on."""
        self._simulation.start(ScenarioRequest(scenario, parameters))

    def polls(self, until: datetime) -> Iterator[Mail]:
        """Poll every workspace until a moment, and yield how the mail is after each round."""
        while self._now < until.timestamp():
            self._now += STEP_SECONDS
            now = Instant(self._now, self._now)
            for workspace, simulated in zip(self._fleet, self._simulation.workspaces, strict=True):
                poll = workspace.all_time
                body = self._simulation.answer(simulated).plain
                reading, totals = self._reader.read(workspace, poll, body)
                lately = self._watch.lately(workspace, reading.answer, totals, self._now)
                workspace.totals = totals
                poll.succeeded(reading, now, POLL_SECONDS)
                self._watch.took(workspace, lately)
            yield Mail.of(self._view().workspaces)

    def page(self) -> str:
        """Return the status page as it is now."""
        return status_page.render(self._view(), "127.0.0.1:19587", "0.2.0")

    def page_of(self, workspace: str) -> str:
        """Return the page of a workspace as it is now."""
        view = self._view().of(workspace)
        assert view, workspace
        return status_page.render_workspace(view, "0.2.0")

    def _view(self) -> status_page.View:
        return status_page.look(self._fleet, Instant(self._now + 23, self._now + 23), PLAIN)
