"""The release workflow: its form, who may do what, and its own commands."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.chart import CHART
from tests.manifests import ROOT
from tests.yaml_files import from_yaml

FILE = ROOT / ".github/workflows/release.yml"
WORKFLOW: dict[str, Any] = from_yaml(FILE.read_text())
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def steps(job: str) -> list[dict[str, Any]]:
    return list(JOBS[job]["steps"])


def used(job: str, action: str) -> dict[str, Any]:
    """The settings of the step that uses an action."""
    [step] = [step for step in steps(job) if step.get("uses", "").partition("@")[0] == action]
    return dict(step["with"])


def run(job: str, name: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a step's own command in a folder, as the runner does."""
    [command] = [step["run"] for step in steps(job) if step.get("name") == name]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_the_file_is_as_the_published_schema_says() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_nothing_is_released_before_the_check_and_all_is_published_last() -> None:
    def before(job: str) -> set[str]:
        needs = JOBS[job].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*map(before, direct))

    for job in set(JOBS) - {"check"}:
        assert "check" in before(job)
    assert before("publish") == set(JOBS) - {"publish"}


def test_a_job_may_do_no_more_than_it_must() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for name, job in JOBS.items():
        writes = {right for right, kind in job.get("permissions", {}).items() if kind == "write"}
        assert writes <= {"id-token", "attestations"} or (name, writes) == (
            "publish",
            {"id-token", "contents"},
        )
        assert used(name, "actions/checkout") == {"persist-credentials": False}


def test_the_image_is_built_for_two_architectures_with_provenance() -> None:
    image = used("image", "docker/build-push-action")
    assert image["platforms"].split(",") == ["linux/amd64", "linux/arm64"]
    assert (image["provenance"], image["sbom"]) == ("mode=max", True)
    for job in ("package", "image", "chart"):
        assert used(job, "actions/attest-build-provenance")


@pytest.mark.parametrize(("tag", "passes"), [("", True), ("-rc1", False)])
def test_a_tag_that_is_not_the_version_is_refused(project: Path, tag: str, passes: bool) -> None:  # noqa: FBT001
    name = f"v{PROJECT['version']}{tag}"
    ended = run("check", "The tag is the version of the package", project, GITHUB_REF_NAME=name)
    assert (ended.returncode == 0) == passes, ended.stderr


def test_the_package_leads_to_the_repository_that_released_it(project: Path) -> None:
    environ = {
        "GITHUB_SERVER_URL": "https://git.acme.example",
        "GITHUB_REPOSITORY": "acme/exporter",
        "GITHUB_REF_NAME": "v1",
    }
    ended = run("package", "The package says where it comes from", project, **environ)
    assert ended.returncode == 0, ended.stderr
    changed = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    urls = changed.pop("urls")
    assert changed == PROJECT
    assert urls["Source"] == "https://git.acme.example/acme/exporter"
    assert all(url.startswith(urls["Source"]) for url in urls.values())


def test_the_chart_names_the_image_that_was_released(tmp_path: Path) -> None:
    (tmp_path / "deploy/helm").mkdir(parents=True)
    shutil.copy(CHART / "values.yaml", tmp_path / "deploy/helm")
    name = "The chart names the image that was released"
    ended = run("chart", name, tmp_path, IMAGE="registry.acme.example/mail/sendkit-exporter")
    assert ended.returncode == 0, ended.stderr
    before, after = (
        from_yaml(path.read_text()) for path in (CHART / "values.yaml", tmp_path / "deploy/helm/values.yaml")
    )
    assert after["image"].pop("repository") == "registry.acme.example/mail/sendkit-exporter"
    before["image"].pop("repository")
    assert after == before


def test_the_notes_are_what_the_changelog_tells_of_the_version(project: Path) -> None:
    (project / "CHANGELOG.md").write_text(
        "## [Unreleased]\n\nnew\n\n## [1.2.0] - 2026-01-01\n\nours\n\n## [1.1.0] - 2025-01-01\n\nold\n"
    )
    name = "What the changelog tells of this version"
    assert run("publish", name, project, GITHUB_REF_NAME="v1.2.0").returncode == 0
    assert (project / "notes.md").read_text().split() == ["ours"]
    assert run("publish", name, project, GITHUB_REF_NAME="v1.3.0").returncode != 0


def test_no_text_of_others_is_put_into_a_command() -> None:
    """A name of a branch or a tag in `${{ }}` would be run by the shell."""
    for job in JOBS:
        for step in steps(job):
            assert not re.search(r"\$\{\{", step.get("run", ""))
