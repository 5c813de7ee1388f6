"""An exporter in the test's own process, over any API, fast enough to wait for."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from exporter.catalogue.kinds import Feed
from exporter.config import Config
from exporter.exporter import Exporter
from exporter.textformat.lines import END, Format
from tests.collectors import OFF
from tests.samples import Samples
from tests.scripted_api import ScriptedApi
from tests.simulated_api import SimulatedApi
from tests.waiting import until

FAST = 0.1


@dataclass(slots=True)
class Exporting:
    """A running exporter; `settings` are its configuration, read again at a reload."""

    settings: dict[str, Any]
    environ: dict[str, str] = field(default_factory=dict)
    calendar: Callable[[tzinfo], datetime] = datetime.now
    more: Sequence[Feed] = ()
    exporter: Exporter = field(init=False)
    _scraped: tuple[str, Samples] = ("", Samples(""))

    def __post_init__(self) -> None:
        self.exporter = Exporter(
            lambda: Config.model_validate(self.settings), self.environ, self.calendar, self.more
        )

    def samples(self) -> Samples:
        """Return what a scrape gets of workspaces and mailboxes, parsed when it has changed."""
        body = self.exporter.store.body(Format.OPENMETRICS).ended(END[Format.OPENMETRICS])
        text = b"".join(body.plain).decode()
        if text != self._scraped[0]:
            self._scraped = (text, Samples(text))
        return self._scraped[1]

    def own_samples(self) -> Samples:
        """Return the exporter's own metrics."""
        text = self.exporter.telemetry.text(Format.OPENMETRICS, process=False)
        return Samples((text + END[Format.OPENMETRICS]).decode())

    def one(self, name: str, workspace: str, **labels: str) -> float | None:
        """Return a workspace's one sample of a name, of the all-time polls unless a window is named."""
        labels = {"window": "all"} | labels if name.startswith(PER_POLL) else labels
        return self.samples().one(name, workspace=workspace, **labels)

    def is_polled(self, workspace: str, times: int = 1) -> bool:
        """Whether a workspace's all-time figures were polled so often."""
        return (self.one("sendkit_polls_total", workspace) or 0) >= times

    def is_up(self, workspace: str) -> bool:
        """Whether a workspace's last all-time poll succeeded."""
        return self.one("sendkit_up", workspace) == 1

    def failures(self, workspace: str = "acme", reason: str = "auth") -> float:
        """Return how many of a workspace's all-time polls failed for this reason."""
        return self.one("sendkit_poll_failures_total", workspace, reason=reason) or 0

    def labels(self) -> set[str]:
        """Return the workspaces' labels."""
        return self.samples().values_of("workspace", "sendkit_workspace_info")

    def unready_reason(self) -> str:
        """Return why the exporter is not ready, "" when it is."""
        return self.exporter.unready_reason()


PER_POLL = ("sendkit_up", "sendkit_poll", "sendkit_last_")


def settings(url: str, *accounts: Mapping[str, Any], **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    """Return a configuration of fast polls; sections such as `api` are merged into it."""
    base: dict[str, Any] = {
        "api": {"base_url": url, "timeout": 2, "max_attempts": 1},
        "poll": {"interval": FAST, "stale_after": 60},
        "windows": [],
        "collectors": OFF,
        "accounts": [
            {"workspaces": {"refresh": FAST}, **account} if "workspaces" not in account else account
            for account in accounts
        ],
    }
    for name, section in sections.items():
        base[name] = base[name] | section if isinstance(base.get(name), dict) else section
    return base


@asynccontextmanager
async def exporting(
    api: ScriptedApi | SimulatedApi,
    /,
    *accounts: Mapping[str, Any],
    environ: dict[str, str] | None = None,
    calendar: Callable[[tzinfo], datetime] = datetime.now,
    more: Sequence[Feed] = (),
    **sections: Any,  # noqa: ANN401 - as in YAML
) -> AsyncIterator[Exporting]:
    """Serve an API, and poll these accounts at it, by `settings`, while the context lasts."""
    async with api:
        running = Exporting(settings(api.url, *accounts, **sections), environ or {}, calendar, more)
        await running.exporter.poller.start()
        try:
            yield running
        finally:
            await running.exporter.stop()


def account_of(running: Exporting, workspace: str) -> set[str]:
    """Return the account that a scrape shows for a workspace."""
    infos = running.samples().all_of("sendkit_workspace_info", workspace=workspace)
    return {value for labels in infos for key, value in labels if key == "account"}


async def polled_by_another_key_alone(
    running: Exporting, api: ScriptedApi, workspace: str, workspace_id: str, key: str
) -> None:
    """Wait until a workspace is polled on and on, and assert that the key is no longer used for it."""

    async def polls_of(times: int) -> int:
        polls = int(running.one("sendkit_polls_total", workspace) or 0)
        await until(lambda: running.is_polled(workspace, polls + times))
        return len([request for request in api.asked(workspace_id) if request.key == key])

    asked = await polls_of(2)  # one with the key may have been under way
    assert await polls_of(4) == asked
