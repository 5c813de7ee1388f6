"""deploy/kubernetes agrees with the exporter, its image and its rules."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from exporter import cli, config
from grafana import exporter_dashboard
from tests.kustomize import Resource
from tests.manifests import BASE, BUILDS, FOLDER, ROOT, SHARDED, build, of_kind
from tests.yaml_files import all_from_yaml, from_yaml

LARGEST_CONFIG_MAP_BYTES = 1 << 20


DOCKERFILE = (ROOT / "Dockerfile").read_text()


def pod(folder: Path = BASE) -> dict[str, Any]:
    spec: dict[str, Any] = of_kind("StatefulSet", folder)["spec"]["template"]["spec"]
    return spec


def container(folder: Path = BASE) -> dict[str, Any]:
    (only,) = pod(folder)["containers"]
    assert isinstance(only, dict)
    return only


def environment(folder: Path = BASE) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in container(folder)["env"]}


@pytest.mark.skipif(
    not shutil.which("kubectl"), reason="kubectl, which has kustomize within, is not installed"
)
@pytest.mark.parametrize("folder", BUILDS, ids=lambda folder: folder.name)
def test_kustomize_makes_the_same_of_it(folder: Path) -> None:
    made = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True).stdout
    hashed = set(re.findall(r"^  name: (sendkit-exporter-\w{10})$", made, re.MULTILINE))
    assert len(hashed) == 1
    plain = made.replace(hashed.pop(), "sendkit-exporter")

    def by_name(resources: list[Resource]) -> list[Resource]:
        return sorted(resources, key=lambda resource: (resource["kind"], resource["metadata"]["name"]))

    assert by_name(build(folder)) == by_name(all_from_yaml(plain))


@pytest.mark.skipif(
    not shutil.which("kubectl"), reason="kubectl, which has kustomize within, is not installed"
)
def test_the_overlay_that_the_readme_tells_fits_the_base(tmp_path: Path) -> None:
    for name in ("deploy/kubernetes", "grafana"):
        shutil.copytree(ROOT / name, tmp_path / name)
    overlay = tmp_path / "deploy/kubernetes/overlays/mine"
    overlay.mkdir()
    told, *_ = re.findall(
        r"^```yaml\n(.*?)^```$", (FOLDER / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (overlay / "kustomization.yaml").write_text(told)
    (overlay / "config.yaml").write_text("accounts: []\n")

    made = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=True)

    assert made.stderr == ""
    resources = {
        (resource["kind"], resource["metadata"]["name"]): resource for resource in all_from_yaml(made.stdout)
    }
    assert len(resources) == len(build(BASE))
    for resource in resources.values():
        assert resource["metadata"]["namespace"] == "sendkit"
        assert resource["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    links = resources["PrometheusRule", "sendkit-settings"]["spec"]["groups"][0]["rules"][0]
    assert links["record"] == "sendkit:links:info"
    assert links["labels"] == {
        "runbooks": "https://wiki.example.com/sendkit-runbooks",
        "dashboards": "https://grafana.example.com/d",
    }
    template = resources["StatefulSet", "sendkit-exporter"]["spec"]["template"]["spec"]
    assert template["containers"][0]["image"].startswith("registry.example.com/sendkit-exporter:")
    (name,) = (volume["configMap"]["name"] for volume in template["volumes"] if "configMap" in volume)
    assert resources["ConfigMap", name]["data"] == {"config.yaml": "accounts: []\n"}


@pytest.mark.parametrize("link", re.findall(r"\]\(([^):]+)\)", (FOLDER / "README.md").read_text()))
def test_links_of_the_readme_lead_to_files(link: str) -> None:
    assert (FOLDER / link).exists()


def test_no_manifest_is_left_out() -> None:
    listed = from_yaml((BASE / "kustomization.yaml").read_text())["resources"]
    files = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml", "config.yaml"}

    assert {name for name in listed if name.endswith(".yaml")} == files


def test_rules_are_those_of_prometheus() -> None:
    ours = {
        f"sendkit-{path.stem}": from_yaml(path.read_text())
        for path in (ROOT / "prometheus/rules").glob("*.yml")
    }
    theirs = {
        resource["metadata"]["name"]: resource["spec"]
        for resource in build(BASE)
        if resource["kind"] == "PrometheusRule"
    }
    assert theirs == ours


def test_each_dashboard_is_a_config_map_that_the_sidecar_finds() -> None:
    dashboards = {path.name: path.read_text() for path in (ROOT / "grafana/dashboards").glob("*.json")}
    maps = [
        resource
        for resource in build(BASE)
        if resource["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
    ]

    assert dashboards
    assert {name: text for found in maps for name, text in found["data"].items()} == dashboards
    for found in maps:
        assert len(json.dumps(found)) < LARGEST_CONFIG_MAP_BYTES


def test_the_configuration_is_valid_and_names_what_is_mounted() -> None:
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    loaded = config.load(BASE / "config.yaml", {})

    assert [warning for warning in loaded.warnings() if "No such file" not in warning] == []
    assert [account.api_key_file and account.api_key_file.parent for account in loaded.accounts] == [
        Path(mounts["keys"]["mountPath"])
    ]
    assert loaded.state.directory == Path(mounts["state"]["mountPath"])
    assert "readOnly" not in mounts["state"]
    (folder, name) = environment()["SENDKIT_EXPORTER_CONFIG_FILE"]["value"].rsplit("/", 1)
    assert folder == mounts["config"]["mountPath"]
    assert name in next(
        resource["data"]
        for resource in build(BASE)
        if resource["kind"] == "ConfigMap" and resource["metadata"]["name"] == "sendkit-exporter"
    )


def test_every_volume_of_the_pod_is_mounted() -> None:
    claims = of_kind("StatefulSet")["spec"]["volumeClaimTemplates"]
    volumes = {volume["name"] for volume in pod()["volumes"]} | {
        claim["metadata"]["name"] for claim in claims
    }

    assert {mount["name"] for mount in container()["volumeMounts"]} == volumes


@pytest.mark.parametrize("folder", BUILDS, ids=lambda folder: folder.name)
def test_keys_are_only_referred_to(folder: Path) -> None:
    (keys,) = (volume["secret"] for volume in pod(folder)["volumes"] if "secret" in volume)

    assert keys["secretName"] == "sendkit-exporter-keys"
    assert "Secret" not in {resource["kind"] for resource in build(folder)}
    assert not re.search(r"\bsk_\w", json.dumps(build(folder)))


def test_the_pod_may_do_nothing_but_run() -> None:
    """It meets the Pod Security Standards' profile `restricted`, on a root that is read-only."""
    user, group = map(int, re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[0])

    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod())


