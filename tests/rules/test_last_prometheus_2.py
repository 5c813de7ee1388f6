"""The alerts' unit tests on the last Prometheus 2, between both ends of the range."""

import subprocess
from pathlib import Path

import pytest

from tests.rules.test_alerts import TEST_FILES
from tests.servers import LAST_2

PROMTOOL = str(LAST_2 / "promtool")


def test_the_last_prometheus_2_is_what_debian_13_has() -> None:
    version = subprocess.run([PROMTOOL, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("promtool, version 2.53"), version


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)
def test_the_unit_tests_pass_on_the_last_prometheus_2(path: Path) -> None:
    run = subprocess.run([PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
