"""A picture of each message as the real Alertmanager sends it: `python -m tests.stack.message_pictures FILE`.

Text and links are those that arrived; the frames are not the services' own. The e-mail is its own HTML.
"""

import html
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from prometheus.table.actions import ACTIONS
from tests.rules.receiving import Received
from tests.rules.services import SERVICES, Message
from tests.servers import on_path
from tests.waiting import wait_for

CHROMIUM = "/usr/bin/chromium"
NAMES = {
    "slack": "Slack",
    "pagerduty": "PagerDuty",
    "teams": "Teams",
    "opsgenie": "Opsgenie",
    "email": "E-mail",
}
EXTERNAL = "https://sendkit.acme.example"
ALERT = {
    "labels": {"alertname": "SendKitWorkspaceBounceSpike", "severity": "critical", "workspace": "acme"},
    "annotations": {
        "summary": "Bounce spike in workspace acme",
        "description": "Workspace acme has 28 bounces of 106 sends within 24 h. The bounce rate is at least "
        "13.9 % (99.99 % confidence), and the threshold is 3.0 %.",
        "worst": "Most bounces within 24 h are of acme-mail.example (25 of 60 sends), get-acme.example (3 of "
        "46 sends)",
        "action": ACTIONS["SendKitWorkspaceBounceSpike"],
        "page_url": f"{EXTERNAL}/workspaces/acme",
        "dashboard_url": "https://grafana.acme.example/d/sendkit-fleet?var-workspace=acme",
        "runbook_url": f"{EXTERNAL}/runbooks/SendKitWorkspaceBounceSpike",
    },
}
STYLE = """
body { margin: 0; padding: 24px; background: #e4e4e7; font: 15px/1.45 sans-serif }
main { columns: 2; column-gap: 24px }
section { break-inside: avoid; margin-bottom: 24px; padding: 12px 20px }
section { background: #fff; border-left: 5px solid #b91c1c }
h2 { margin: 0; color: #71717a; font-size: 13px }
h3 { margin: 4px 0 8px; font-size: 17px }
p { margin: 0; white-space: pre-line }
"""


def main(file: Path) -> None:
    """Write the picture."""
    sections = [section(name) for name in NAMES]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 200})
        page.set_content(f"<!DOCTYPE html><style>{STYLE}</style><main>{''.join(sections)}</main>")
        page.screenshot(path=file, full_page=True)
        browser.close()


def section(name: str) -> str:
    """Return the message at a service, in a frame."""
    service = SERVICES[name]
    with (
        on_path("newest"),
        tempfile.TemporaryDirectory(prefix="pictures-") as folder,
        service.alertmanager(Path(folder)) as (server, received),
    ):
        alert = ALERT | {"startsAt": datetime.now(UTC).isoformat()}
        httpx.post(f"{server.address}/api/v2/alerts", json=[alert]).raise_for_status()
        [message] = wait_for(lambda: service.messages(received), what="a message arrives")
    body = sent_html(received) if name == "email" else framed(message)
    return f"<section><h2>{NAMES[name]}</h2>{body}</section>"


def framed(message: Message) -> str:
    """Return a message's title, text and links."""
    text = re.sub(r"\n(Page|Dashboard|Runbook)?: .*|\[\w+\]\(.*?\) ?", "", message.text).replace("**", "*")
    text = re.sub(r"\n\s*\n\s*", "\n", re.sub(r"\*(.+?)\*", r"<b>\1</b>", html.escape(text, quote=False)))
    links = " &nbsp; ".join(f'<a href="{html.escape(url)}">{name}</a>' for name, url in message.links.items())
    return f"<h3>{html.escape(message.title)}</h3><p>{text.strip()}</p><p>{links}</p>"


def sent_html(received: Received) -> str:
    """Return the body of the mail that arrived."""
    body = received.mails[0].get_body(("html",))
    assert body
    [inner] = re.findall(r"<body[^>]*>(.*)</body>", body.get_content(), re.DOTALL)
    return str(inner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
