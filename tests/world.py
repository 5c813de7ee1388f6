"""A simulated world for tests, whose clock the test moves."""

import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

from exporter.simulator import ScenarioRequest, Simulation
from exporter.simulator.fleet import Workspace
from exporter.simulator.windows import Window

Mailbox = dict[str, object]
Figures = dict[str, dict[str, int]]

TUESDAY = datetime(2025, 6, 3, 9, tzinfo=UTC)
TUESDAY_NUMBER = TUESDAY.toordinal() - date(1970, 1, 1).toordinal()
NOON = datetime(2025, 6, 3, 12, tzinfo=UTC)
FIRST_DAY = date(2025, 5, 4)
CAMPAIGN = ("sent", "opened", "clicked", "bounced", "replied", "positiveReplied")


SAMPLE = [
    {name: float(value) for name, value in row.items()}
    for row in csv.DictReader(Path(__file__).with_name("fleet_sample.csv").read_text().splitlines())
]
"""52 mailboxes of a real fleet at Google: 47 old ones, and five on their first day."""

MAILBOXES = "/v1/analytics/mailboxes"


def start(api: httpx.Client, name: str, **parameters: object) -> int:
    """Start a scenario and return its id."""
    started = api.post(f"/simulator/scenarios/{name}", json=parameters)
    assert started.status_code == httpx.codes.CREATED
    return int(started.json()["id"])


class World:
    """A simulation whose clock the test moves; a real second is a simulated minute."""

    def __init__(
        self, mailboxes: int = 40, workspaces: int = 2, seed: int = 1, profile: str = "mixed"
    ) -> None:
        self._seconds = 0.0
        self.simulation = Simulation(
            mailboxes,
            seed,
            speed=60,
            workspaces=workspaces,
            profile=profile,
            start=TUESDAY,
            clock=lambda: self._seconds,
        )

    @property
    def workspace(self) -> Workspace:
        """The first workspace."""
        return self.simulation.workspaces[0]

    def pass_time(self, **time: float) -> None:
        """Let simulated time pass."""
        self._seconds += timedelta(**time) / timedelta(minutes=1)

    def start(self, name: str, **parameters: object) -> int:
        """Start a scenario and return its id."""
        return self.simulation.start(ScenarioRequest(name, parameters)).id

    def mailboxes(self, *days: date | None, workspace: Workspace | None = None) -> dict[str, Mailbox]:
        """Return the answer about a workspace, the first by default, by mailbox."""
        answer = self.simulation.answer(workspace or self.workspace, Window.of_days(*days))
        return {mailbox["_id"]: mailbox for mailbox in json.loads(answer.plain)["data"]}

    def shaped(self) -> list[Mailbox]:
        """Return the mailboxes of the first workspace as the scenarios under way let them be seen."""
        answer = self.simulation.answer(self.workspace, shape=self.simulation.shape(self.workspace))
        mailboxes: list[Mailbox] = json.loads(answer.plain)["data"]
        return mailboxes

    def first_domain(self) -> set[str]:
        """Return the mailboxes of the first domain of the first workspace."""
        domain = self.workspace.domains[0]
        return {mailbox.id for mailbox in self.workspace.mailboxes if mailbox.domain.name == domain}

    def first_domain_figures(self) -> Counter[str]:
        """Return the sums of the campaign figures of the first domain of the first workspace."""
        performance = self.performance()
        return summed({name: performance[name] for name in self.first_domain()})

    def window(self, window: Window) -> Figures:
        """Return the campaign figures of the first workspace within a window, by mailbox."""
        answer = json.loads(self.simulation.answer(self.workspace, window).plain)
        return {mailbox["_id"]: figures_of(mailbox) for mailbox in answer["data"]}

    def performance(self, *days: date | None, workspace: Workspace | None = None) -> Figures:
        """Return the campaign figures of a workspace, the first by default, by mailbox."""
        return {
            name: figures_of(mailbox) for name, mailbox in self.mailboxes(*days, workspace=workspace).items()
        }


def figures_of(mailbox: Mailbox) -> dict[str, int]:
    figures = mailbox["performance"]
    assert isinstance(figures, dict)
    return figures


def number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


def summed(figures: Figures) -> Counter[str]:
    total: Counter[str] = Counter()
    for of_one in figures.values():
        total.update(of_one)
    return total


def never_falls(earlier: Figures, later: Figures) -> bool:
    return all(later[name][kind] >= figures[kind] for name, figures in earlier.items() for kind in figures)


def days_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(number)]
