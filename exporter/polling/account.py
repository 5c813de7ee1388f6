"""An account while it is polled."""

from dataclasses import dataclass, field

from exporter.catalogue.kinds import Feed
from exporter.config import AccountConfig
from exporter.fleet.workspace import Key
from exporter.polling.schedule import Job
from exporter.sendkit.lane import Lane


@dataclass(slots=True, eq=False)
class Account:
    """An account of the configuration; accounts are in its `order`, from 0."""

    config: AccountConfig
    order: int
    lane: Lane
    feeds: tuple[Feed, ...]
    """What is asked of each of its workspaces."""
    workspaces: dict[Key, str] = field(default_factory=dict)
    """The names of its workspaces by key; a stand-in for them until they are found."""
    elsewhere: dict[Key, str] | None = None
    """The names of those that other shards poll; `None` until they were looked for."""
    error: str = ""
    """Why the last look for them failed."""
    job: Job | None = None
    """What looks for them."""

    @property
    def name(self) -> str:
        """Return its name in the configuration."""
        return self.config.name

    @property
    def stand_in(self) -> Key:
        """Return the key of what is shown in place of its workspaces while these are unknown."""
        return Key(account=self.name)

    @property
    def is_known(self) -> bool:
        """Whether one of its workspaces was found."""
        return any(key.id for key in self.workspaces)
