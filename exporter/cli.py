"""Commands and flags, and how the parts are put together."""

import errno
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from exporter import daemon, log
from exporter.answers.envelope import MalformedAnswerError
from exporter.commands import advise as advising
from exporter.commands import alert_test, backfill, demo, flags, once, running
from exporter.commands import probe as probing
from exporter.commands.advice.prometheus import PrometheusError
from exporter.commands.days import Days, InUseError
from exporter.config import KeyUnavailable
from exporter.exporter import Exporter
from exporter.exposition import privacy, telemetry
from exporter.lifetime import program
from exporter.sendkit.errors import SendKitError
from exporter.web.app import create_app
from exporter.web.file import WebFile
from exporter.web.guard import Guard

SIMULATOR_ADDRESS = "127.0.0.1:19588"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(telemetry.version(), prog_name="sendkit-exporter")
def main() -> None:
    """Export a SendKit fleet's sending mailboxes as Prometheus metrics."""


@main.command()
@flags.config_file
@flags.listen_address
@flags.option(
    "--web.external-url",
    type=flags.Address(),
    help="How people reach this exporter, for the links of alerts, such as https://sendkit.example.org.",
)
@flags.option(
    "--web.config.file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TLS, users and headers, in the format of the Prometheus exporter-toolkit.",
)
@flags.option("--web.enable-lifecycle", is_flag=True, help="Allow POST /-/reload.")
@flags.shard_index
@flags.shard_total
@flags.log_level
@flags.log_format
def run(  # noqa: PLR0913 - one argument a flag
    config_file: Path | None,
    web_listen_address: tuple[str, ...],
    web_external_url: str | None,
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
        exporter = Exporter(
            lambda: running.sharded(running.load(config_file), shard_index, shard_total), os.environ
        )
        if web_external_url:
            exporter.telemetry.web_info.labels(web_external_url.rstrip("/")).set(1)
        app = create_app(exporter, enable_lifecycle=web_enable_lifecycle)
        guarded = Guard(app, web_file) if web_file else app
        await daemon.serve(
            exporter, guarded, [running.listening(each) for each in web_listen_address], web_file
        )

    running.run(serve())


@main.command(name="demo", epilog=flags.SCENARIOS_LISTED)
@flags.simulated
@flags.listen_address
@flags.log_level
@flags.log_format
def run_demo(
    simulation: flags.Simulated, web_listen_address: tuple[str, ...], log_level: str, log_format: log.Format
) -> None:
    """Run the daemon over a simulated SendKit API: no key, no file.

    With no --scenario it tells a story: the mails of a domain bounce after 8 s, a mailbox is suspended after
    45 s, and the key of another workspace is revoked after 3 min.
    """
    log.configure(log_level, log_format)
    simulated = simulation.started(demo.story)
    running.run(demo.serve([running.listening(each) for each in web_listen_address], simulated))


@main.command(epilog=flags.SCENARIOS_LISTED)
@flags.simulated
@flags.option("--listen-address", default=SIMULATOR_ADDRESS, help="HOST:PORT, or :PORT for all addresses.")
@flags.log_level
@flags.log_format
def simulate(
    simulation: flags.Simulated, listen_address: str, log_level: str, log_format: log.Format
) -> None:
    """Serve the simulated SendKit API alone.

    GET /simulator lists its keys and scenarios; POST /simulator/scenarios/NAME begins a scenario while it
    runs.
    """
    log.configure(log_level, log_format)
    simulated = simulation.started()
    running.run(demo.simulate(running.listening(listen_address, "--listen-address"), simulated))


@main.command()
@flags.config_file
@flags.option("--probe", is_flag=True, help="Ask the API once for everything that run would poll.")
def check(config_file: Path | None, *, probe: bool) -> None:
    """Validate the configuration and print every error with its place."""
    config = running.load_or_exit(config_file)
    try:
        privacy.email_shown(config.privacy)
    except KeyUnavailable as error:
        running.fail(f"privacy.hmac_key_file: {error}", running.MISUSED)
    for warning in config.warnings():
        click.echo(f"warning: {warning}", err=True)
    click.echo(
        f"{config_file or 'environment'}: the configuration is valid, accounts: {len(config.accounts)}"
    )
    if probe:
        findings = running.run(probing.probe(config, os.environ))
        for finding in findings:
            click.echo("\n".join(finding.lines))
        if not all(finding.good for finding in findings):
            sys.exit(running.FAILED)


@main.command(name="once")
@flags.config_file
@flags.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Replace this file, atomically."
)
@flags.log_level
@flags.log_format
def poll_once(config_file: Path | None, output: Path | None, log_level: str, log_format: log.Format) -> None:
    """Poll everything once and print the metrics, for the node exporter's textfile collector."""
    log.configure(log_level, log_format)
    config = running.load_or_exit(config_file)
    if output is not None and not output.parent.is_dir():
        running.fail(f"{output}: {os.strerror(errno.ENOENT)}")
    text, succeeded = running.run(once.poll(config, os.environ))
    try:
        if output is None:
            sys.stdout.buffer.writelines(text)
            sys.stdout.buffer.flush()
        else:
            once.put(output, text)
    except OSError as error:
        running.fail(f"{output or 'standard output'}: {error.strerror}")
    if not succeeded:
        sys.exit(running.FAILED)


