"""What the published schemas of the Prometheus operator have against a resource."""

import importlib

from tests.kustomize import Resource


def published_faults(resource: Resource) -> str:
    """What the operator's own definition has against a custom resource; unknown fields are faults."""
    version = resource["apiVersion"].rpartition("/")[2]
    models = importlib.import_module(f"cloudcoil.models.prometheus_operator.{version}")
    try:
        model = getattr(models, resource["kind"]).model_validate(resource)
    except ValueError as error:
        return str(error)
    understood = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return "" if understood == resource else "unknown fields"
