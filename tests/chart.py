"""The Helm chart, rendered by Helm's own engine."""

from pathlib import Path
from typing import Any

import helm_python

from tests.kustomize import Resource
from tests.yaml_files import all_from_yaml

CHART = Path(__file__).parents[1] / "deploy/helm"


def rendered(values: dict[str, Any] | None = None, *, name: str = "sendkit-exporter") -> list[Resource]:
    """Return the resources that an installation with these values makes; raise `HelmError` for bad values."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(chart.merge_values(values))
        texts = chart.render(values, name=name, namespace="sendkit")
    return [
        resource
        for path, text in texts.items()
        if path.endswith(".yaml")
        for resource in all_from_yaml(text)
        if resource
    ]


def of_kind(kind: str, values: dict[str, Any] | None = None) -> Resource:
    """Return the one resource of a kind."""
    (resource,) = (resource for resource in rendered(values) if resource["kind"] == kind)
    return resource
