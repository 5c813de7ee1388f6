"""What state keeps of the whole fleet: its incidents, and whom the lists of accounts are without."""

from collections.abc import Callable

import msgspec

from exporter.fleet.incidents import Incident, Incidents
from exporter.fleet.key import Key
from exporter.fleet.listing import Listing
from exporter.fleet.poll import Instant
from exporter.fleet.state import StateDirectory
from exporter.fleet.workspace import Fleet

_INCIDENTS, _LISTINGS = "incidents", "listings"


class SavedListing(msgspec.Struct):
    """What is saved of an account's `Listing`; workspaces by their ids, times in Unix seconds."""

    most: int
    absent: dict[str, float]


def saving(fleet: Fleet, state: StateDirectory, now: Instant) -> Callable[[], bool]:
    """Return what saves it as it is now, and returns whether that succeeded: fit for a thread."""
    incidents = list(fleet.incidents)
    listings = {account: _saved(listing, now) for account, listing in fleet.listings.items()}

    def save() -> bool:
        return state.keep(_INCIDENTS, incidents) and state.keep(_LISTINGS, listings)

    return save


def restore(fleet: Fleet, state: StateDirectory, now: Instant) -> None:
    """Take in what was saved."""
    fleet.incidents = Incidents(state.kept(_INCIDENTS, list[Incident]) or ())
    saved = state.kept(_LISTINGS, dict[str, SavedListing]) or {}
    fleet.listings = {account: _restored(listing, now) for account, listing in saved.items()}


def _saved(listing: Listing, now: Instant) -> SavedListing:
    absent = {key.id: now.unix - (now.steady - since) for key, since in listing.absent.items()}
    return SavedListing(listing.most, absent)


def _restored(listing: SavedListing, now: Instant) -> Listing:
    """Return it without names; if the wall clock was set back since, who is missing is so since now."""
    absent = {Key(id_): now.steady - max(0.0, now.unix - since) for id_, since in listing.absent.items()}
    return Listing(absent=absent, most=listing.most)
