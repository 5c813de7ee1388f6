"""`check --probe`: ask the API once for each account."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.config import AccountConfig, Config, KeyUnavailable
from exporter.sendkit.client import SendKit, is_platform_key
from exporter.sendkit.errors import SendKitError
from exporter.sendkit.lane import Lane
from exporter.sendkit.workspaces import list_workspaces

_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe of an account came to, in words that hold no key."""

    good: bool
    text: str


async def probe(config: Config, environ: Mapping[str, str]) -> Sequence[Finding]:
    """Call `GET /v1/workspaces` once for each account."""
    async with SendKit(config.api.model_copy(update={"max_attempts": 1})) as client:
        return await asyncio.gather(
            *(
                _probe(client, account, environ, config.api.timeout.total_seconds())
                for account in config.accounts
            )
        )


async def _probe(
    client: SendKit, account: AccountConfig, environ: Mapping[str, str], seconds: float
) -> Finding:
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        key = await account.current_key(environ)
        workspaces = await list_workspaces(client, key, deadline, Lane(1))
    except KeyUnavailable as error:
        return Finding(good=False, text=f"account {account.name}: no key: {error}")
    except SendKitError as error:
        return Finding(good=False, text=f"account {account.name}: {error.reason}: {error}")
    if not is_platform_key(key):
        return Finding(good=True, text=f"account {account.name}: the workspace key is accepted")
    kept = [workspace.name for workspace in workspaces if account.workspaces.keeps(workspace.name)]
    names = ", ".join(kept[:_SHOWN_NAMES]) + (", ..." if len(kept) > _SHOWN_NAMES else "")
    text = f"the platform key is accepted, workspaces: {len(workspaces)}, polled: {len(kept)}"
    return Finding(good=True, text=f"account {account.name}: {text}" + (f" ({names})" if names else ""))
