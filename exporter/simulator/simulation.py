"""The simulated world: a fleet, a clock that may run fast, and the scenarios that disturb it and its API."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf, isfinite
from threading import RLock
from typing import Self

from isal import igzip

from exporter.simulator import fleet
from exporter.simulator.analytics import Analytics, Window
from exporter.simulator.fleet import Workspace
from exporter.simulator.ledger import Period
from exporter.simulator.rhythm import DAY_SECONDS
from exporter.simulator.scenarios import SCENARIOS, Scenario, ScenarioRequest, Value

TICK_SECONDS = 1.0  # of real time: within a tick the same question gets the same bytes
ALL_TIME = Window()


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

    `speed` is in simulated seconds per real second, as told by `clock`; the figures reach back
    `history_days` before `start`. All methods may be called from several threads. Raises ValueError for a
    size or speed that makes no sense.
    """

    def __init__(  # noqa: PLR0913 - the settings of a world
        self,
        mailboxes: int = 200,
        seed: int = 1,
        *,
        speed: float = 1.0,
        workspaces: int = 4,
        start: datetime | None = None,
        history_days: int = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if mailboxes < 0 or workspaces < 1 or history_days < 0:
            raise ValueError("mailboxes and history_days must be at least 0, and workspaces at least 1")
        if not (isfinite(speed) and speed > 0):
            raise ValueError(f"speed must be a number above 0, not {speed}")
        start = datetime.now(UTC) if start is None else start.astimezone(UTC)
        self.seed, self.speed, self.start_time = seed, speed, start
        self._clock, self._started_at, self._start = clock, clock(), start.timestamp()
        start_day = int(self._start // DAY_SECONDS)
        first_day = start_day - history_days
        self.workspaces = fleet.build(
            mailboxes, max(min(workspaces, mailboxes), 1), seed, fleet.Era(first_day, start_day)
        )
        self.platform_key = "sk_user_" + fleet.token(seed, "platform", digits=40)
        self.foreign_workspace_id = fleet.token(seed, "foreign", digits=24)
        self.requests: Counter[tuple[str, str]] = Counter()
        self._analytics = {workspace.id: Analytics(workspace, first_day) for workspace in self.workspaces}
        self._scenarios: list[Scenario] = []
        self._ids = count(1)
        self._lock = RLock()
        self._answers: dict[tuple[str, Window, int], Answer] = {}
        self._answers_instant = -inf
        for analytics in self._analytics.values():  # so that no first request waits for the history
            analytics.body(self._start, ALL_TIME, 0)

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.start_time + timedelta(seconds=self._elapsed_seconds() * self.speed)

    def answer(self, workspace: Workspace, window: Window = ALL_TIME, share: float = 1.0) -> Answer:
        """Return what the analytics endpoint says of a workspace, with a share of its mailboxes."""
        mailboxes = round(share * len(workspace.mailboxes))
        with self._lock:
            instant = self._instant()
            if instant != self._answers_instant:
                self._answers.clear()
                self._answers_instant = instant
            key = (workspace.id, window, mailboxes)
            if key not in self._answers:
                plain = self._analytics[workspace.id].body(instant, window, mailboxes)
                self._answers[key] = Answer.of(plain)
            return self._answers[key]

    def start(self, request: ScenarioRequest) -> Scenario:
        """Start a scenario, or have it start after its delay; raises ValueError for an unknown target."""
        with self._lock:
            values = request.values()
            begin = self._now() + request.delay_seconds * self.speed
            end = begin + float(values["duration"]) * self.speed if "duration" in values else inf
            period = Period(begin, end)
            take_effect: Mapping[str, Callable[[dict[str, Value], Period], str | None]] = {
                "bounce_spike": self._spike_bounces,
                "mailbox_suspended": self._suspend_mailbox,
                "sending_stalled": self._stall_sending,
                "campaign_deleted": self._delete_campaigns,
                "warmup_stopped": self._stop_warmup,
                "key_revoked": self._revoke_key,
            }
            workspace_id = take_effect.get(request.name, self._aim)(values, period)
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

    def fault(self, workspace: Workspace | None) -> Scenario | None:
        """Return the fault of the API that a request meets, the latest one if there are several.

        Without a workspace, only faults that concern all of them count.
        """
        reach = {None} if workspace is None else {None, workspace.id}
        now = self._now()
        for scenario in reversed(self._scenarios):
            is_fault = SCENARIOS[scenario.name].level == "api" and scenario.name != "key_revoked"
            if is_fault and scenario.period.covers(now) and scenario.workspace_id in reach:
                return scenario
        return None

    def is_revoked(self, key: str) -> bool:
        """Tell whether a key is revoked now."""
        now = self._now()
        return any(
            scenario.name == "key_revoked" and scenario.values["key"] == key and scenario.period.covers(now)
            for scenario in self._scenarios
        )

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

    def _spike_bounces(self, values: dict[str, Value], period: Period) -> str:
        domain = values.get("domain")
        for workspace in (
            [self._workspace(values)] if "workspace" in values or not domain else self.workspaces
        ):
            domain = domain or next(iter(workspace.domains), None)
            if domain in workspace.domains:
                break
        else:
            raise ValueError(f"no mailbox has the domain {domain!r}")
        within = (index for index, found in enumerate(workspace.mailboxes) if found.domain == domain)
        self._analytics[workspace.id].spike_bounces(period, frozenset(within), float(values["ratio"]))
        values |= {"workspace": workspace.id, "domain": str(domain)}
        return workspace.id

    def _stall_sending(self, values: dict[str, Value], period: Period) -> str:
        workspace = self._workspace(values)
        self._analytics[workspace.id].stall(period)
        values["workspace"] = workspace.id
        return workspace.id

    def _delete_campaigns(self, values: dict[str, Value], period: Period) -> str:
        if "mailbox" in values:
            workspace, index = self._mailbox(values)
            mailboxes = frozenset({index})
        else:
            workspace = self._workspace(values)
            mailboxes = frozenset(range(len(workspace.mailboxes)))
        self._analytics[workspace.id].delete_campaigns(period, mailboxes, float(values["share"]))
        values["workspace"] = workspace.id
        return workspace.id

    def _suspend_mailbox(self, values: dict[str, Value], period: Period) -> str:
        def is_active(workspace: Workspace, index: int) -> bool:
            return self._analytics[workspace.id].statuses(self._now())[index] == "active"

        workspace, index = self._mailbox(values, is_active)
        self._analytics[workspace.id].suspend(period, index)
        return workspace.id

    def _stop_warmup(self, values: dict[str, Value], period: Period) -> str:
        def is_warming_up(workspace: Workspace, index: int) -> bool:
            return self._analytics[workspace.id].warmups(self._now())[index] == (True, "in_progress")

        workspace, index = self._mailbox(values, is_warming_up)
        self._analytics[workspace.id].stop_warmup(period, index)
        return workspace.id

    def _revoke_key(self, values: dict[str, Value], period: Period) -> str | None:  # noqa: ARG002 - as its twins
        if "key" not in values:
            values["key"] = self._workspace(values).key
        if values["key"] == self.platform_key:
            return None
        for workspace in self.workspaces:
            if workspace.key == values["key"]:
                values["workspace"] = workspace.id
                return workspace.id
        raise ValueError("no such key")

    def _aim(self, values: dict[str, Value], period: Period) -> str | None:  # noqa: ARG002 - as its twins
        """Return the one workspace that a fault of the API concerns, or None for all."""
        if "workspace" not in values:
            return None
        values["workspace"] = self._workspace(values).id
        return str(values["workspace"])

    def _workspace(self, values: Mapping[str, Value]) -> Workspace:
        """Return the workspace that is named, or the first."""
        if "workspace" not in values:
            return self.workspaces[0]
        for workspace in self.workspaces:
            if values["workspace"] in (workspace.id, workspace.name):
                return workspace
        raise ValueError(f"no workspace has the id or name {values['workspace']!r}")

    def _mailbox(
        self,
        values: dict[str, Value],
        fits: Callable[[Workspace, int], bool] = lambda _workspace, _index: True,
    ) -> tuple[Workspace, int]:
        """Return the mailbox that is named, or the first that fits; its id then stands in the values."""
        named = values.get("mailbox")
        for workspace in self.workspaces:
            for index, mailbox in enumerate(workspace.mailboxes):
                if named in (mailbox.id, mailbox.email) or (named is None and fits(workspace, index)):
                    values["mailbox"] = mailbox.id
                    return workspace, index
        raise ValueError(
            "no mailbox fits" if named is None else f"no mailbox has the id or address {named!r}"
        )
