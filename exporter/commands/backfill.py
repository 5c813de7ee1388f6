"""The past, as OpenMetrics with timestamps for `promtool tsdb create-blocks-from openmetrics`.

The API has a day's campaign figures and nothing finer, so each counter rises evenly over its day. Every day
that was fetched is kept in a folder, so that a run that ends early goes on where it stopped. What becomes of
a mail counts for the day on which it was sent, and comes days later: on a later day, a run fetches again what
was new when it was fetched.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from hashlib import blake2b
from pathlib import Path

from exporter.answers.answer import Answer, domain_of
from exporter.answers.envelope import Body
from exporter.answers.parse import parse
from exporter.catalogue.mailbox import COUNTERS
from exporter.commands.days import Day, Days
from exporter.config import AccountConfig, Config
from exporter.fleet.key import Key
from exporter.fleet.labels import labels_for
from exporter.sendkit.client import SendKit, is_platform_key
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.feeds import analytics
from exporter.sendkit.lane import Lane
from exporter.sendkit.workspaces import MAY_NOT_LIST, ListedWorkspace, list_workspaces
from exporter.textformat.lines import END, Format, header, label_text

_FEED = analytics.all_time(0)  # a day is asked for all that decides which mailboxes count

YOUNG_DAYS = 14
"""The bounces and replies of so many last days are not all there yet."""

LEAST_STEP = timedelta(seconds=1)  # samples have whole seconds

Row = tuple[str, str, str]
"""A mailbox's labels: workspace, domain, id."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of days, both inclusive, in a time zone; there is a sample every `step`."""

    first: date
    last: date
    zone: tzinfo
    step: timedelta

    def days(self) -> list[date]:
        """Return every day."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=number) for number in range(count)]

    def begins(self, day: date) -> float:
        """Return when a day begins, in Unix seconds."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()

    def moments(self, day: date) -> Iterator[tuple[float, float]]:
        """Yield the day's moments after its beginning, in Unix seconds, with the share of the day gone by."""
        start, end = self.begins(day), self.begins(day + timedelta(days=1))
        steps = max(1, round((end - start) / self.step.total_seconds()))
        for number in range(1, steps + 1):
            yield start + (end - start) * number / steps, number / steps


@dataclass(frozen=True, slots=True)
class _Task:
    """A day of a workspace that is to be fetched; it is kept under a name of its own.

    Everything that the day's figures depend on is in the name: a run with another key, address, filter or
    time zone takes nothing from what was fetched before.
    """

    account: AccountConfig
    key: Key
    day: date
    circumstances: str

    @property
    def name(self) -> str:
        parts = (self.key.id, self.key.account, self.day.isoformat(), self.circumstances)
        digest = blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
        return f"{self.day.isoformat()}-{digest}"


