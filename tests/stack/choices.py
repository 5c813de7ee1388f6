"""What is chosen in the dashboards' variables and asked for then, and a Prometheus that knows a few lines."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.dashboards import Object
from tests.stack import history
from tests.stack.processes import Processes
from tests.stack.queries import Labels, Queries

END = 1_763_476_200
"""14:30 UTC of a Tuesday, in the middle of the sending day."""


POINTS = 40
STEP_SECONDS = 1800.0
RATE_INTERVAL = "20m"  # four samples of the past


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen in the dashboards' variables; the id says it."""

    id: str
    workspace: str
    values: Mapping[str, str]

    def fill(self, text: str) -> str:
        """Return a text with its variables as Grafana fills them in; one that is not known is a KeyError.

        Provider and tag are All unless they are chosen.
        """
        every = {"provider": ".*", "tag": ".*"}
        known = {**every, "workspace": self.workspace, **self.values, "__rate_interval": RATE_INTERVAL}
        return re.sub(r"\$([a-z_]+)", lambda name: known[name[1]], text)


@contextmanager
def knowing(folder: Path, lines: Iterable[str] = ()) -> Iterator[Queries]:
    """Run a Prometheus that knows these lines of OpenMetrics alone."""
    processes = Processes(folder)
    history.load(processes, (line.encode() for line in lines))
    yield Queries(history.start(processes).url)
    processes.end()


def values_of(queries: Queries, variable: Object, chosen: Choice) -> list[str]:
    """Return the values among which a variable lets one choose, as Grafana finds them."""
    query = chosen.fill(variable["query"]["query"])
    if found := re.fullmatch(r"label_values\((.+), (\w+)\)", query):
        series = queries.series(found[1], END - 86_400, END)
        return sorted({labels[found[2]] for labels in series})
    asked = re.fullmatch(r"query_result\((.+)\)", query)
    assert asked, query
    regex = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    texts = [shown(labels) for labels, _ in queries.instant(asked[1], END)]
    matches = [match for match in map(regex.search, texts) if match]
    assert len(matches) == len(texts)
    return sorted(match["value"] for match in matches)


def shown(labels: Labels) -> str:
    """Return labels as the text of which the variable's expression takes its value."""
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{inside}}} 1 0"


def answer(queries: Queries, target: Object, choice: Choice) -> list[Labels]:
    """Return the labels of the series that a target gets, as its panel asks for them."""
    expr = choice.fill(target["expr"])
    if target.get("instant"):
        return [labels for labels, _ in queries.instant(expr, END)]
    return [labels for labels, _ in queries.span(expr, END - POINTS * STEP_SECONDS, END, STEP_SECONDS)]
