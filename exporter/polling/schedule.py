"""Jobs at intervals, which come whether the wall clock is set or the scheduler loses its timer."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.vital import vital

LARGEST_JITTER_SECONDS = 5.0
HEARTBEAT_LOST_SECONDS = 15.0
HEARTBEAT_LATE_SECONDS = 3.0
SOON_SECONDS = 60.0
"""A job that is wanted soon comes at most so often."""
ENDED_AT_ONCE = 20
"""Jobs that are ended in one turn of the event loop."""

_HEARTBEAT = "heartbeat"
_HEARTBEAT_INTERVAL = timedelta(seconds=1)

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


def _ignore() -> None:
    pass


class Job:
    """A job of a schedule."""

    def __init__(self, scheduler: AsyncIOScheduler, job_id: str) -> None:
        self._scheduler = scheduler
        self._id = job_id
        self._clock = time.monotonic
        self._hurried = -SOON_SECONDS

    def cancel(self) -> None:
        """End the job: it comes no more."""
        if self._scheduler.get_job(self._id):
            self._scheduler.remove_job(self._id)

    def due_seconds(self) -> float | None:
        """Return the seconds until the job comes next; `None` where it does not."""
        job = self._scheduler.get_job(self._id)
        return None if job is None else (job.next_run_time - datetime.now(UTC)).total_seconds()

    def soon(self, seconds: float = 0.0) -> None:
        """Have the job come in so many seconds, or `SOON_SECONDS` after the last time that it was hurried."""
        job, now = self._scheduler.get_job(self._id), self._clock()
        seconds = max(seconds, self._hurried + SOON_SECONDS - now)
        wanted = datetime.now(UTC) + timedelta(seconds=seconds)
        if job and wanted < job.next_run_time:
            self._hurried = now + seconds
            job.modify(next_run_time=wanted)

    def change(self, interval: timedelta) -> None:
        """Have the job come at another interval from now on; one that has ended stays so."""
        if self._scheduler.get_job(self._id):
            self._scheduler.reschedule_job(self._id, trigger=_Interval(interval))


class Schedule:
    """Jobs at intervals, none of which runs twice at a time."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            # However late it is, a job that is due runs, once.
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )

        def overrun(event: JobEvent) -> None:
            job = self._scheduler.get_job(event.job_id)
            if job:
                job.kwargs["on_overrun"]()

        self._scheduler.add_listener(overrun, EVENT_JOB_MAX_INSTANCES)
        self._heartbeat = time.monotonic()
        self._watch: asyncio.Task[None] | None = None
        self.is_running = False
        """Whether it was started, and neither paused nor stopped since."""
        self._running: set[asyncio.Task[None]] = set()
        self._add(_HEARTBEAT_INTERVAL, self._beat, _ignore, _HEARTBEAT)

    def start(self) -> None:
        """Begin to run what is due."""
        self._scheduler.start()
        self.is_running = True
        self._watch = vital(self._watch_heartbeat(), "the watch over the schedule")

    def pause(self) -> None:
        """Start no more jobs; those that run go on."""
        self.is_running = False
        if self._watch:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.pause()

    async def stop(self) -> None:
        """End all jobs, wherever they are, a few in each turn of the event loop."""
        self.is_running = False
        if self._watch:
            self._watch.cancel()
        for number, task in enumerate(list(self._running), start=1):
            task.cancel()
            if number % ENDED_AT_ONCE == 0:
                await asyncio.sleep(0)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # jobs are ended in the loop's next turn

    @property
    def is_turning(self) -> bool:
        """Whether what is due is still run."""
        return time.monotonic() - self._heartbeat < HEARTBEAT_LOST_SECONDS

    def every(
        self,
        interval: timedelta,
        run: Callable[[], Awaitable[None]],
        on_overrun: Callable[[], None] = _ignore,
        first_seconds: float = 0.0,
    ) -> Job:
        """Schedule a job: in so many seconds, then at the interval, spread by jitter.

        `on_overrun` is called when the job is due while it still runs.
        """
        return self._add(interval, run, on_overrun, None, first_seconds)

    def _add(
        self,
        interval: timedelta,
        run: Callable[[], Awaitable[None]],
        on_overrun: Callable[[], None],
        job_id: str | None,
        first_seconds: float = 0.0,
    ) -> Job:
        job = self._scheduler.add_job(
            self._run,
            _Interval(interval),
            kwargs={"run": run, "on_overrun": on_overrun},
            id=job_id,
            next_run_time=datetime.now(UTC) + timedelta(seconds=first_seconds),
        )
        return Job(self._scheduler, job.id)

    async def _run(self, run: Callable[[], Awaitable[None]], on_overrun: Callable[[], None]) -> None:  # noqa: ARG002
        """Run a job; `on_overrun` is kept with the job, for the one that comes too soon."""
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        try:
            await guarded(run)
        except asyncio.CancelledError:  # by `stop` alone; APScheduler would format its traceback
            pass
        finally:
            self._running.discard(task)

    async def _beat(self) -> None:
        """Show that the scheduler turns."""
        self._heartbeat = time.monotonic()

    async def _watch_heartbeat(self) -> None:
        """Set the schedule right whenever it has stopped."""
        while True:
            await asyncio.sleep(_HEARTBEAT_INTERVAL.total_seconds())
            if time.monotonic() - self._heartbeat > HEARTBEAT_LATE_SECONDS:
                await guarded(self._set_right)

    async def _set_right(self) -> None:
        """Take a clock that was set back out of the jobs' times, and wake the scheduler.

        The scheduler goes by the wall clock, this by the loop's. A heartbeat that is late and yet lies ahead
        shows by how much the clock was set.
        """
        heartbeat = self._scheduler.get_job(_HEARTBEAT)
        ahead = heartbeat.next_run_time - datetime.now(UTC)
        if ahead > timedelta(0):
            _log.warning("the clock was set back, polls go on", seconds=round(ahead.total_seconds()))
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=job.next_run_time - ahead)
        self._scheduler.wakeup()


class _Interval(BaseTrigger):  # type: ignore[misc] # ships no types
    """An interval from run to run, spread by jitter.

    What a clock that was set forward skips is skipped: APScheduler's own trigger counts each run of it.
    """

    def __init__(self, interval: timedelta) -> None:
        self._seconds = interval.total_seconds()
        self._jitter_seconds = min(LARGEST_JITTER_SECONDS, self._seconds / 10)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when to run next, always after now; the name and the arguments are APScheduler's."""
        seconds = self._seconds + random.uniform(0, self._jitter_seconds)  # noqa: S311 - no secret
        pause = timedelta(seconds=seconds)
        following = (previous_fire_time or now) + pause
        return following if following > now else now + pause


class Spread:
    """When first runs come: a few at once, so that a small fleet shows soon, the rest evenly over a while."""

    def __init__(self, at_once: int = 8) -> None:
        self._at_once = at_once
        self._count = 0

    def delay_seconds(self, seconds: float) -> float:
        """Return when the next one of many comes, within so many seconds."""
        place = self._count - self._at_once
        self._count += 1
        # Multiples of the golden ratio fill the time evenly however many there are.
        return 0.0 if place < 0 else seconds * (place * _GOLDEN_RATIO % 1)


async def guarded(job: Callable[[], Awaitable[Result]]) -> Result | None:
    """Run a job; a defect of ours is logged, and ends neither the job's next runs nor other jobs."""
    try:
        return await job()
    except Exception:  # noqa: BLE001 - logged here, with its traceback
        _log.exception("a defect of the exporter")
        return None
