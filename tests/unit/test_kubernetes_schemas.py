"""deploy/kubernetes holds by the published schemas of Kubernetes and of the operator."""

from pathlib import Path

import kubernetes_validate
import pytest

from tests.manifests import BASE, BUILDS, FOLDER, OPERATOR, build, of_kind
from tests.operator_schemas import published_faults
from tests.yaml_files import from_yaml

pytestmark = pytest.mark.xdist_group("operator schemas")  # building their models takes seconds

VERSIONS = ["1.30", "1.37"]
"""Of Kubernetes: the oldest that is meant, and the newest whose schemas the validator carries."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", BUILDS, ids=lambda folder: folder.name)
def test_resources_hold_by_the_schemas_of_kubernetes(folder: Path, version: str) -> None:
    resources = [resource for resource in build(folder) if resource["apiVersion"] != OPERATOR]

    assert resources
    for resource in resources:
        kubernetes_validate.validate(resource, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_refused() -> None:
    wrong = of_kind("StatefulSet")
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_custom_resources_hold_by_the_operators_schemas() -> None:
    resources = [resource for resource in build(BASE) if resource["apiVersion"] == OPERATOR]

    assert {resource["kind"] for resource in resources} == {"ServiceMonitor", "PrometheusRule"}
    for resource in resources:
        assert published_faults(resource) == "", resource["metadata"]["name"]


def test_the_configuration_of_alertmanager_holds_by_the_operators_schema() -> None:
    resource = from_yaml((FOLDER / "alertmanager-config.yaml").read_text())
    assert published_faults(resource) == ""
    resource["spec"]["inhibitRules"][0]["sourceMatchers"] = []
    assert published_faults(resource)


@pytest.mark.parametrize(
    ("field", "value"), [("intervall", "30s"), ("interval", "half a minute"), ("path", 1)]
)
def test_a_monitor_that_the_operator_would_refuse_is_refused(field: str, value: object) -> None:
    wrong = of_kind("ServiceMonitor")
    wrong["spec"]["endpoints"][0][field] = value

    assert published_faults(wrong)
