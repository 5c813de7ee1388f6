"""Write the dashboards as Grafana loads them: `python -m grafana.build`."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import domain_dashboard, exporter_dashboard, fleet_dashboard, mailbox_dashboard

FOLDER = Path(__file__).parent / "dashboards"
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
