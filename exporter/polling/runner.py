"""One poll, from the key to the board."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from exporter.answers.envelope import Body, MalformedAnswerError
from exporter.catalogue.workspace import Reason
from exporter.config import KeyUnavailable
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Workspace
from exporter.polling.account import Account
from exporter.polling.board import Board, now
from exporter.polling.discovery import Discovery
from exporter.sendkit.client import SendKit
from exporter.sendkit.errors import SendKitError

_NOT_THERE = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


@dataclass(frozen=True, slots=True)
class Runner:
    """Asks the API and gives the answer to the board; `today` is the date in the configured time zone."""

    client: SendKit
    board: Board
    discovery: Discovery
    today: Callable[[], date]

    async def run(self, account: Account, workspace: Workspace, poll: Poll) -> None:
        """Poll a feed of a workspace once; a failure is shown here and nowhere else."""
        skipped, started = poll.skipped, now()
        poll.running = True

        def failed(reason: Reason, error: str, *, has_key: bool = True) -> None:
            self.board.failed(workspace, poll, reason, error, started, has_key=has_key)

        try:
            body = await self._asked(account, workspace, poll)
            await self.board.succeeded(workspace, poll, body, started)
        except KeyUnavailable as error:
            failed(Reason.AUTH, str(error), has_key=False)
        except SendKitError as error:
            failed(error.reason, str(error))
            if error.status in _NOT_THERE and account.is_platform and account.job:
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

    async def _asked(self, account: Account, workspace: Workspace, poll: Poll) -> Body:
        return await self.client.get(
            poll.feed.path,
            poll.feed.query(self.today()),
            key=await self.discovery.key_of(account, workspace),
            workspace_id=workspace.key.id,
            deadline=asyncio.get_running_loop().time() + poll.feed.interval_seconds,
            lane=account.lane,
            suspect=poll.failure is not None,
            unproven=poll.last_success is None,
        )
