"""The Helm chart makes what deploy/kubernetes makes, and what its values say."""

import json
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest

from exporter import config
from tests.chart import CHART, of_kind, rendered
from tests.kustomize import Resource
from tests.manifests import BASE, OPERATOR, ROOT, SHARDED, build
from tests.operator_schemas import published_faults
from tests.yaml_files import from_yaml

VERSIONS = ["1.30", "1.37"]
OF_HELM = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "imagePullPolicy",
}
"""What kustomize does not make, besides the pods' annotation."""

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/exporter", "tag": "1", "pullSecrets": ["registry"]},
    "keys": {"values": {"default.key": "sk_user_example"}},
    "shards": 3,
    "externalUrl": "https://sendkit.acme.example",
    "links": {"dashboards": "https://grafana.acme.example/d"},
    "extraEnv": [{"name": "SENDKIT_EXPORTER_LOG_LEVEL", "value": "debug"}],
    "persistence": {"storageClass": "fast"},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "mail"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "mail", "operator": "Exists"}],
    "priorityClassName": "high",
    "serviceMonitor": {"labels": {"release": "prometheus"}},
    "prometheusRule": {"labels": {"release": "prometheus"}},
    "dashboards": {"annotations": {"grafana_folder": "SendKit"}},
    "networkPolicy": {
        "extraIngress": [{"from": [{"podSelector": {}}]}],
        "extraEgress": [{"ports": [{"port": 3128}]}],
    },
}
VALUES = [{}, EVERYTHING]


def plain(resources: list[Resource]) -> list[Resource]:
    """Return resources without what Helm and kustomize do differently."""
    return sorted((_plain(resource) for resource in resources), key=json.dumps)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of a resource
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _part(key, part) for key, part in sorted(value.items()) if key not in OF_HELM}


def _part(key: str, part: Any) -> Any:  # noqa: ANN401 - any part of a resource
    if key == "name" and isinstance(part, str):
        return re.sub("^sendkit-exporter-(?!keys)", "sendkit-", part)
    return from_yaml(part) if key == "config.yaml" else _plain(part)


def without_annotations(resources: list[Resource]) -> list[Resource]:
    """Return resources whose pods have no annotations: by the chart's, a changed configuration rolls them."""
    for resource in resources:
        if resource["kind"] == "StatefulSet":
            assert set(resource["spec"]["template"]["metadata"].pop("annotations")) == {"checksum/config"}
    return resources


@pytest.mark.parametrize(("values", "folder"), [({}, BASE), ({"shards": 3}, SHARDED)])
def test_the_chart_makes_what_kustomize_makes(values: dict[str, Any], folder: Path) -> None:
    """Other labels, and names that begin with the release's, apart."""
    assert plain(without_annotations(rendered(values))) == plain(build(folder))


@pytest.mark.xdist_group("operator schemas")  # building their models takes seconds in each process
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", VALUES, ids=["defaults", "everything"])
def test_resources_hold_by_the_published_schemas(values: dict[str, Any], version: str) -> None:
    for resource in rendered(values, name="mail"):
        if resource["apiVersion"] == OPERATOR:
            assert published_faults(resource) == ""
        else:
            kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("values", VALUES, ids=["defaults", "everything"])
def test_helm_finds_nothing_to_mend(values: dict[str, Any]) -> None:
    report = helm_python.lint(CHART, values, strict=True)
    assert [found["error"] for found in report["messages"]] == ["icon is recommended"]
    assert report["errors"] == []


