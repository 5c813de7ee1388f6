"""The files around the package agree with it: README, Makefile, locks, image, CI."""

import json
import os
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement

from exporter.cli import main
from exporter.commands.flags import DEFAULT_ADDRESS
from exporter.config import reference as config_reference
from exporter.exposition import reference as metrics_reference

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CI = (ROOT / ".ci/run").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = PROJECT["project"]["version"]
PORT = DEFAULT_ADDRESS.rpartition(":")[2]
WALKTHROUGH = runpy.run_path(str(ROOT / "tests/walkthrough.py"))


def told() -> list[str]:
    """The commands that the README tells."""
    return [
        line
        for language, text in WALKTHROUGH["blocks"](README)
        if language == "sh"
        for line in text.splitlines()
    ]


def locked(name: str) -> dict[str, str]:
    """The versions of a lock file, by package."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


def test_every_command_of_the_readme_is_run() -> None:
    """The walkthrough runs them all but a few, and those CI runs itself."""
    assert "tests/walkthrough.py" in CI
    assert "make run" in told()
    for command in WALKTHROUGH["ELSEWHERE"]:
        assert command in told()
        assert re.search(rf"^step(_beside)? .* '{command}( [^']*)?'$", CI, re.MULTILINE), command


def test_no_other_kind_of_block_hides_a_command() -> None:
    fences = re.findall(r"^\s*```(.*)$", README, re.MULTILINE)

    assert set(fences[::2]) == {"sh", "yaml"}
    assert set(fences[1::2]) == {""}


def test_targets_that_the_documents_name_exist() -> None:
    text = README + CI + (ROOT / "exporter/exposition/reference.py").read_text()
    targets = re.findall(r"[`'\n]make ([a-z]+)", text)

    assert {"run", "test", "lint"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_targets_are_phony() -> None:
    """A file of the same name, such as the folder docs, stops none of them."""
    phony = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)) == set(phony[0].split())


@pytest.mark.parametrize("link", re.findall(r"\]\(([^):]+)\)", README))
def test_links_lead_to_files_and_their_headings(link: str) -> None:
    file, _, anchor = link.partition("#")
    path = ROOT / (file or "README.md")
    assert path.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_flags_and_commands_of_the_readme_exist() -> None:
    commands = {
        name: {flag for parameter in command.params for flag in parameter.opts}
        for name, command in main.commands.items()
    }
    named = re.findall(
        r"sendkit-exporter ([a-z]+)((?: --?[a-z.-]+(?: [\w./]+)?)*)$", "\n".join(told()), re.MULTILINE
    )

    assert named
    for command, flags in named:
        assert set(re.findall(r"--[a-z.-]+", flags)) <= commands[command]
    every = set().union(*commands.values()) | {"--help"}
    assert set(re.findall(r"`(--[a-z.-]+)", README)) <= every


def test_environment_variables_of_the_readme_exist() -> None:
    variables = {
        str(parameter.envvar)
        for command in main.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }

    assert set(re.findall(r"SENDKIT_EXPORTER_[A-Z_]+", README + DOCKERFILE)) <= variables


def test_references_are_those_of_the_code() -> None:
    """`make docs` writes them."""
    assert (ROOT / "docs/metrics.md").read_text() == metrics_reference.reference()
    assert (ROOT / "docs/configuration.md").read_text() == config_reference.markdown()


@pytest.mark.parametrize("name", ["build", "run", "dev"])
def test_locks_hold_every_package_by_its_hashes(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) == len(locked(name))
    for entry in entries:
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text  # where packages come from is the reader's choice


def test_locks_agree_with_each_other() -> None:
    assert locked("run").items() <= locked("dev").items()
    assert locked("build").items() <= locked("dev").items()


def wanted() -> Iterator[tuple[str, str]]:
    groups = PROJECT["dependency-groups"]
    for requirement in PROJECT["project"]["dependencies"]:
        yield "run", requirement
    for requirement in [*groups["build"], *PROJECT["build-system"]["requires"]]:
        yield "build", requirement
    for requirement in groups["dev"]:
        if isinstance(requirement, str):
            yield "dev", requirement


@pytest.mark.parametrize(("name", "text"), list(wanted()))
def test_locks_hold_what_the_project_wants(name: str, text: str) -> None:
    """After a change of dependencies, `make lock`."""
    requirement = Requirement(text)

    assert locked(name)[requirement.name] in requirement.specifier


def test_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert VERSION in headings


def test_ci_and_its_scripts_can_be_started() -> None:
    for script in (".ci/run", "tests/install-servers"):
        assert os.access(ROOT / script, os.X_OK), script


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name in the Dockerfile."""
    lines = re.sub(r"\\\n", " ", DOCKERFILE)
    return re.findall(rf"^\s*{name} (.*)$", lines, re.MULTILINE)


def test_image_copies_what_the_context_holds() -> None:
    """The context is what .dockerignore lets through."""
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    sources = [
        source
        for copy in instructions("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    ]

    assert "exporter" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert {source, source.split("/")[0]} & {*allowed}, source


def test_image_runs_as_a_numeric_user_other_than_root() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (\d+):(\d+)$", last_stage, re.MULTILINE)

    assert [number for ids in users for number in ids if number == "0"] == []
    assert len(users) == 1


def test_image_starts_the_program_without_a_shell() -> None:
    """A shell in between would keep signals to itself."""
    (entrypoint,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")

    assert json.loads(entrypoint) == ["sendkit-exporter"]
    assert json.loads(command) == ["run"]


def test_image_serves_and_is_checked_at_the_port_of_the_exporter() -> None:
    assert instructions("EXPOSE") == [PORT]
    assert f"SENDKIT_EXPORTER_WEB_LISTEN_ADDRESS=:{PORT}" in DOCKERFILE
    (health,) = instructions("HEALTHCHECK")
    check = json.loads(health[health.index("[") :])[-1]
    compile(check, "HEALTHCHECK", "exec")
    assert f"'127.0.0.1', {PORT}" in check
    assert "/-/healthy" in check


def test_image_is_built_from_pinned_parts() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim", DOCKERFILE)
    for command in instructions("RUN"):
        for install in re.findall(r"pip [^&]*install[^&]*", command):
            assert "--require-hashes" in install or "--no-index" in install


def test_image_is_labelled_with_the_version() -> None:
    assert f'org.opencontainers.image.version="{VERSION}"' in DOCKERFILE


def test_what_is_proven_is_proven_by_tests_that_there_are() -> None:
    """The table in docs/rules.md names a file of tests, or a test in it."""
    section = (
        (ROOT / "docs/rules.md").read_text().partition("## What is proven where")[2].partition("\n## ")[0]
    )
    named = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", section)
    assert len(named) > 8
    for file, test in named:
        texts = [path.read_text() for path in (ROOT / "tests").rglob(file)]
        assert any(f"def {test}(" in text if test else text for text in texts), (file, test)