def test_the_image_is_that_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert container()["image"] == f"sendkit-exporter:{version}"


@pytest.mark.parametrize("folder", BUILDS, ids=lambda folder: folder.name)
def test_the_environment_is_known_to_the_exporter(folder: Path) -> None:
    known = {option.envvar for option in cli.main.commands["run"].params if isinstance(option, click.Option)}

    assert set(environment(folder)) <= known


def test_probes_ask_for_the_exporters_own_health_alone() -> None:
    """An API that is down or a refused key takes no pod out of scraping and restarts none."""
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container()[probe]["httpGet"] == {"path": "/-/healthy", "port": "http"}


def test_what_refers_to_the_pods_finds_them() -> None:
    stateful_set, service, monitor = map(of_kind, ("StatefulSet", "Service", "ServiceMonitor"))
    labels = stateful_set["spec"]["template"]["metadata"]["labels"].items()
    (port,) = container()["ports"]

    assert stateful_set["spec"]["serviceName"] == service["metadata"]["name"]
    for selector in (
        stateful_set["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        pod()["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == [
        port["name"] for port in service["spec"]["ports"]
    ]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert of_kind("NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"] == port["name"]
    assert environment()["SENDKIT_EXPORTER_WEB_LISTEN_ADDRESS"]["value"] == f":{port['containerPort']}"
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(port["containerPort"])]


def test_the_job_is_the_one_that_the_dashboards_go_by() -> None:
    label = of_kind("ServiceMonitor")["spec"]["jobLabel"]

    assert f'job="{of_kind("Service")["metadata"]["labels"][label]}"' == exporter_dashboard.JOB


def test_as_many_shards_run_as_the_exporters_are_configured_for() -> None:
    shards = of_kind("StatefulSet", SHARDED)
    variables = environment(SHARDED)

    assert shards["spec"]["replicas"] > 1
    assert variables["SENDKIT_EXPORTER_SHARD_TOTAL"]["value"] == str(shards["spec"]["replicas"])
    index = variables["SENDKIT_EXPORTER_SHARD_INDEX"]["valueFrom"]
    assert index == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_shards_differ_from_the_base_in_nothing_else() -> None:
    shards = build(SHARDED)
    (stateful_set,) = (resource for resource in shards if resource["kind"] == "StatefulSet")
    stateful_set["spec"]["replicas"] = 1
    (only,) = stateful_set["spec"]["template"]["spec"]["containers"]
    only["env"] = [variable for variable in only["env"] if "_SHARD_" not in variable["name"]]

    assert shards == build(BASE)
