"""What a workspace bounced before it was watched, and since: its level until it has a week of its own."""

from dataclasses import dataclass

from exporter.fleet.counters import Totals
from exporter.fleet.limits import FEWEST_EARLIER
from exporter.wilson import lower_bound, upper_bound

Count = tuple[float, float]
"""What bounced, and what was sent."""


@dataclass(frozen=True, slots=True)
class History:
    """The mails that the API counted before the exporter did, and those that the exporter counted."""

    earlier: Count = (0, 0)
    watched: Count = (0, 0)

    @classmethod
    def of(cls, totals: Totals) -> "History":
        """Return the history of a workspace, by its totals, as last seen and as counted."""
        names = ("campaign_bounced", "campaign_sent")
        bounced, sent = (totals.total(name) for name in names)
        # Totals that cannot be are not taken as seen, while the answer has them.
        ever_bounced, ever_sent = (totals.ever(name) for name in names)
        return cls((max(0, ever_bounced - bounced), max(0, ever_sent - sent)), (bounced, sent))

    @property
    def level(self) -> float:
        """Return the ratio that surely bounced before, at most what may bounce since; 0 of too few mails."""
        if self.earlier[1] < FEWEST_EARLIER:
            return 0.0
        since = upper_bound(*self.watched)
        return min(lower_bound(*self.earlier) or 0.0, 1.0 if since is None else since)
