"""What collectors bring of a simulated API, at any moment of its past."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx

from exporter.answers.envelope import Body
from exporter.config import CollectorsConfig
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Workspace
from exporter.polling.reader import Reader
from exporter.sendkit.feeds import COLLECTORS
from exporter.sendkit.paging import whole_answer
from exporter.simulator import Simulation, create_app

MOST_BYTES = 1 << 24
STALE_AFTER_SECONDS = 2 * 86_400.0


class Collected:
    """The collectors over the application of a simulation, in the test's own process."""

    def __init__(self, simulation: Simulation, reader: Reader) -> None:
        self._keys = {workspace.id: workspace.key for workspace in simulation.workspaces}
        self._transport = httpx.ASGITransport(create_app(simulation))
        self._reader = reader

    @staticmethod
    def polls() -> Iterator[Poll]:
        """Yield a poll of each collector."""
        config = CollectorsConfig.model_validate({"tests": {"enabled": True}})
        for collector in COLLECTORS:
            if feed := collector(config):
                yield Poll(feed, STALE_AFTER_SECONDS)

    def refresh(self, workspace: Workspace, moment: Instant) -> None:
        """Ask every collector of a workspace, and take in what it brings."""
        asyncio.run(self._refresh(workspace, moment))

    async def _refresh(self, workspace: Workspace, moment: Instant) -> None:
        headers = {"X-Api-Key": self._keys[workspace.key.id]}
        today = datetime.fromtimestamp(moment.unix, UTC).date()
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://simulated", headers=headers
        ) as client:

            async def get(path: str, parameters: Mapping[str, str]) -> Body:
                return (await client.get(path, params=dict(parameters))).raise_for_status().content

            for poll in workspace.polls.values():
                if poll.feed.is_collector:
                    body, _ = await whole_answer(poll.feed, today, get, MOST_BYTES)
                    reading, _ = self._reader.read(workspace, poll, body)
                    poll.succeeded(reading, moment, 0.1)