def test_the_default_configuration_is_valid() -> None:
    text = of_kind("StatefulSet")["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in text["containers"][0]["volumeMounts"]}
    loaded = config.Config.model_validate(from_yaml((CHART / "values.yaml").read_text())["config"])
    assert str(loaded.state.directory) == mounts["state"]
    assert [str(account.api_key_file.parent) for account in loaded.accounts if account.api_key_file] == [
        mounts["keys"]
    ]


def test_keys_in_the_values_become_a_secret_that_is_mounted() -> None:
    secret = of_kind("Secret", EVERYTHING)
    assert secret["stringData"] == {"default.key": "sk_user_example"}
    volumes = of_kind("StatefulSet", EVERYTHING)["spec"]["template"]["spec"]["volumes"]
    assert secret["metadata"]["name"] in [
        volume["secret"]["secretName"] for volume in volumes if "secret" in volume
    ]
    others = [resource for resource in rendered(EVERYTHING) if resource["kind"] != "Secret"]
    assert "sk_user_example" not in json.dumps(others)


def test_without_keys_in_the_values_no_secret_is_made() -> None:
    assert "Secret" not in {resource["kind"] for resource in rendered()}


def test_a_changed_configuration_rolls_the_pods() -> None:
    one, other = (
        of_kind("StatefulSet", {"config": {"timezone": zone}})["spec"]["template"]["metadata"]["annotations"]
        for zone in ("UTC", "Europe/Berlin")
    )
    assert one["checksum/config"] != other["checksum/config"]


def test_links_of_alerts_are_those_of_the_values() -> None:
    links = {"dashboards": "https://grafana.acme.example/d", "runbooks": "https://wiki.acme.example"}
    [rule] = [
        rule
        for resource in rendered({"links": links})
        if resource["kind"] == "PrometheusRule"
        for group in resource["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record") == "sendkit:links:info"
    ]
    assert rule["labels"] == links


def test_names_begin_with_the_release_and_the_job_stays_what_dashboards_go_by() -> None:
    resources = rendered(name="mail")
    assert all(resource["metadata"]["name"].startswith("mail-sendkit-exporter") for resource in resources)
    [monitor] = [resource for resource in resources if resource["kind"] == "ServiceMonitor"]
    [service] = [resource for resource in resources if resource["kind"] == "Service"]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "sendkit-exporter"
    selected = monitor["spec"]["selector"]["matchLabels"]
    assert selected.items() <= service["metadata"]["labels"].items()
    assert selected["app.kubernetes.io/instance"] == "mail"


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("serviceMonitor", "ServiceMonitor"),
        ("prometheusRule", "PrometheusRule"),
        ("networkPolicy", "NetworkPolicy"),
        ("podDisruptionBudget", "PodDisruptionBudget"),
    ],
)
def test_a_part_that_is_off_is_left_out(part: str, kind: str) -> None:
    kinds = {resource["kind"] for resource in rendered({part: {"enabled": False}})}
    assert kinds == {resource["kind"] for resource in rendered()} - {kind}


@pytest.mark.parametrize(
    "values",
    [
        {"shard": 3},
        {"shards": 0},
        {"shards": "many"},
        {"image": {"name": "x"}},
        {"links": {"dashboards": "https://grafana.acme.example/d/"}},
        {"externalUrl": "sendkit.acme.example"},
        {"keys": {"existingSecret": ""}},
    ],
    ids=json.dumps,
)
def test_values_that_are_wrong_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmError):
        rendered(values)


def test_every_value_is_known_to_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = from_yaml((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)


def test_the_chart_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = from_yaml((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)


def test_a_package_of_the_chart_holds_rules_and_dashboards(tmp_path: Path) -> None:
    """In the repository these are links to where they are written."""
    archive = helm_python.package(CHART, destination=tmp_path)
    with tarfile.open(archive) as package:
        packed = {member.name.removeprefix("sendkit-exporter/") for member in package if member.isfile()}
    for folder, files in (("rules", "prometheus/rules"), ("dashboards", "grafana/dashboards")):
        assert {f"{folder}/{path.name}" for path in (ROOT / files).iterdir()} <= packed


@pytest.mark.parametrize("link", re.findall(r"\]\(([^):#]+)", (CHART / "README.md").read_text()))
def test_links_of_the_readme_lead_to_files(link: str) -> None:
    assert (CHART / link).exists()


def test_the_values_that_the_readme_shows_are_valid() -> None:
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert rendered(from_yaml(shown))
