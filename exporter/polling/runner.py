"""One poll, from the key to the board."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date, timedelta

from exporter.answers.envelope import Body, MalformedAnswerError
from exporter.catalogue.workspace import Reason
from exporter.config import KeyUnavailable
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board, now
from exporter.polling.discovery import Discovery
from exporter.sendkit.budget import NoRoomError, Share
from exporter.sendkit.client import SendKit
from exporter.sendkit.errors import SendKitError, UnansweredError
from exporter.sendkit.paging import REFUSED, whole_answer


@dataclass(frozen=True, slots=True)
class Runner:
    """Asks the API and gives the answer to the board; `today` is the date in the configured time zone."""

    client: SendKit
    board: Board
    discovery: Discovery
    today: Callable[[], date]
    most_bytes: int
    """Of all pages of a list."""

    async def run(self, account: Account, workspace: Workspace, poll: Poll) -> None:
        """Poll a feed of a workspace once; a failure is shown here and nowhere else."""
        skipped, started = poll.skipped, now()
        poll.running = True

        def failed(reason: Reason, error: str, *, has_key: bool = True) -> None:
            self.board.failed(workspace, poll, reason, error, started, has_key=has_key)

        try:
            shared = self.client.list_share if poll.feed.is_paged else self.client.share
            with shared(account.lane) as share:
                body, refusal = await self._asked(account, workspace, poll, share)
                await self.board.succeeded(workspace, poll, body, started, refusal)
                del body  # held no longer than it is counted
            _ask_again(poll, refusal)
        except KeyUnavailable as error:
            failed(Reason.AUTH, str(error), has_key=False)
        except SendKitError as error:
            failed(error.reason, str(error))
            if poll.feed.is_collector:
                _ask_again(poll, error)
            elif error.status in REFUSED and account.is_platform and account.job:
                account.job.soon()  # it may have been removed: the list says
        except MalformedAnswerError as error:
            failed(Reason.MALFORMED, str(error))
        except MemoryError:
            failed(Reason.TOO_LARGE, "there is not enough memory for the answer")
        except Exception as error:
            failed(Reason.MALFORMED, f"the exporter failed: {type(error).__name__}")
            raise
        finally:
            poll.running = False
        if poll.skipped == skipped:
            poll.overruns = False

    async def _asked(
        self, account: Account, workspace: Workspace, poll: Poll, share: Share
    ) -> tuple[Body, SendKitError | None]:
        key = await self.discovery.key_of(account, workspace)
        deadline = asyncio.get_running_loop().time() + poll.feed.interval_seconds

        async def get(path: str, parameters: Mapping[str, str]) -> Body:
            while True:
                with suppress(NoRoomError):
                    return await self.client.get(
                        path,
                        parameters,
                        key=key,
                        workspace_id=workspace.key.id,
                        deadline=deadline,
                        lane=account.lane,
                        share=share,
                        suspect=poll.failure is not None,
                        unproven=poll.last_success is None,
                        gives_way=poll.feed.is_collector,
                    )
                await share.wait_for_turn()

        try:
            async with asyncio.timeout(None) as limit:
                with share.whole(limit) if poll.feed.is_paged else nullcontext():
                    return await whole_answer(poll.feed, self.today(), get, self.most_bytes, share.keep)
        except TimeoutError:
            why = "the pages came too slowly while other lists waited for memory"
            raise UnansweredError(Reason.TIMEOUT, why) from None


def _ask_again(poll: Poll, error: SendKitError | None) -> None:
    """Have a collector that is refused asked again rarely, and any other at its interval."""
    is_refused = error is not None and error.status in REFUSED
    if poll.feed.is_collector and is_refused is not poll.is_refused:
        poll.is_refused = is_refused
        if poll.job:
            poll.job.change(timedelta(seconds=poll.interval_seconds))
