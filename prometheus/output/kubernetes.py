"""The rules as resources of the Prometheus operator."""

from prometheus.output.rule_files import HEADER, content
from prometheus.output.yaml_text import dump_all
from prometheus.table import FILES


def manifest() -> str:
    """Return every file of rules as a PrometheusRule."""
    return HEADER + dump_all(
        [
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "PrometheusRule",
                "metadata": {
                    "name": f"sendkit-{file.name}",
                    "labels": {"app.kubernetes.io/name": "sendkit-exporter"},
                },
                "spec": content(file),
            }
            for file in sorted(FILES, key=lambda file: file.name)
        ]
    )
