"""Commands and flags, and how the parts are put together."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from exporter import config as configuration
from exporter import daemon, log
from exporter.commands import backfill, demo, once
from exporter.config import Config, ConfigError, KeyUnavailable, ShardConfig
from exporter.config.values import MOST_SHARDS, parse_duration
from exporter.exposition import privacy, telemetry
from exporter.fleet import sharding
from exporter.model import MalformedAnswerError
from exporter.sendkit.client import SendKitError
from exporter.simulator import ScenarioRequest, Simulation, parse_scenario
from exporter.web import app as server
from exporter.web.file import WebFile
from exporter.web.guard import Guard

Result = TypeVar("Result")

FAILED = 1
MISUSED = 2
DEFAULT_ADDRESS = "127.0.0.1:19587"
SIMULATOR_ADDRESS = "127.0.0.1:19588"


def _option(flag: str, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - click's own types
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


_config_file = _option(
    "--config.file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration; with none, one account with the key in SENDKIT_API_KEY.",
)
_log_level = _option(
    "--log.level", type=click.Choice(log.LEVELS), default="info", help="The least level that is logged."
)
_log_format = _option(
    "--log.format", type=click.Choice(["logfmt", "json"]), default="logfmt", help="How a line is written."
)
_listen_address = _option(
    "--web.listen-address", default=DEFAULT_ADDRESS, help="HOST:PORT, or :PORT for all addresses."
)


class _Duration(click.ParamType[timedelta]):
    """A duration as in the configuration."""

    name = "DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse_duration(value)
        except ValueError:
            self.fail(f"found {value!r}, expected a duration such as 90s, 15m, 2h or 1d", param, ctx)


class _ShardIndex(click.ParamType[int]):
    """A shard's index, as a number or as the name of a pod."""

    name = "INDEX|POD-NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return sharding.index_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_shard_index = _option(
    "--shard.index", type=_ShardIndex(), help="This shard, from 0; the name of a StatefulSet's pod will do."
)
_shard_total = _option(
    "--shard.total", type=click.IntRange(1, MOST_SHARDS), help="How many shards there are."
)


