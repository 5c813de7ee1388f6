"""An account while it is polled."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from exporter.catalogue.kinds import Feed
from exporter.config import AccountConfig, KeyUnavailable
from exporter.fleet.key import Key
from exporter.fleet.listing import Listing
from exporter.polling.schedule import Job
from exporter.sendkit.client import is_platform_key
from exporter.sendkit.lane import Lane


@dataclass(slots=True, eq=False)
class Account:
    """An account of the configuration; accounts are in its `order`, from 0."""

    config: AccountConfig
    order: int
    lane: Lane
    feeds: tuple[Feed, ...]
    """What is asked of each of its workspaces."""
    listing: Listing = field(default_factory=Listing)
    """Its workspaces, those that other shards poll included."""
    workspaces: dict[Key, str] = field(default_factory=dict)
    """The names of those that are polled here by key; a stand-in for them until they are found."""
    elsewhere: AbstractSet[Key] = frozenset()
    """Those of its workspaces that other shards poll."""
    is_listed: bool = False
    """Whether its workspaces were ever listed."""
    is_platform: bool | None = None
    """Whether the key that listed them sees several workspaces."""
    own_id: str = ""
    """The id of a workspace key's workspace."""
    verified: str = ""
    """The workspace key whose workspace that is."""
    error: str = ""
    """Why the last look for them failed."""
    empty: str = ""
    """Why none is polled, although the last look succeeded."""
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
    def known(self) -> Key | None:
        """Return one of its workspaces that was found, if there is one."""
        return next((key for key in self.workspaces if key.id), None)

    @property
    def is_known(self) -> bool:
        """Whether one of its workspaces was found."""
        return self.known is not None

    def notices(self) -> Iterator[str]:
        """Yield what the fleet cannot show of it."""
        if self.error and self.is_known:
            yield f"The workspaces of {self.name} cannot be listed: {self.error}"
        if doubt := self.listing.doubt:
            yield f"The list of workspaces of {self.name} is odd, so none is taken away: {doubt}"
        if self.empty:
            yield f"Nothing of {self.name} is polled: {self.empty}"

    def trust_anew(self) -> None:
        """Take whatever key there is now as the account's: the configuration was loaded anew."""
        self.is_platform, self.own_id, self.verified = None, "", ""

    async def current_key(self, environ: Mapping[str, str]) -> str:
        """Return the API key as it is now.

        Raises `KeyUnavailable`, also for one of another kind than before: it sees other workspaces.
        """
        key = await self.config.current_key(environ)
        if self.is_platform is not None and is_platform_key(key) is not self.is_platform:
            kinds = {True: "a platform key (sk_user_...)", False: "a workspace key"}
            raise KeyUnavailable(
                f"the key of account {self.name}: found {kinds[not self.is_platform]}, "
                f"expected {kinds[self.is_platform]} as before; a reload takes another kind"
            )
        return key
