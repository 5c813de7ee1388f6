"""The flags that commands share, and the forms of their values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click
import httpx

from exporter import log
from exporter.commands import demo
from exporter.config.values import MOST_SHARDS, parse_duration
from exporter.fleet import sharding
from exporter.simulator import SCENARIOS, ScenarioRequest, Simulation, parse_scenario

DEFAULT_ADDRESS = "127.0.0.1:19587"


def option(flag: str, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - click's own types
    """Return an option that an environment variable of the same words sets, too."""
    words = flag.removeprefix("--").replace(".", "_").replace("-", "_")
    return click.option(
        flag,
        words,
        envvar=f"SENDKIT_EXPORTER_{words.upper()}",
        show_envvar=True,
        show_default=True,
        **settings,
    )


config_file = option(
    "--config.file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration; with none, one account with the key in SENDKIT_API_KEY.",
)
log_level = option(
    "--log.level", type=click.Choice(log.LEVELS), default="info", help="The least level that is logged."
)
log_format = option(
    "--log.format", type=click.Choice(["logfmt", "json"]), default="logfmt", help="How a line is written."
)
listen_address = option(
    "--web.listen-address",
    multiple=True,
    default=[DEFAULT_ADDRESS],
    help="HOST:PORT, or :PORT for all addresses; repeatable.",
)


class Duration(click.ParamType[timedelta]):
    """A duration as in the configuration."""

    name = "DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the value, or end with a usage error that names the expected form."""
        try:
            return parse_duration(value)
        except ValueError:
            self.fail(f"found {value!r}, expected a duration such as 90s, 15m, 2h or 1d", param, ctx)


class Address(click.ParamType[str]):
    """The address of a server."""

    name = "URL"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, or end with a usage error that names the expected form."""
        try:
            url = httpx.URL(str(value))
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
            self.fail(f"found {value!r}, expected an address such as http://127.0.0.1:9090", param, ctx)
        return str(value)


def without_password(url: str) -> str:
    """Return the address of a server without its user and password."""
    return str(httpx.URL(url).copy_with(userinfo=b""))


class ShardIndex(click.ParamType[int]):
    """A shard's index, as a number or as the name of a pod."""

    name = "INDEX|POD-NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the value, or end with a usage error that names the expected form."""
        try:
            return sharding.index_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


shard_index = option(
    "--shard.index", type=ShardIndex(), help="This shard, from 0; the name of a StatefulSet's pod will do."
)
shard_total = option("--shard.total", type=click.IntRange(1, MOST_SHARDS), help="How many shards there are.")


SCENARIOS_LISTED = "\b\nScenarios:\n" + "\n".join(
    f"  {name}  {blueprint.about}" for name, blueprint in SCENARIOS.items()
)
"""What `--help` says of the scenarios that there are."""


class Scenario(click.ParamType[ScenarioRequest]):
    """A scenario as the simulator writes it."""

    name = "NAME[:PARAM=VALUE,...][@DELAY]"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> ScenarioRequest:
        """Return the value, or end with a usage error that names the expected form."""
        if isinstance(value, ScenarioRequest):
            return value
        try:
            return parse_scenario(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Simulated:
    """The flags of a simulation."""

    mailboxes: int
    workspaces: int
    seed: int
    speed: float
    profile: str
    scenarios: tuple[ScenarioRequest, ...]

    def started(self, story: Callable[[Simulation], Iterable[str]] = lambda _: ()) -> Simulation:
        """Return the simulation with its scenarios under way, or those of a story if none is named."""
        start = demo.working_hours(datetime.now(UTC))
        try:
            simulation = Simulation(
                self.mailboxes,
                self.seed,
                speed=self.speed,
                workspaces=self.workspaces,
                profile=self.profile,
                start=start,
            )
            for scenario in self.scenarios or [parse_scenario(text) for text in story(simulation)]:
                simulation.start(scenario)
        except ValueError as error:  # such as a target that is not there
            raise click.UsageError(str(error)) from None
        return simulation


def simulated(command: Callable[..., None]) -> Any:  # noqa: ANN401 - click's decorators
    """Add the flags of a simulation, given to the command as one `Simulated`."""

    @option("--mailboxes", type=click.IntRange(1), default=200, help="How many mailboxes there are.")
    @option("--workspaces", type=click.IntRange(1), default=4, help="How many workspaces share them.")
    @option("--seed", type=int, default=1, help="The same seed gives the same fleet.")
    @option(
        "--speed", type=click.FloatRange(0, min_open=True), default=300.0, help="Simulated seconds a second."
    )
    @option(
        "--profile",
        type=click.Choice(["google", "azure", "mixed"]),
        default="mixed",
        help="What kind of fleet it is: by its provider.",
    )
    @option("--scenario", type=Scenario(), multiple=True, help="What goes wrong, and when; repeatable.")
    @wraps(command)
    def with_simulation(scenario: tuple[ScenarioRequest, ...], **flags: Any) -> None:  # noqa: ANN401
        own = {name: flags.pop(name) for name in ("mailboxes", "workspaces", "seed", "speed", "profile")}
        command(Simulated(**own, scenarios=scenario), **flags)

    return with_simulation
