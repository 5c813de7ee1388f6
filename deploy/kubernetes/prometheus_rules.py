"""Write base/prometheus-rules.yaml: every file of prometheus/rules as a PrometheusRule.

`make kubernetes` runs it.
"""

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
RULES = FOLDER.parents[1] / "prometheus/rules"
TARGET = FOLDER / "base/prometheus-rules.yaml"
HEADER = "# Generated from prometheus/rules by `make kubernetes`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and each value in full where the source has an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def prometheus_rule(source: Path) -> dict[str, Any]:
    """Return a file of rules as a resource of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": f"sendkit-{source.stem}",
            "labels": {"app.kubernetes.io/name": "sendkit-exporter"},
        },
        "spec": yaml.safe_load(source.read_text()),
    }


def manifest() -> str:
    """Return all rules as a manifest of Kubernetes."""
    resources = [prometheus_rule(source) for source in sorted(RULES.glob("*.yml"))]
    return HEADER + yaml.dump_all(resources, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


if __name__ == "__main__":
    TARGET.write_text(manifest())
