"""`alert-test`: send one alert through the real chain, and say who gets it."""

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from exporter.commands.flags import without_password

NAME = "SendKitTest"
LASTS = timedelta(minutes=5)
"""After so long Alertmanager resolves the alert by itself."""
_ALERTS = "/api/v2/alerts"
_TIMEOUT_SECONDS = 10.0
_ASK_AGAIN_SECONDS, _TIMES_ASKED = 0.2, 50
_SHOWN_CHARACTERS = 200
_FORM = "expected the address of an Alertmanager, such as http://127.0.0.1:9093"


class AlertTestError(Exception):
    """Why no alert was sent, or why it is not known who gets it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who gets the alert, and what mutes it: silences by their ids, and whether another alert does."""

    receivers: tuple[str, ...]
    silences: tuple[str, ...] = ()
    inhibited: bool = False

    @property
    def lines(self) -> list[str]:
        """What to print."""
        lines = [f"receiver: {name}" for name in self.receivers]
        lines += [f"but silenced by: {silence}" for silence in self.silences]
        return [*lines, "but inhibited by another alert"] if self.inhibited else lines


def alert(workspace: str, severity: str, now: datetime) -> Mapping[str, Any]:
    """Return the alert, as Alertmanager's API takes it: with the labels of a workspace's alert."""
    return {
        "labels": {"alertname": NAME, "severity": severity, "workspace": workspace, "test": "true"},
        "annotations": {
            "summary": "This is a test of the SendKit alerts",
            "description": f"Nothing is wrong. It was sent from {socket.gethostname()} to see who gets it, "
            f"and ends by itself after {LASTS.total_seconds() / 60:.0f} minutes.",
        },
        "startsAt": now.isoformat(),
        "endsAt": (now + LASTS).isoformat(),
    }


async def send(url: str, workspace: str, severity: str) -> Outcome:
    """Send the alert to the Alertmanager at `url`, wait until it has it, and return who gets it.

    Raises `AlertTestError`.
    """
    sent, shown = alert(workspace, severity, datetime.now(UTC)), without_password(url)
    async with httpx.AsyncClient(base_url=url.rstrip("/"), timeout=_TIMEOUT_SECONDS) as client:
        await _answer(client, shown, "POST", json=[sent])
        for _ in range(_TIMES_ASKED):
            if outcome := await _received(client, shown, sent["labels"]):
                return outcome
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
    raise AlertTestError(f"{shown} took the alert, but does not list it")


async def _received(client: httpx.AsyncClient, url: str, labels: Mapping[str, str]) -> Outcome | None:
    filters = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    body = (await _answer(client, url, "GET", params={"filter": filters})).content
    try:
        for each in json.loads(body):
            status = each["status"]
            # Until it was looked at, whether something mutes it is not known.
            if each["labels"] == labels and status["state"] != "unprocessed":
                receivers = tuple(receiver["name"] for receiver in each["receivers"])
                return Outcome(receivers, tuple(status["silencedBy"]), bool(status["inhibitedBy"]))
    except (ValueError, KeyError, TypeError):
        raise AlertTestError(f"{url} does not answer as Alertmanager: {_FORM}") from None
    return None


async def _answer(client: httpx.AsyncClient, url: str, method: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    try:
        answer = await client.request(method, _ALERTS, **options)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AlertTestError(f"{url}: {str(error) or type(error).__name__}") from None
    if not answer.is_success:
        said = " ".join(answer.text.split())[:_SHOWN_CHARACTERS]
        raise AlertTestError(f"{url} answers {answer.status_code} {said!r}: {_FORM}")
    return answer
