"""The demo: the daemon over a simulated SendKit API in the same process, and that API alone."""

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import click
import structlog
from pydantic import SecretStr

from exporter import daemon, simulator
from exporter.config import (
    AccountConfig,
    ApiConfig,
    CollectorsConfig,
    Config,
    PollConfig,
    WindowConfig,
    WorkspacesConfig,
)
from exporter.config.patterns import Pattern, quoted
from exporter.exporter import Exporter
from exporter.lifetime import program
from exporter.page.wording import span
from exporter.simulator import SCENARIOS, Simulation
from exporter.web.app import create_app
from exporter.web.server import http_server, listen, shown_address

POLL_INTERVAL = timedelta(seconds=5)
WINDOW_INTERVAL = timedelta(seconds=15)
COLLECTOR_INTERVAL = timedelta(seconds=15)
REFRESH_SECONDS = 5
"""Between two loads of a page in a browser."""

_log = structlog.get_logger(__name__)


def story(simulation: Simulation) -> Sequence[str]:
    """Return what goes wrong in a demo for which no scenario is named.

    The key that is revoked is of another workspace than the domain that bounces, if there are two.
    """
    first, *others = simulation.workspaces
    bouncing = others[0] if others else first
    return (
        f"bounce_spike:workspace={bouncing.id},ratio=0.6@8s",
        "mailbox_suspended@45s",
        f"key_revoked:workspace={first.id}@180s",
    )


def announced(simulation: Simulation, address: str) -> str:
    """Return where to look and what will go wrong, for the terminal."""
    shown = [f"The status page: http://{address}/", ""]
    for scenario in simulation.scenarios():
        seconds = (scenario.period.start - simulation.now().timestamp()) / simulation.speed
        when = f"after {span(seconds)}" if seconds > 0 else "now"
        about = SCENARIOS[scenario.name].about
        targets = ", ".join(_targets(simulation, scenario.values))
        shown.append(f"  {when}: {about}" + (f" ({targets})" if targets else ""))
    return "\n".join([*shown, "", "Ctrl-C ends it."])


def _targets(simulation: Simulation, values: Mapping[str, object]) -> Iterator[str]:
    """Yield what a scenario aims at, by the names that the page shows."""
    for workspace in simulation.workspaces:
        if values.get("workspace") in {workspace.id, workspace.name}:
            yield f"workspace {workspace.name}"
        yield from (mailbox.email for mailbox in workspace.mailboxes if mailbox.id == values.get("mailbox"))
    if "domain" in values:
        yield f"domain {values['domain']}"


def working_hours(moment: datetime) -> datetime:
    """Return 09:00 of the last working day, so that a fleet shows life from the start (UTC)."""
    day = moment.replace(hour=9, minute=0, second=0, microsecond=0)
    while day > moment or day.weekday() > 4:  # Saturday is 5
        day -= timedelta(days=1)
    return day


async def serve(listeners: Sequence[socket.socket], simulation: Simulation) -> None:
    """Serve the simulation on a free port, and the daemon that polls it on `listeners`, until a signal."""
    api = listen("127.0.0.1:0")
    address = shown_address(api)
    simulated = http_server(simulator.create_app(simulation))
    serving = asyncio.create_task(simulated.serve(sockets=[api]))
    _log.info("simulated API", url=f"http://{address}/simulator", speed=simulation.speed)

    click.echo(announced(simulation, shown_address(listeners[0])))
    exporter = Exporter(
        lambda: _config(f"http://{address}", simulation),
        {},
        calendar=lambda zone: simulation.now().astimezone(zone),
    )
    app = create_app(exporter, enable_lifecycle=True, refresh_seconds=REFRESH_SECONDS)
    await daemon.serve(exporter, app, listeners)
    simulated.should_exit = True
    await serving


def _config(base_url: str, simulation: Simulation) -> Config:
    """Return the configuration with both kinds of key; the one that a scenario revokes is the first's own."""
    first = simulation.workspaces[0]
    others = WorkspacesConfig(exclude=(Pattern(quoted(first.name)),))
    return Config(
        api=ApiConfig(base_url=base_url),
        poll=PollConfig(interval=POLL_INTERVAL),
        accounts=(
            AccountConfig(name=first.name, api_key=SecretStr(first.key)),
            AccountConfig(name="demo", api_key=SecretStr(simulation.platform_key), workspaces=others),
        ),
        windows=(WindowConfig(name="7d", days=7, interval=WINDOW_INTERVAL),),
        collectors=CollectorsConfig.model_validate(
            {
                name: {"enabled": True, "interval": COLLECTOR_INTERVAL}
                for name in CollectorsConfig.model_fields
            }
        ),
    )


async def simulate(listener: socket.socket, simulation: Simulation) -> None:
    """Serve the simulation alone until SIGTERM or SIGINT."""
    simulated = http_server(simulator.create_app(simulation))
    program.hold()
    in_loop = asyncio.get_running_loop().call_soon_threadsafe
    with program.handled(lambda: in_loop(lambda: setattr(simulated, "should_exit", True))):
        _log.info("simulated API", url=f"http://{shown_address(listener)}/simulator", speed=simulation.speed)
        await simulated.serve(sockets=[listener])
