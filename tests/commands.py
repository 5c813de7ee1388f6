"""The command line as a user meets it: a process, its output and its exit code."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.collectors import OFF

COMMAND = (sys.executable, "-m", "exporter")
PASSED_ON = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_CONFIG")
"""The names of the environment that a command gets; the last one measures it too, by `make coverage`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*arguments: str | Path, **environ: str) -> Outcome:
    """Run a command that ends by itself, in an environment without keys or proxies but for `environ`."""
    clean = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env={**clean, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


async def run_beside(*arguments: str | Path, **environ: str) -> Outcome:
    """Run a command in a process while this loop serves the API it calls."""
    return await asyncio.to_thread(run, *arguments, **environ)


def config_file(folder: Path, **config: Any) -> Path:  # noqa: ANN401 - as in YAML
    """Write a configuration and return where."""
    path = folder / "exporter.yaml"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


def fast(url: str, *accounts: Mapping[str, object], **sections: object) -> dict[str, object]:
    """Return a configuration of these accounts that gives up at once."""
    return {
        "api": {"base_url": url, "timeout": 2, "max_attempts": 1},
        "accounts": list(accounts),
        "collectors": OFF,
        **sections,
    }
