"""The simulated world: a fleet, a clock that may run fast, and the scenarios that disturb it and its API."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from math import inf, isfinite
from threading import RLock
from typing import Self

from isal import igzip

from exporter.simulator import fleet, population
from exporter.simulator.analytics import BounceRateUnit, Shape
from exporter.simulator.disturbances import Period
from exporter.simulator.effects import Effects
from exporter.simulator.fleet import Workspace
from exporter.simulator.operations import Operations
from exporter.simulator.profiles import PROFILES
from exporter.simulator.rhythm import DAY_SECONDS
from exporter.simulator.scenarios import Scenario, ScenarioRequest
from exporter.simulator.troubles import SCENARIOS
from exporter.simulator.windows import Window

TICK_SECONDS = 1.0  # of real time: within a tick the same question gets the same bytes
ALL_TIME = Window()
_SHARED_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, plain and compressed."""

    plain: bytes
    gzip: bytes

    @classmethod
    def of(cls, plain: bytes) -> Self:
        """Return the answer with a body, compressed too."""
        return cls(plain, igzip.compress(plain, 1, mtime=0))


class Simulation:
    """A simulated world: the same seed, start and clock give the same answers, byte for byte.

    `speed` is in simulated seconds per real second, by `clock`; the figures of every day reach back
    `history_days` before `start`; `profile` is one of PROFILES. All methods may be called from several
    threads. Raises ValueError for a size, speed or profile that makes no sense.
    """

    def __init__(  # noqa: PLR0913 - the settings of a world
        self,
        mailboxes: int = 200,
        seed: int = 1,
        *,
        speed: float = 1.0,
        workspaces: int = 4,
        profile: str = "mixed",
        bounce_rate_unit: BounceRateUnit = "percent",
        start: datetime | None = None,
        history_days: int = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if mailboxes < 0 or workspaces < 1 or history_days < 0:
            raise ValueError("mailboxes and history_days must be at least 0, and workspaces at least 1")
        if not (isfinite(speed) and speed > 0):
            raise ValueError(f"speed must be a number above 0, not {speed}")
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}")
        start = datetime.now(UTC) if start is None else start.astimezone(UTC)
        self.seed, self.speed, self.start_time, self.profile = seed, speed, start, profile
        self._clock, self._started_at, self._start = clock, clock(), start.timestamp()
        start_day = int(self._start // DAY_SECONDS)
        era = population.Era(start_day - history_days, start_day)
        self.workspaces = population.build(
            mailboxes, max(min(workspaces, mailboxes), 1), seed, era, PROFILES[profile]
        )
        self.platform_key = "sk_user_" + fleet.token(seed, "platform", digits=40)
        self.foreign_workspace_id = fleet.token(seed, "foreign", digits=24)
        self.requests: Counter[tuple[str, str]] = Counter()
        self.whole = Shape(bounce_rate_unit=bounce_rate_unit)
        self._operations = {workspace.id: Operations(workspace, era) for workspace in self.workspaces}
        self._effects = Effects(self.workspaces, self._operations, self.platform_key)
        self._scenarios: list[Scenario] = []
        self._ids = count(1)
        self._lock = RLock()
        self._answers: dict[tuple[str, Window, Shape], Answer] = {}
        self._answers_instant = -inf
        empty = replace(self.whole, share=0.0)
        for operations in self._operations.values():  # so that no first request waits for the history
            operations.analytics.body(self._start, ALL_TIME, empty)

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.start_time + timedelta(seconds=self._elapsed_seconds() * self.speed)

    def answer(self, workspace: Workspace, window: Window = ALL_TIME, shape: Shape | None = None) -> Answer:
        """Return what the analytics endpoint says of a workspace; the whole truth where no shape is given."""
        with self._lock:
            instant = self._instant()
            if instant != self._answers_instant:
                self._answers.clear()
                self._answers_instant = instant
            key = (workspace.id, window, shape or self.whole)
            if key not in self._answers:
                plain = self._operations[workspace.id].analytics.body(instant, window, key[2])
                self._answers[key] = Answer.of(plain)
            return self._answers[key]

    def asked(
        self, workspace: Workspace, question: Callable[[Operations, float, float], dict[str, object]]
    ) -> dict[str, object]:
        """Return what another endpoint says of a workspace: the answer to a question about it.

        A question gets the instant, and an earlier one that many pages share, whose figures are cheap.
        """
        with self._lock:
            instant = self._instant()
            ticks = self._elapsed_seconds() // _SHARED_SECONDS * _SHARED_SECONDS
            shared = self._start + ticks * self.speed
            return question(self._operations[workspace.id], instant, shared)

    def shape(self, workspace: Workspace) -> Shape:
        """Return the form in which the scenarios under way let an answer about a workspace come."""
        shape = self.whole
        for scenario in self.altering(workspace):
            match scenario.name:
                case "partial_answer":
                    shape = replace(shape, share=scenario.number("share"))
                case "unfinished_list":
                    has_more = scenario.text("says") == "has_more"
                    rows = int(scenario.number("rows"))
                    shape = replace(shape, page_rows=rows, page_has_more=has_more)
                case "totals_wobble" if self._is_odd_tick(scenario):
                    shape = _wobbled(shape, scenario)
                case "bounce_rate_as_ratio":
                    shape = replace(shape, bounce_rate_unit="ratio")
                case "older_answer":
                    shape = replace(shape, has_performance=False)
                case "last_day_left_out":
                    shape = replace(shape, bounds="without last day")
                case "whole_days":
                    shape = replace(shape, bounds="whole days")
        return shape

    def start(self, request: ScenarioRequest) -> Scenario:
        """Start a scenario, or have it start after its delay; raises ValueError for an unknown target."""
        with self._lock:
            values = request.values()
            now = self._now()
            begin = now + request.delay_seconds * self.speed
            end = begin + float(values["duration"]) * self.speed if "duration" in values else inf
            period = Period(begin, end)
            workspace_id = self._effects.take(request.name, values, period, now)
            scenario = Scenario(next(self._ids), request.name, values, period, workspace_id)
            self._scenarios.append(scenario)
            self._answers.clear()
            return scenario

    def stop(self, scenario_id: int) -> Scenario:
        """Stop a scenario; raises KeyError when none of that id is active or waiting."""
        with self._lock:
            for scenario in self.scenarios():
                if scenario.id == scenario_id:
                    scenario.period.stop(self._now())
                    self._answers.clear()
                    return scenario
        raise KeyError(scenario_id)

    def scenarios(self) -> list[Scenario]:
        """Return the scenarios that are active or wait for their start."""
        now = self._now()
        return [found for found in self._scenarios if found.period.start < inf and found.period.end > now]

    def altering(self, workspace: Workspace | None) -> Iterator[Scenario]:
        """Yield the scenarios under way that alter an answer, in the order of their starts."""
        return self._under_way("answer", workspace)

    def fault(self, workspace: Workspace | None) -> Scenario | None:
        """Return the fault of the API that a request meets, the latest one if there are several.

        Without a workspace, only faults that concern all of them count.
        """
        faults = [found for found in self._under_way("api", workspace) if found.name != "key_revoked"]
        return faults[-1] if faults else None

    def is_revoked(self, key: str) -> bool:
        """Tell whether a key is revoked now."""
        now = self._now()
        return any(
            scenario.name == "key_revoked" and scenario.values["key"] == key and scenario.period.covers(now)
            for scenario in self._scenarios
        )

    def _under_way(self, level: str, workspace: Workspace | None) -> Iterator[Scenario]:
        reach = {None} if workspace is None else {None, workspace.id}
        now = self._now()
        for scenario in self._scenarios:
            is_of_level = SCENARIOS[scenario.name].level == level
            if is_of_level and scenario.period.covers(now) and scenario.workspace_id in reach:
                yield scenario

    def _is_odd_tick(self, scenario: Scenario) -> bool:
        """Toss a coin for each tick, so that no interval of polls always meets the same side."""
        tick = int(self._elapsed_seconds() // TICK_SECONDS)
        return blake2b(f"{self.seed}:{scenario.id}:{tick}".encode(), digest_size=1).digest()[0] % 2 == 1

    def _elapsed_seconds(self) -> float:
        return self._clock() - self._started_at

    def _now(self) -> float:
        """Return the simulated time in Unix seconds."""
        return self._start + self._elapsed_seconds() * self.speed

    def _instant(self) -> float:
        """Return the instant that answers are about: the last tick, or a scenario's turn after it."""
        elapsed_seconds = self._elapsed_seconds()
        now = self._start + elapsed_seconds * self.speed
        tick = self._start + elapsed_seconds // TICK_SECONDS * TICK_SECONDS * self.speed
        turns = (turn for found in self._scenarios for turn in (found.period.start, found.period.end))
        return max((tick, *(turn for turn in turns if turn <= now)))


def _wobbled(shape: Shape, scenario: Scenario) -> Shape:
    """Return the form of an answer from a replica that knows other totals."""
    match scenario.text("mode"):
        case "behind":
            return replace(shape, behind_seconds=60 * scenario.number("minutes"))
        case "zeros":
            return replace(shape, factor=0.0)
    return replace(shape, factor=scenario.number("share"))
