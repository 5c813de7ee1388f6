"""Commands that end: poll everything once, and probe the API once for each account."""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.config import AccountConfig, Config, KeyUnavailable
from exporter.daemon import Exporter
from exporter.exposition.body import END, Format
from exporter.sendkit.client import Lane, SendKit, SendKitError, is_platform_key

_SHOWN_NAMES = 5


async def poll(config: Config, environ: Mapping[str, str]) -> tuple[bytes, bool]:
    """Poll everything once; return the text exposition, and whether every poll succeeded.

    The library's metrics of the process are left out: the collector that takes the text in has its own of the
    same names.
    """
    exporter = Exporter(lambda: config, environ)
    succeeded = await exporter.poller.once()
    await exporter.stop()
    own = exporter.own_metrics(Format.TEXT, process=False)
    body = exporter.store.body(Format.TEXT).ended(own + END[Format.TEXT])
    return b"".join(body.plain), succeeded


def replace(path: Path, text: bytes) -> None:
    """Replace a file so that a reader sees the old text or the new one, whole; raises `OSError`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # the collector that reads it is another user
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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
        key = account.read_key(environ)
        workspaces = await client.workspaces(key, deadline, Lane(1))
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
