"""Jobs on a schedule whose clock is set and whose timer is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from hypothesis import given
from hypothesis import strategies as st
from structlog.types import EventDict

from exporter.polling.schedule import Schedule, _Interval
from tests.exporting import FAST, exporting
from tests.scripted_api import ScriptedApi, answered, mailbox
from tests.waiting import until

YEAR = timedelta(days=365)


class WallClock(datetime):
    """A clock that is off by as much as it is set."""

    error = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.error


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[WallClock]]:
    """The clock of the schedule, and of the scheduler below."""
    monkeypatch.setattr("exporter.polling.schedule.datetime", WallClock)
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", WallClock)
    monkeypatch.setattr("apscheduler.executors.base.datetime", WallClock)
    yield WallClock
    WallClock.error = timedelta(0)


@pytest.fixture(autouse=True)
def _fast_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost timer is noticed a third as late as it is in a running exporter."""
    monkeypatch.setattr("exporter.polling.schedule._HEARTBEAT_INTERVAL", timedelta(seconds=0.2))
    monkeypatch.setattr("exporter.polling.schedule.HEARTBEAT_LATE_SECONDS", 1.0)


@pytest.fixture
async def schedule() -> AsyncIterator[Schedule]:
    """A schedule that is started and ended with the test."""
    schedule = Schedule()
    schedule.start()
    yield schedule
    await schedule.stop()


class Job:
    """A job that counts its runs, and notes when they were."""

    def __init__(self) -> None:
        self.at: list[float] = []

    async def __call__(self) -> None:
        self.at.append(time.monotonic())

    async def runs_again(self, times: int = 1) -> None:
        wanted = len(self.at) + times
        await until(lambda: len(self.at) >= wanted)


@pytest.mark.anyio
class TestClock:
    @pytest.mark.parametrize("back", [timedelta(seconds=30), timedelta(hours=1), 10 * YEAR])
    async def test_a_clock_that_is_set_back_keeps_no_job_waiting(
        self, schedule: Schedule, wall_clock: type[WallClock], logged: list[EventDict], back: timedelta
    ) -> None:
        job = Job()
        schedule.every(timedelta(seconds=FAST), job)
        await job.runs_again(2)
        wall_clock.error -= back
        await job.runs_again(3)
        assert schedule.is_turning
        [told] = logged
        assert told["log_level"] == "warning"
        assert abs(told["seconds"] - back.total_seconds()) < 5

    @pytest.mark.parametrize("forward", [timedelta(hours=1), 10 * YEAR])
    async def test_a_clock_that_is_set_forward_makes_up_for_no_run(
        self, schedule: Schedule, wall_clock: type[WallClock], forward: timedelta
    ) -> None:
        """Counting the runs of ten years would take minutes, and as much memory as there is."""
        often, seldom = Job(), Job()
        schedule.every(timedelta(seconds=FAST), often)
        schedule.every(timedelta(minutes=30), seldom)
        await often.runs_again(2)
        wall_clock.error += forward
        await often.runs_again(3)
        await until(lambda: len(seldom.at) == 2)
        await often.runs_again(3)
        assert len(seldom.at) == 2

    async def test_a_clock_that_is_set_to_and_fro_is_followed(
        self, schedule: Schedule, wall_clock: type[WallClock]
    ) -> None:
        job = Job()
        schedule.every(timedelta(seconds=FAST), job)
        for step in (YEAR, -YEAR, -timedelta(hours=1), timedelta(hours=2)):
            await job.runs_again()
            wall_clock.error += step
        await job.runs_again(3)

    async def test_a_clock_that_is_set_back_leaves_jobs_as_far_apart_as_they_were(
        self, schedule: Schedule, wall_clock: type[WallClock], logged: list[EventDict]
    ) -> None:
        job = Job()
        scheduled = schedule.every(timedelta(hours=2), job)
        await until(lambda: job.at)
        wall_clock.error -= timedelta(days=1)
        await until(lambda: logged)
        next_run = schedule._scheduler.get_job(scheduled._id).next_run_time  # noqa: SLF001
        assert timedelta(hours=1.9) < next_run - WallClock.now(UTC) < timedelta(hours=2.3)
        assert len(job.at) == 1

    @pytest.mark.parametrize("step", [-timedelta(hours=1), 10 * YEAR])
    async def test_a_clock_may_be_set_under_a_running_exporter(
        self, wall_clock: type[WallClock], step: timedelta
    ) -> None:
        api = ScriptedApi(default=answered(mailbox("m1", performance={"sent": 100})))
        async with exporting(api, {"name": "acme", "api_key": "sk_canary"}) as running:
            await until(lambda: running.is_up("acme"))
            wall_clock.error += step
            api.default = answered(mailbox("m1", performance={"sent": 107}))
            await until(lambda: running.samples().one("sendkit_mailbox_emails_sent_total") == 7)
            polls = int(running.one("sendkit_polls_total", "acme") or 0)
            await until(lambda: running.is_polled("acme", polls + 3))
            assert running.is_up("acme")
            assert running.exporter.poller.is_turning()

    @given(
        seconds=st.floats(0.05, 1e6),
        previous=st.none() | st.floats(-1e9, 1e9),
    )
    def test_a_clock_never_makes_a_next_run_that_is_past_or_far(
        self, seconds: float, previous: float | None
    ) -> None:
        now = datetime(2025, 1, 1, tzinfo=UTC)
        last = None if previous is None else now + timedelta(seconds=min(previous, 0))
        following = _Interval(timedelta(seconds=seconds)).get_next_fire_time(last, now)
        assert now < following <= now + timedelta(seconds=seconds * 1.1 + 0.001)


