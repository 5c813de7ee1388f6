"""deploy/systemd holds by systemd's own checks and agrees with the exporter's command line."""

import re
import subprocess
from pathlib import Path

import pytest

from exporter import cli
from exporter.web import server

UNIT = Path(__file__).parents[2] / "deploy/systemd/sendkit-exporter.service"
LARGEST_EXPOSURE = 1.5
"""Of 10: what is left is the network, a root folder shared with the system, and AF_UNIX for look-ups."""


def settings(name: str) -> list[str]:
    """The values of a setting, in their order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; fails where it is missing."""
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verify(text: str, folder: Path) -> str:
    """What systemd has against a unit of this text; its programs are replaced by one that exists."""
    unit = folder / UNIT.name
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    checked = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    return checked.stderr + ("" if checked.returncode == 0 else f"exit code {checked.returncode}")


def exposed(unit: Path, threshold: float) -> subprocess.CompletedProcess[str]:
    """Ask whether what the unit leaves open is above a threshold, of 10."""
    return analyze("security", "--offline=true", f"--threshold={threshold * 10:.0f}", "--no-pager", str(unit))


def test_systemd_takes_the_unit_without_a_warning(tmp_path: Path) -> None:
    assert verify(UNIT.read_text(), tmp_path) == ""


@pytest.mark.parametrize(
    ("setting", "fault"),
    [("Type=exec", "Type=exact"), ("ProtectClock=yes", "ProtectClocks=yes"), ("UMask=0077", "UMask=0999")],
)
def test_systemd_refuses_a_broken_unit(setting: str, fault: str, tmp_path: Path) -> None:
    text = UNIT.read_text()
    line = text[: text.index(setting)].count("\n") + 1

    assert f"{UNIT.name}:{line}:" in verify(text.replace(setting, fault), tmp_path)


def test_the_unit_of_systemd_leaves_little_open() -> None:
    checked = exposed(UNIT, LARGEST_EXPOSURE)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_unit_without_its_sandbox_leaves_more_open(tmp_path: Path) -> None:
    """So the threshold is one that a few settings lost would pass."""
    lost = re.compile(r"^(SystemCallFilter|PrivateUsers)=.*\n", re.MULTILINE)
    bare = tmp_path / UNIT.name
    bare.write_text(lost.sub("", UNIT.read_text()))

    assert exposed(bare, LARGEST_EXPOSURE).returncode != 0


def test_unit_starts_what_the_command_line_takes() -> None:
    (start,) = settings("ExecStart")
    program, command, *arguments = start.split()
    flags = {flag for parameter in cli.main.commands[command].params for flag in parameter.opts}

    assert Path(program).is_absolute()
    assert Path(program).name == "sendkit-exporter"
    assert {argument.partition("=")[0] for argument in arguments} <= flags


def test_unit_reloads_by_the_signal_that_the_exporter_takes() -> None:
    assert settings("ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_unit_leaves_the_exporter_time_to_end() -> None:
    (seconds,) = settings("TimeoutStopSec")

    assert int(seconds) > server.DRAIN_SECONDS
