"""What kustomize makes of a folder, for the few of its features that deploy/kubernetes uses.

Unlike kustomize it leaves out the hash at the end of a generated ConfigMap's name.
"""

from pathlib import Path
from typing import Any

import jsonpatch

from tests.yaml_files import all_from_yaml, from_yaml

Resource = dict[str, Any]

FEATURES = {"apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions", "patches"}


def build(folder: Path) -> list[Resource]:
    """Return the resources of a folder; raises `ValueError` for what is not known here."""
    kustomization = from_yaml((folder / "kustomization.yaml").read_text())
    if unknown := set(kustomization) - FEATURES:
        raise ValueError(f"{folder}: {unknown} is not known to the tests")
    resources = [resource for name in kustomization.get("resources", []) for resource in _load(folder, name)]
    common = kustomization.get("generatorOptions", {})
    resources += [
        _config_map(folder, generated, common | generated.get("options", {}))
        for generated in kustomization.get("configMapGenerator", [])
    ]
    for patch in kustomization.get("patches", []):
        operations = jsonpatch.JsonPatch(from_yaml(_own_file(folder, patch["path"]).read_text()))
        matching = [resource for resource in resources if _is_target(resource, patch["target"])]
        if not matching:
            raise ValueError(f"{folder}: {patch['target']} is not there")
        for resource in matching:
            operations.apply(resource, in_place=True)
    return resources


def _load(folder: Path, name: str) -> list[Resource]:
    """Return the resources of a file, or of another folder of its own."""
    if (folder / name).is_dir():
        return build(folder / name)
    return all_from_yaml(_own_file(folder, name).read_text())


def _own_file(folder: Path, name: str) -> Path:
    """Return a file's path; kustomize reads none from outside of the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{path} is outside of {folder}")
    return path


def _config_map(folder: Path, generated: dict[str, Any], options: dict[str, Any]) -> Resource:
    files = [_own_file(folder, name) for name in generated["files"]]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": generated["name"], "labels": options["labels"]},
        "data": {path.name: path.read_text() for path in files},
    }


def _is_target(resource: Resource, target: dict[str, str]) -> bool:
    return (resource["kind"], resource["metadata"]["name"]) == (target["kind"], target["name"])