@pytest.mark.anyio
class TestTimer:
    async def test_a_timer_that_is_lost_is_set_again(
        self, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when memory ran out in the midst of the scheduler."""
        job = Job()
        schedule.every(timedelta(seconds=FAST), job)
        await job.runs_again()
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

        def fail(_: object) -> None:
            raise MemoryError

        with monkeypatch.context() as patch:
            patch.setattr(AsyncIOScheduler, "_process_jobs", fail)
            await until(lambda: failures)
        runs = len(job.at)
        await job.runs_again(3)
        assert len(job.at) >= runs + 3
        assert schedule.is_turning

    async def test_a_timer_that_stays_lost_is_reported(
        self, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("exporter.polling.schedule.HEARTBEAT_LOST_SECONDS", 0.8)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await until(lambda: schedule.is_turning)

        def fail(_: object) -> None:
            raise MemoryError

        with monkeypatch.context() as patch:
            patch.setattr(AsyncIOScheduler, "_process_jobs", fail)
            await until(lambda: not schedule.is_turning)
        await until(lambda: schedule.is_turning)


@pytest.mark.anyio
class TestJobs:
    async def test_jobs_come_no_more_once_they_are_cancelled(self, schedule: Schedule) -> None:
        job, other = Job(), Job()
        cancelled = schedule.every(timedelta(seconds=FAST), job)
        schedule.every(timedelta(seconds=FAST), other)
        await job.runs_again()
        cancelled.cancel()
        cancelled.cancel()
        cancelled.change(timedelta(seconds=FAST))
        runs = len(job.at)
        await other.runs_again(5)
        assert len(job.at) == runs

    async def test_jobs_come_at_another_interval_once_it_is_changed(self, schedule: Schedule) -> None:
        job = Job()
        scheduled = schedule.every(timedelta(days=1), job)
        await job.runs_again()
        scheduled.change(timedelta(seconds=FAST))
        await job.runs_again(3)

    async def test_jobs_that_are_due_while_they_run_are_reported_and_run_once_at_a_time(
        self, schedule: Schedule
    ) -> None:
        begun, overruns, release = 0, 0, asyncio.Event()

        async def run() -> None:
            nonlocal begun
            begun += 1
            await release.wait()

        def overrun() -> None:
            nonlocal overruns
            overruns += 1

        schedule.every(timedelta(seconds=FAST), run, on_overrun=overrun)
        await until(lambda: overruns >= 3)
        assert begun == 1
        release.set()
        await until(lambda: begun >= 3)

    async def test_jobs_that_fail_come_again_and_are_logged(
        self, schedule: Schedule, logged: list[EventDict]
    ) -> None:
        begun = 0

        async def run() -> None:
            nonlocal begun
            begun += 1
            raise ArithmeticError

        schedule.every(timedelta(seconds=FAST), run)
        await until(lambda: begun >= 2)
        assert {event["event"] for event in logged} == {"a defect of the exporter"}
