"""Write the dashboards, and the alerts as its own, as Grafana loads them: `python -m grafana.build`."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import alert_rules, domain_dashboard, exporter_dashboard, fleet_dashboard, mailbox_dashboard

FOLDER = Path(__file__).parent / "dashboards"
ALERTS = Path(__file__).parent / "alerting/sendkit.yml"
DASHBOARDS = {
    "fleet.json": fleet_dashboard.dashboard,
    "domain.json": domain_dashboard.dashboard,
    "mailbox.json": mailbox_dashboard.dashboard,
    "exporter.json": exporter_dashboard.dashboard,
}


def text(name: str) -> str:
    """Return the text of a dashboard's file."""
    return json.dumps(DASHBOARDS[name](), cls=JSONEncoder, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file in DASHBOARDS:
        (FOLDER / file).write_text(text(file))
    ALERTS.write_text(alert_rules.text())