_DAY = click.DateTime(formats=["%Y-%m-%d"])


@main.command(name="backfill")
@flags.config_file
@flags.option("--from", type=_DAY, required=True, help="The first day.")
@flags.option("--to", type=_DAY, help="The last day; yesterday by default.")
@flags.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("backfill.om"),
    help="The OpenMetrics file; fetched days are kept beside it until it is written.",
)
@flags.option("--step", type=flags.Duration(), default="15m", help="Time between two samples of a series.")
@flags.option("--requests-per-minute", type=click.FloatRange(1), default=30.0, help="At most.")
@flags.log_level
@flags.log_format
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
    config = running.load_or_exit(config_file)
    today = datetime.now(config.timezone).date()
    yesterday = today - timedelta(days=1)
    first, last = from_["from"].date(), to.date() if to else yesterday
    if not first <= last <= yesterday:
        raise click.UsageError(
            f"--from {first} --to {last}: expected days in order, up to yesterday, {yesterday}"
        )
    if step < backfill.LEAST_STEP:
        raise click.UsageError(f"--step: found {step.total_seconds():g} s, expected 1 s at least")
    folder = output.with_name(f"{output.name}.days")
    try:
        with Days(folder) as days:
            span = backfill.Span(first, last, config.timezone, step)
            run = backfill.Backfill(config, os.environ, span, days, today)
            with click.progressbar(length=1, label="days", file=sys.stderr, show_pos=True) as bar:

                def progress(done: int, total: int) -> None:
                    bar.length = max(total, 1)
                    bar.update(done - bar.pos)

                running.run(run.fetch(60 / requests_per_minute, progress))
            backfill.write(output, run.exposition())
            days.remove()
    except InUseError as error:
        running.fail(str(error))
    except (KeyUnavailable, SendKitError, MalformedAnswerError, OSError) as error:
        running.fail(
            f"{error}\nrun the same command again to go on from here; {folder} holds what was fetched"
        )
    click.echo(f"written: {output}; next: promtool tsdb create-blocks-from openmetrics {output} DATA-FOLDER")


@main.command()
@flags.option("--prometheus.url", type=flags.Address(), required=True, help="Such as http://127.0.0.1:9090.")
@flags.option("--weeks", type=click.IntRange(1, 52), default=4, help="How many weeks to look back.")
def advise(prometheus_url: str, weeks: int) -> None:
    """Say for each threshold what it would have called for, and which value fits this fleet."""
    try:
        lines = running.run(advising.advise(prometheus_url, weeks))
    except PrometheusError as error:
        running.fail(str(error))
    click.echo("\n".join(lines))


@main.command(name="alert-test")
@flags.option(
    "--alertmanager.url", type=flags.Address(), required=True, help="Such as http://127.0.0.1:9093."
)
@flags.option("--workspace", default="test", help="The alert's workspace, for routes that look at it.")
@flags.option(
    "--severity",
    type=click.Choice(["critical", "warning", "info"]),
    default="critical",
    help="critical goes to those who are paged.",
)
def test_alerting(alertmanager_url: str, workspace: str, severity: str) -> None:
    """Send one alert, marked as a test, to Alertmanager, and print who gets it."""
    try:
        outcome = running.run(alert_test.send(alertmanager_url, workspace, severity))
    except alert_test.AlertTestError as error:
        running.fail(str(error))
    click.echo(
        "\n".join([f"sent: {alert_test.NAME} to {flags.without_password(alertmanager_url)}", *outcome.lines])
    )


if __name__ == "__main__":
    program.hold()
    main()
