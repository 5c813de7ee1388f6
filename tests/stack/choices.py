"""What is chosen in the dashboards' variables, and a Prometheus that knows a few lines."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stack import history
from tests.stack.processes import Processes
from tests.stack.queries import Queries

END = 1_763_476_200
"""14:30 UTC of a Tuesday, in the middle of the sending day."""


RATE_INTERVAL = "20m"  # four samples of the past


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen in the dashboards' variables; the id says it."""

    id: str
    workspace: str
    values: Mapping[str, str]

    def fill(self, text: str) -> str:
        """Return a text with its variables as Grafana fills them in; one that is not known is a KeyError."""
        known = {"workspace": self.workspace, **self.values, "__rate_interval": RATE_INTERVAL}
        return re.sub(r"\$([a-z_]+)", lambda name: known[name[1]], text)


@contextmanager
def knowing(folder: Path, lines: Iterable[str] = ()) -> Iterator[Queries]:
    """Run a Prometheus that knows these lines of OpenMetrics alone."""
    processes = Processes(folder)
    history.load(processes, (line.encode() for line in lines))
    yield Queries(history.start(processes).url)
    processes.end()
