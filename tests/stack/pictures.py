"""The pictures of docs/images, made anew: `python -m tests.stack.pictures docs/images`.

The dashboards are drawn over a past of the simulated fleet by the command in GRAFANA_RENDERER, which is no
part of this project; it is called as `COMMAND DASHBOARD.json --prometheus URL --from TIME --to TIME --width
PIXELS --height PIXELS --out FILE.png`. Without it, the status page alone is made, by Chromium from the demo.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

from exporter.simulator import ScenarioRequest
from tests.dashboards import FOLDER
from tests.stack import history
from tests.stack.processes import EXPORTER, Process, Processes, free_port
from tests.waiting import wait_for

CHROMIUM = "/usr/bin/chromium"
HOUR = 3600
WIDTH = 1400
HEIGHTS = {"fleet": 1625, "domain": 1048}
STORY = history.Story(
    mailboxes=96,
    workspaces=4,
    events=(
        history.Event(5 * HOUR, ScenarioRequest("bounce_spike", {"ratio": 0.2})),
        history.Event(3 * HOUR, ScenarioRequest("mailbox_suspended", {})),
    ),
)
DEMO = ("--mailboxes", "96", "--scenario", "bounce_spike:ratio=0.3@1s", "--scenario", "mailbox_suspended@2s")


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with processes() as started:
        take_status_page(started, folder / "status-page.png")
    renderer = os.environ.get("GRAFANA_RENDERER")
    if not renderer:
        print("GRAFANA_RENDERER names no command: the dashboards' pictures stay as they are", file=sys.stderr)  # noqa: T201 - tells the one who runs it
        return
    with processes() as started:
        end = afternoon(datetime.now(UTC))
        server = history.seed(started, STORY, int(end.timestamp()))
        for name, height in HEIGHTS.items():
            options = {
                "--prometheus": server.url,
                "--from": f"{end - timedelta(days=2):%FT%TZ}",
                "--to": f"{end:%FT%TZ}",
                "--width": str(WIDTH),
                "--height": str(height),
                "--out": str(folder / f"{name}.png"),
            }
            told = [word for option in options.items() for word in option]
            subprocess.run([*shlex.split(renderer), str(FOLDER / f"{name}.json"), *told], check=True)


@contextmanager
def processes() -> Iterator[Processes]:
    """Yield processes with a folder of their own; all of them end with it."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        started = Processes(Path(folder))
        try:
            yield started
        finally:
            for process in reversed(started.running):
                process.end()


def afternoon(now: datetime) -> datetime:
    """Return 14:30 UTC of the last Wednesday or Thursday: amid a working day, after two others."""
    moment = now.replace(hour=14, minute=30, second=0, microsecond=0)
    while moment > now or moment.weekday() not in (2, 3):  # Monday is 0
        moment -= timedelta(days=1)
    return moment


def take_status_page(started: Processes, file: Path) -> None:
    """Take a picture of the demo's status page once its spike is told."""
    address = f"127.0.0.1:{free_port()}"
    demo = started.start("demo", (*EXPORTER, "demo", "--web.listen-address", address, *DEMO))
    demo.url = f"http://{address}"
    wait_for(lambda: tells_trouble(demo), 120, what="the demo tells of its spike")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
        page.goto(demo.url)
        page.screenshot(path=file)
        browser.close()


def tells_trouble(demo: Process) -> bool:
    """Whether the demo's page says that its mail is critical."""
    return demo.answers("/-/ready") and demo.get("/api/v1/status").json()["mail"]["state"] == "critical"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
