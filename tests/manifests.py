"""The resources that deploy/kubernetes makes, as tests look at them."""

import copy
from functools import cache
from pathlib import Path

from tests import kustomize
from tests.kustomize import Resource

ROOT = Path(__file__).parents[1]


FOLDER = ROOT / "deploy/kubernetes"


BASE, SHARDED = FOLDER / "base", FOLDER / "overlays/sharded"


BUILDS = [BASE, SHARDED]


OPERATOR = "monitoring.coreos.com/v1"


@cache
def _built(folder: Path) -> list[Resource]:
    return kustomize.build(folder)


def build(folder: Path) -> list[Resource]:
    """The resources of a folder, to be changed at will."""
    return copy.deepcopy(_built(folder))


def of_kind(kind: str, folder: Path = BASE) -> Resource:
    """The one resource of a kind."""
    (resource,) = (resource for resource in build(folder) if resource["kind"] == kind)
    return resource