class Backfill:
    """A run over all accounts; `days` has what was fetched, by day and workspace."""

    def __init__(
        self, config: Config, environ: Mapping[str, str], span: Span, days: Days, today: date
    ) -> None:
        """Nothing is read or fetched yet."""
        self._config = config
        self._environ = environ
        self._span = span
        self._days = days
        self._today = today
        self._lanes = {account.name: Lane(1) for account in config.accounts}
        self._labels: dict[Key, str] = {}
        self._tasks: list[_Task] = []

    async def fetch(self, pause_seconds: float, progress: Callable[[int, int], None]) -> None:
        """Fetch every day that is not there as it is now, one request at a time with a pause between two.

        `progress` gets how many days of how many are there. Raises `KeyUnavailable`, `SendKitError`,
        `MalformedAnswerError` or `OSError`; what was fetched until then stays.
        """
        async with SendKit(self._config.api) as client:
            await self._discover(client)
            missing = [task for task in self._tasks if not self._is_there(task)]
            done = len(self._tasks) - len(missing)
            progress(done, len(self._tasks))
            for task in missing:
                answer = self._kept(parse(await self._answer(client, task), _FEED))
                rises = {name: answer.numbers[name] for name in COUNTERS if name in answer.numbers}
                day = Day(list(map(domain_of, answer.text("email"))), answer.ids, rises, self._today)
                self._days.keep(task.name, day)
                done += 1
                progress(done, len(self._tasks))
                await asyncio.sleep(pause_seconds)

    def _is_there(self, task: _Task) -> bool:
        """Whether a day was fetched today, or when it was no longer young."""
        day = self._days.get(task.name)
        if day is None:
            return False
        return day.fetched >= min(self._today, task.day + timedelta(days=YOUNG_DAYS + 1))

    async def _discover(self, client: SendKit) -> None:
        names: dict[Key, str] = {}
        accounts: dict[Key, tuple[AccountConfig, str]] = {}
        for account in self._config.accounts:
            key = await account.current_key(self._environ)
            seen = await self._list(client, account, key)
            if is_platform_key(key):
                found = {Key(it.id): it.name for it in seen if account.workspaces.keeps(it.name)}
            else:
                found = {Key(seen[0].id) if seen else Key(account=account.name): account.name}
            for workspace, name in found.items():
                if workspace not in names:
                    names[workspace], accounts[workspace] = name, (account, self._circumstances(key))
        self._labels = labels_for(names)
        self._tasks = [
            _Task(account, key, day, circumstances)
            for day in self._span.days()
            for key, (account, circumstances) in accounts.items()
        ]

    async def _list(self, client: SendKit, account: AccountConfig, key: str) -> list[ListedWorkspace]:
        """Return the workspaces of an account; none for a workspace key that may not list its own."""
        try:
            return await list_workspaces(client, key, self._deadline(), self._lanes[account.name])
        except SendKitError as error:
            if is_platform_key(key) or error.status not in MAY_NOT_LIST:
                raise
        return []

    def _circumstances(self, key: str) -> str:
        """Return what the figures of any day depend on, as a text that is never shown."""
        return "\0".join([self._config.api.base_url, key, repr(self._config.mailboxes), str(self._span.zone)])

    async def _answer(self, client: SendKit, task: _Task) -> Body:
        lane = self._lanes[task.account.name]
        with client.share(lane) as share:  # one body at a time needs none for longer
            return await client.get(
                _FEED.path,
                analytics.days_query(task.day, task.day, self._span.zone),
                key=await task.account.current_key(self._environ),
                workspace_id=task.key.id,
                deadline=self._deadline(),
                lane=lane,
                share=share,
            )

    def _deadline(self) -> float:
        """Return a deadline that leaves room for every attempt."""
        seconds = self._config.api.timeout.total_seconds() * self._config.api.max_attempts
        return asyncio.get_running_loop().time() + max(seconds, 300)

    def _kept(self, answer: Answer) -> Answer:
        mailboxes = zip(answer.text("email"), answer.text("status"), strict=True)
        keeps = self._config.mailboxes.keeps
        return answer.where([keeps(email or "", status or "") for email, status in mailboxes])

    def exposition(self) -> Iterator[bytes]:
        """Yield all that was fetched as OpenMetrics: by family, then by mailbox, then by time."""
        days = self._read_days()
        for name, metric in COUNTERS.items():
            yield header(metric, Format.OPENMETRICS)
            for row, rises in _by_mailbox(days, name).items():
                yield from _series(metric.name, row, rises, self._span)
        yield END[Format.OPENMETRICS]

    def _read_days(self) -> list[tuple[date, str, Day]]:
        """Return the days; raises `OSError` for one that is no longer there."""
        days = []
        for task in self._tasks:
            content = self._days.get(task.name)
            if content is None:
                raise OSError(f"{self._days.folder}: a day that was fetched is gone or damaged")
            days.append((task.day, self._labels[task.key], content))
        return days


def _by_mailbox(days: Iterable[tuple[date, str, Day]], name: str) -> dict[Row, dict[date, float]]:
    """Return the rises of one counter by mailbox and day."""
    mailboxes: dict[Row, dict[date, float]] = {}
    for day, label, content in days:
        for domain, mailbox_id, rise in zip(
            content.domains, content.ids, content.rises.get(name, ()), strict=False
        ):
            if rise is not None:
                mailboxes.setdefault((label, domain, mailbox_id), {})[day] = rise
    return mailboxes


def _series(name: str, row: Row, rises: Mapping[date, float], span: Span) -> Iterator[bytes]:
    """Yield a counter's samples: 0 as its first day begins, then rising evenly over each day."""
    labels = label_text(dict(zip(("workspace", "domain", "mailbox_id"), row, strict=True)))
    start = name.encode() + b"{" + labels + b"} "
    first = min(rises)
    yield start + b"0 %d\n" % span.begins(first)
    total = 0.0
    for day in span.days():
        if day < first:
            continue
        rise = rises.get(day, 0)
        yield b"".join(
            start + b"%d %d\n" % (total + rise * share, moment) for moment, share in span.moments(day)
        )
        total += rise


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file by its chunks; a half-written one does not stay. Raises `OSError`."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.writelines(chunks)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
