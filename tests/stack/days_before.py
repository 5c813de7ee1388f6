"""The days before a test starts, in the TSDB of its Prometheus, as scrapes and rules would have left them.

Written is what the rules read of the past: counters for the day before the start and for its hours a week
ago, and every hour of the week between as `bounces.yml` records it.
"""

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path

import msgspec

from exporter.simulator import Simulation

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS
WEEK_SECONDS = 7 * DAY_SECONDS
STEP_SECONDS = HOUR_SECONDS // 4
COUNTED = ("sent", "bounced")
"""The fields of `performance` whose past the rules read at once."""

Counts = dict[str, int]


@dataclass(eq=False)
class Past:
    """The past of a simulated API: the same fleet and figures as a simulator that is started at `start`."""

    start: datetime
    mailboxes: int
    workspaces: int
    _seconds: float = field(default=0.0, init=False)

    @cached_property
    def _simulation(self) -> Simulation:
        self._seconds = 0.0
        return Simulation(
            self.mailboxes,
            workspaces=self.workspaces,
            profile="own_servers",
            start=self.start,
            clock=lambda: self._seconds,
        )

    def performance(self, seconds: float, names: Sequence[str] = ()) -> dict[tuple[str, str, str], Counts]:
        """Return all-time `performance` by workspace, domain and mailbox id, so long after the start.

        The workspaces are called by `names`, in their order, or else as the API calls them.
        """
        workspaces = self._simulation.workspaces
        self._seconds = seconds
        return {
            (name, mailbox["email"].partition("@")[2], mailbox["_id"]): mailbox["performance"]
            for name, workspace in zip(names or [each.name for each in workspaces], workspaces, strict=True)
            for mailbox in msgspec.json.decode(self._simulation.answer(workspace).plain)["data"]
        }

    def counters(self, instance: str, names: Sequence[str], now: float, speed: int) -> Iterator[str]:
        """Yield what was scraped of `instance` until `now` (Unix seconds), at so many times the speed."""
        moments = (
            *range(-WEEK_SECONDS - 3 * HOUR_SECONDS, -WEEK_SECONDS + 6 * HOUR_SECONDS, STEP_SECONDS),
            *range(-DAY_SECONDS - HOUR_SECONDS, 1, STEP_SECONDS),
        )
        target = f'instance="{instance}",job="sendkit-exporter"'
        first = self.performance(moments[0], names)
        for seconds in moments:
            for key, counts in self.performance(seconds, names).items():
                for word in COUNTED:
                    name, rise = f"sendkit_mailbox_emails_{word}_total", counts[word] - first[key][word]
                    yield f"{name}{{{target},{_labels(key)}}} {rise} {now + seconds / speed:.3f}"

    def hours(self, names: Sequence[str], now: float, speed: int) -> Iterator[str]:
        """Yield what was recorded on each full hour of the week until `now`, at so many times the speed.

        At that speed a full hour is one at which the time is a multiple of the shorter hour.
        """
        hour = HOUR_SECONDS / speed
        last = now // hour
        before = self.performance((last - 169) * HOUR_SECONDS - now * speed, names)
        for number in range(int(last) - 168, int(last) + 1):
            after = self.performance(number * HOUR_SECONDS - now * speed, names)
            for key, counts in after.items():
                for word in COUNTED:
                    name, rise = f"mailbox:sendkit_emails_{word}:increase1h", counts[word] - before[key][word]
                    yield f"{name}{{{_labels(key)}}} {rise} {number * hour:.3f}"
            before = after


def _labels(key: tuple[str, str, str]) -> str:
    return 'workspace="{}",domain="{}",mailbox_id="{}"'.format(*key)


def write_blocks(tsdb: Path, samples: Iterable[str]) -> None:
    """Write samples into the blocks of a TSDB that no server has open."""
    text = tsdb.with_suffix(".txt")
    with text.open("w") as file:
        file.writelines(f"{sample}\n" for sample in chain(samples, ["# EOF"]))
    command = ("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(tsdb))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
