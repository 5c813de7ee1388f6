"""Write what follows from the table of rules: `python -m prometheus.build`."""

from pathlib import Path

from prometheus.output import (
    alertmanager_config,
    documentation,
    inhibition,
    kubernetes,
    receivers,
    rule_files,
    vmalert,
)
from prometheus.table import FILES
from prometheus.table.bounces import SENDS

ROOT = Path(__file__).parents[1]
ALERTMANAGER = "prometheus/alertmanager.example.yml"
SLACK = "prometheus/receivers/slack.yml"
DOCUMENTATION = "docs/rules.md"


def files() -> dict[str, str]:
    """Return the text of every file, by its path in the project.

    Of Alertmanager's configuration and of the documentation, a part alone is written; the rest stays.
    """
    alertmanager = inhibition.replaced(_read(ALERTMANAGER))
    return {
        **{f"prometheus/rules/{file.name}.yml": rule_files.text(file) for file in FILES},
        f"prometheus/tests/{SENDS.name}.yml": rule_files.text(SENDS),
        **{f"prometheus/vmalert/{file.name}.yml": rule_files.text(file) for file in vmalert.files()},
        "deploy/kubernetes/base/prometheus-rules.yaml": kubernetes.manifest(),
        "deploy/compose/alertmanager-slack.yml": receivers.with_slack(alertmanager, _read(SLACK)),
        "deploy/kubernetes/alertmanager-config.yaml": alertmanager_config.manifest(alertmanager),
        ALERTMANAGER: alertmanager,
        DOCUMENTATION: documentation.replaced(_read(DOCUMENTATION)),
    }


def _read(path: str) -> str:
    return (ROOT / path).read_text()


if __name__ == "__main__":
    for path, text in files().items():
        (ROOT / path).write_text(text)
