"""The pictures of docs/images, made anew: `python -m tests.stack.pictures docs/images`.

The status page is drawn by Chromium, over days of a simulated fleet: quiet, in a bounce spike, well again.
The dashboards are drawn over a past of such a fleet by the command in GRAFANA_RENDERER, which is no part of
this project; it is called as `COMMAND DASHBOARD.json --prometheus URL --from TIME --to TIME --width PIXELS
--height PIXELS --out FILE.png`. Without it, the pictures of the status page alone are made.
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

from playwright.sync_api import Page, sync_playwright

from exporter.fleet.findings import State
from exporter.simulator import ScenarioRequest
from tests.dashboards import FOLDER
from tests.stack import history
from tests.stack.animation import animated
from tests.stack.processes import Processes
from tests.stack.watched_days import WatchedDays

CHROMIUM = "/usr/bin/chromium"
HOUR = 3600
WIDTH = 1400
HEIGHTS = {"fleet": 1662, "domain": 1092, "mailbox": 944}
STORY = history.Story(
    mailboxes=96,
    workspaces=4,
    collectors=True,
    events=(
        history.Event(5 * HOUR, ScenarioRequest("bounce_spike", {"ratio": 0.2})),
        history.Event(3 * HOUR, ScenarioRequest("mailbox_suspended", {})),
    ),
)
SPIKED = "acme"
"""The workspace in which a domain bounces: the first one."""
PHONE_WIDTH = 390
FRAME_SIZE = (1000, 500)
FRAME_SECONDS = (2.5, 4, 4, 3, 4)


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    end = afternoon(datetime.now(UTC))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        take_status_pages(browser.new_page(color_scheme="light"), end, folder)
        browser.close()
    renderer = os.environ.get("GRAFANA_RENDERER")
    if not renderer:
        print("GRAFANA_RENDERER names no command: the dashboards' pictures stay as they are", file=sys.stderr)  # noqa: T201 - tells the one who runs it
        return
    with processes() as started:
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


def take_status_pages(page: Page, end: datetime, folder: Path) -> None:
    """Take the status page in a spike and after it, for a screen and a phone, and both in motion."""
    days = WatchedDays(end - timedelta(days=4), mailboxes=96, workspaces=4)
    spike = end - timedelta(days=1, hours=4)
    for _ in days.polls(spike):
        pass
    frames = [frame(page, days.page())]
    days.begin("bounce_spike", ratio=0.6, duration=4 * HOUR)
    for mail in days.polls(end):
        if mail.state is State.CRITICAL:
            break
    frames.append(frame(page, days.page()))
    for _ in days.polls(spike + timedelta(hours=2)):
        pass
    frames.append(frame(page, days.page()))
    show(page, days.page(), WIDTH, 1000).screenshot(path=folder / "status-page.png")
    show(page, days.page(), PHONE_WIDTH, 844).screenshot(path=folder / "status-page-phone.png")
    page.emulate_media(color_scheme="dark")
    show(page, days.page_of(SPIKED), WIDTH, 700).screenshot(path=folder / "workspace-page.png")
    page.emulate_media(color_scheme="light")
    for mail in days.polls(end + timedelta(days=1)):
        if mail.state is State.OK:
            break
    frames.append(frame(page, days.page()))
    page.locator("#incidents").evaluate("heading => heading.scrollIntoView({block: 'center'})")
    frames.append(page.screenshot())
    show(page, days.page(), WIDTH, 1000).screenshot(path=folder / "status-page-recovered.png", full_page=True)
    (folder / "status-page-story.png").write_bytes(animated(frames, FRAME_SECONDS))


def frame(page: Page, html: str) -> bytes:
    """Return a picture of the head of a page."""
    return show(page, html, *FRAME_SIZE).screenshot()


def show(page: Page, html: str, width: int, height: int) -> Page:
    """Return the page on a screen of that size."""
    page.set_viewport_size({"width": width, "height": height})
    page.set_content(html)
    return page


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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
