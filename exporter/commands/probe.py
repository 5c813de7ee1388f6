"""`check --probe`: ask the API once for everything that `run` would poll, and print what each key may see."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from exporter.answers.answer import Answer
from exporter.answers.envelope import Body, MalformedAnswerError
from exporter.answers.parse import parse
from exporter.catalogue.kinds import Feed
from exporter.commands import bounds
from exporter.commands.probe_table import UNKNOWN, Row, about, lines, plain, seen_of, table
from exporter.config import AccountConfig, Config, KeyUnavailable
from exporter.sendkit.client import SendKit, is_platform_key
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.feeds import analytics, feeds_of
from exporter.sendkit.lane import Lane
from exporter.sendkit.paging import REFUSED, whole_answer
from exporter.sendkit.workspaces import MAY_NOT_LIST, ListedWorkspace, list_workspaces

_LIMITS = ("ratelimit", "rate-limit", "retry-after", "quota")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe of an account found, as lines that hold no key; `good` if `run` would poll all of it."""

    good: bool
    lines: Sequence[str]
    rows: Sequence[Row] = ()
    """The workspaces that `run` would poll, if no account before sees them."""


async def probe(config: Config, environ: Mapping[str, str]) -> Sequence[Finding]:
    """Ask once for everything of each account; an address or a name of a mailbox is never printed."""
    limits: set[str] = set()

    def note(names: Iterable[str]) -> None:
        limits.update(name for name in names if any(part in name for part in _LIMITS))

    api = config.api.model_copy(update={"max_attempts": 1})
    async with SendKit(api, on_headers=note) as client:
        probes = (_Probe(config, environ, client, account).run() for account in config.accounts)
        findings = await asyncio.gather(*probes)
    told = ", ".join(sorted(map(plain, limits))) or "none"
    return [
        *_each_once(config.accounts, findings),
        Finding(good=True, lines=[f"rate-limit headers of the API: {told}"]),
    ]


def _each_once(accounts: Iterable[AccountConfig], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is found of each account, and which of its workspaces another one polls."""
    first: dict[str, str] = {}
    for account, finding in zip(accounts, findings, strict=True):
        polled_by = [
            (row, first.setdefault(row.id, account.name)) for row in finding.rows if row.id != UNKNOWN
        ]
        taken = [
            about(row, "polled", f"by account {name}, which comes first and sees it, too")
            for row, name in polled_by
            if name != account.name
        ]
        yield replace(finding, lines=[*finding.lines, *taken])


class _Probe:
    """The probe of one account."""

    def __init__(
        self, config: Config, environ: Mapping[str, str], client: SendKit, account: AccountConfig
    ) -> None:
        self._config = config
        self._environ = environ
        self._client = client
        self._account = account
        self._lane = Lane(config.api.max_concurrent_requests)

    async def run(self) -> Finding:
        """Return what is found of the account."""
        try:
            key = await self._account.current_key(self._environ)
        except KeyUnavailable as error:
            return self._finding(f"no key: {error}")
        kind = "platform" if is_platform_key(key) else "workspace"
        seen: list[ListedWorkspace] = []
        refused = ""
        try:
            seen = await list_workspaces(self._client, key, self._deadline(), self._lane)
        except SendKitError as error:
            refused = f"{error.reason}: {error}"
            if is_platform_key(key) or error.status not in MAY_NOT_LIST:
                return self._finding(refused)
        if not is_platform_key(key):
            rows = [Row(self._account.name, seen[0].id if seen else UNKNOWN)]
            told = f"a {kind} key" + (f"; its workspace cannot be listed, {refused}" if refused else "")
        else:
            kept = [it for it in seen if self._account.workspaces.keeps(it.name)]
            rows = [Row(it.name, it.id) for it in kept]
            told = f"a {kind} key, workspaces: {len(seen)}, polled: {len(kept)}"
            if not kept:
                why = "no workspace matches workspaces.include and exclude" if seen else "it has no workspace"
                return Finding(good=True, lines=[self._line(f"{told}; warning: {why}, nothing is polled")])
        feeds = feeds_of(self._config, self._account)
        await asyncio.gather(*(self._ask(key, row, feed) for row in rows for feed in feeds))
        days = await self._compare_days(key, rows)
        needed = {feed.name for feed in feeds if not feed.is_collector}
        good = not any(needed & row.refused.keys() for row in rows)
        return Finding(good, [self._line(told), *table(rows), *days, *lines(rows, self._config)], rows)

    async def _compare_days(self, key: str, rows: Iterable[Row]) -> Sequence[str]:
        """Return what days and ranges of the workspace that sends most show of the API."""
        seen = [(row.answer.total("lifetime_sent"), row) for row in rows if row.answer is not None]
        if not seen:
            return []
        row = max(seen, key=lambda each: each[0])[1]

        async def sent(days: int, last: date) -> float | None:
            feed = analytics.window("", days, 0, self._config.timezone)
            answer, _ = await self._answer(key, row, feed, last)
            return answer.total("campaign_sent") if "campaign_sent" in answer.numbers else None

        try:
            line = await bounds.compared(sent, self._today())
        except (SendKitError, MalformedAnswerError) as error:
            line = f"bounds of ranges cannot be compared: {error}"
        return [about(row, "days", line)]

    async def _ask(self, key: str, row: Row, feed: Feed) -> None:
        """Ask for a feed of a workspace, and note what comes of it."""
        try:
            answer, refusal = await self._answer(key, row, feed, self._today())
        except SendKitError as error:
            row.fails(feed, f"{error.reason}: {error}", is_refused=error.status in REFUSED)
        except MalformedAnswerError as error:
            row.fails(feed, f"malformed: {error}", is_refused=False)
        else:
            if not feed.joins:
                row.answer = answer
            elif feed.is_collector:
                row.collected[feed.name] = seen_of(feed, answer)
            if refusal is not None:
                row.collected[feed.name] += f"; a part is refused: {refusal.reason}: {refusal}"

    async def _answer(
        self, key: str, row: Row, feed: Feed, today: date
    ) -> tuple[Answer, SendKitError | None]:
        """Return a feed's answer, and why a part of it is refused; raises what `whole_answer` raises."""

        async def get(path: str, parameters: Mapping[str, str]) -> Body:
            return await self._client.get(
                path,
                parameters,
                key=key,
                deadline=self._deadline(),
                lane=self._lane,
                share=share,
                workspace_id="" if row.id == UNKNOWN else row.id,
                gives_way=feed.is_collector,
            )

        with self._client.share(self._lane) as share:
            body, refusal = await whole_answer(feed, today, get, self._config.api.max_response_bytes)
            return await asyncio.to_thread(parse, body, feed, self._config.api.bounce_rate_unit), refusal

    def _today(self) -> date:
        return datetime.now(self._config.timezone).date()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._config.api.timeout.total_seconds()

    def _line(self, text: str) -> str:
        return f"account {plain(self._account.name)}: {plain(text)}"

    def _finding(self, error: str) -> Finding:
        return Finding(good=False, lines=[self._line(error)])