class _Scenario(click.ParamType[ScenarioRequest]):
    """A scenario as the simulator writes it."""

    name = "NAME[:PARAM=VALUE,...][@DELAY]"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> ScenarioRequest:
        if isinstance(value, ScenarioRequest):
            return value
        try:
            return parse_scenario(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class _Simulated:
    """The flags of a simulation."""

    mailboxes: int
    workspaces: int
    seed: int
    speed: float
    scenarios: tuple[ScenarioRequest, ...]

    def started(self, story: Iterable[str] = ()) -> Simulation:
        """Return the simulation with its scenarios under way, or those of a story if none is named."""
        start = demo.working_hours(datetime.now(UTC))
        try:
            simulation = Simulation(
                self.mailboxes, self.seed, speed=self.speed, workspaces=self.workspaces, start=start
            )
            for scenario in self.scenarios or map(parse_scenario, story):
                simulation.start(scenario)
        except ValueError as error:  # such as a target that is not there
            raise click.UsageError(str(error)) from None
        return simulation


def _simulated(command: Callable[..., None]) -> Any:  # noqa: ANN401 - click's decorators
    """Add the flags of a simulation, given to the command as one `_Simulated`."""

    @_option("--mailboxes", type=click.IntRange(1), default=200, help="How many mailboxes there are.")
    @_option("--workspaces", type=click.IntRange(1), default=4, help="How many workspaces share them.")
    @_option("--seed", type=int, default=1, help="The same seed gives the same fleet.")
    @_option(
        "--speed", type=click.FloatRange(0, min_open=True), default=300.0, help="Simulated seconds a second."
    )
    @_option("--scenario", type=_Scenario(), multiple=True, help="What goes wrong, and when; repeatable.")
    @wraps(command)
    def with_simulation(scenario: tuple[ScenarioRequest, ...], **flags: Any) -> None:  # noqa: ANN401
        own = {name: flags.pop(name) for name in ("mailboxes", "workspaces", "seed", "speed")}
        command(_Simulated(**own, scenarios=scenario), **flags)

    return with_simulation


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(telemetry.version(), prog_name="sendkit-exporter")
def main() -> None:
    """Export a SendKit fleet's sending mailboxes as Prometheus metrics."""


@main.command()
@_config_file
@_listen_address
@_option(
    "--web.config.file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TLS, users and headers, in the format of the Prometheus exporter-toolkit.",
)
@_option("--web.enable-lifecycle", is_flag=True, help="Allow POST /-/reload.")
@_shard_index
@_shard_total
@_log_level
@_log_format
def run(  # noqa: PLR0913 - one argument a flag
    config_file: Path | None,
    web_listen_address: str,
    web_config_file: Path | None,
    log_level: str,
    log_format: log.Format,
    *,
    web_enable_lifecycle: bool,
    shard_index: int | None,
    shard_total: int | None,
) -> None:
    """Run the daemon."""
    log.configure(log_level, log_format)

    async def serve() -> None:
        web_file = WebFile(web_config_file) if web_config_file else None
        exporter = daemon.Exporter(lambda: _sharded(_load(config_file), shard_index, shard_total), os.environ)
        app = server.create_app(exporter, enable_lifecycle=web_enable_lifecycle)
        guarded = Guard(app, web_file) if web_file else app
        await daemon.serve(exporter, guarded, _listen(web_listen_address), web_file)

    _run(serve())


@main.command(name="demo")
@_simulated
@_listen_address
@_log_level
@_log_format
def run_demo(simulation: _Simulated, web_listen_address: str, log_level: str, log_format: log.Format) -> None:
    """Run the daemon over a simulated SendKit API: no key, no file.

    With no --scenario, a domain's bounces spike after 15 s, a mailbox is suspended after 40 s and a
    workspace's key is revoked after 3 min.
    """
    log.configure(log_level, log_format)
    simulated = simulation.started(demo.STORY)
    _run(demo.serve(_listen(web_listen_address), simulated))


@main.command()
@_simulated
@_option("--listen-address", default=SIMULATOR_ADDRESS, help="HOST:PORT, or :PORT for all addresses.")
@_log_level
@_log_format
def simulate(simulation: _Simulated, listen_address: str, log_level: str, log_format: log.Format) -> None:
    """Serve the simulated SendKit API alone; GET /simulator tells its keys and scenarios."""
    log.configure(log_level, log_format)
    simulated = simulation.started()
    _run(demo.simulate(_listen(listen_address, "--listen-address"), simulated))


@main.command()
@_config_file
@_option("--probe", is_flag=True, help="Call the API once for each account.")
def check(config_file: Path | None, *, probe: bool) -> None:
    """Validate the configuration and print every error with its place."""
    config = _load_or_exit(config_file)
    try:
        privacy.email_shown(config.privacy)
    except KeyUnavailable as error:
        _fail(f"privacy.hmac_key_file: {error}", MISUSED)
    for warning in config.warnings():
        click.echo(f"warning: {warning}", err=True)
    click.echo(
        f"{config_file or 'environment'}: the configuration is valid, accounts: {len(config.accounts)}"
    )
    if probe:
        findings = _run(once.probe(config, os.environ))
        for finding in findings:
            click.echo(finding.text)
        if not all(finding.good for finding in findings):
            sys.exit(FAILED)


@main.command(name="once")
@_config_file
@_option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Replace this file, atomically.")
@_log_level
@_log_format
def poll_once(config_file: Path | None, output: Path | None, log_level: str, log_format: log.Format) -> None:
    """Poll everything once and print the metrics, for the node exporter's textfile collector."""
    log.configure(log_level, log_format)
    config = _load_or_exit(config_file)
    text, succeeded = _run(once.poll(config, os.environ))
    try:
        if output is None:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        else:
            once.replace(output, text)
    except OSError as error:
        _fail(f"{output or 'standard output'}: {error.strerror}")
    if not succeeded:
        sys.exit(FAILED)


_DAY = click.DateTime(formats=["%Y-%m-%d"])


@main.command(name="backfill")
@_config_file
@_option("--from", type=_DAY, required=True, help="The first day.")
@_option("--to", type=_DAY, help="The last day; yesterday by default.")
@_option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("backfill.om"),
    help="The OpenMetrics file; fetched days are kept beside it until it is written.",
)
@_option("--step", type=_Duration(), default="15m", help="Time between two samples of a series.")
@_option("--requests-per-minute", type=click.FloatRange(0, min_open=True), default=30.0, help="At most.")
@_log_level
@_log_format
def fill_back(  # noqa: PLR0913, PLR0917
    config_file: Path | None,
    output: Path,
    step: timedelta,
    requests_per_minute: float,
    log_level: str,
    log_format: log.Format,
    to: datetime | None,
    **from_: datetime,
) -> None:
    """Fetch past days and write them for `promtool tsdb create-blocks-from openmetrics`."""
    log.configure(log_level, log_format)
    config = _load_or_exit(config_file)
    yesterday = datetime.now(config.timezone).date() - timedelta(days=1)
    first, last = from_["from"].date(), to.date() if to else yesterday
    if not first <= last <= yesterday:
        raise click.UsageError(
            f"--from {first} --to {last}: expected days in order, up to yesterday, {yesterday}"
        )
    folder = output.with_name(f"{output.name}.days")
    run = backfill.Backfill(config, os.environ, backfill.Span(first, last, config.timezone, step), folder)
    try:
        with click.progressbar(length=1, label="days", file=sys.stderr, show_pos=True) as bar:

            def progress(done: int, total: int) -> None:
                bar.length = max(total, 1)
                bar.update(done - bar.pos)

            _run(run.fetch(60 / requests_per_minute, progress))
        backfill.write(output, run.exposition())
        shutil.rmtree(folder)
    except (KeyUnavailable, SendKitError, MalformedAnswerError, OSError) as error:
        _fail(f"{error}\nrun the same command again to go on from here; {folder} holds what was fetched")
    click.echo(f"written: {output}; next: promtool tsdb create-blocks-from openmetrics {output} DATA-FOLDER")


def _load(path: Path | None) -> Config:
    return configuration.load(path, os.environ) if path else configuration.default(os.environ)


def _sharded(config: Config, index: int | None, total: int | None) -> Config:
    """Return the configuration with the shard that the flags name; raises `ConfigError`."""
    shard = config.shard
    index, total = shard.index if index is None else index, shard.total if total is None else total
    if index >= total:
        raise ConfigError(f"--shard.index: found {index}, expected less than --shard.total, which is {total}")
    return config.model_copy(update={"shard": ShardConfig(index=index, total=total)})


def _load_or_exit(path: Path | None) -> Config:
    try:
        return _load(path)
    except ConfigError as error:
        _fail(str(error), MISUSED)


def _listen(address: str, flag: str = "--web.listen-address") -> socket.socket:
    try:
        return daemon.listen(address)
    except ValueError as error:
        _fail(f"{flag}: {error}", MISUSED)
    except OSError as error:
        _fail(f"cannot listen at {address}: {error.strerror}")


def _run(command: Coroutine[Any, Any, Result]) -> Result:
    """Run a command to its end; a bad configuration ends the process."""
    try:
        return asyncio.run(command)
    except ConfigError as error:
        _fail(str(error), MISUSED)


def _fail(message: str, code: int = FAILED) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
