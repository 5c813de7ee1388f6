"""Where `once --output` puts its text: devices, pipes and links stay what they are."""

import os
import threading
from pathlib import Path

import pytest

from exporter.commands.once import put

CANARY = "sk_canary-0123456789abcdef"


def test_a_link_stays_and_leads_to_the_new_text(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "real.prom", tmp_path / "sendkit.prom"
    target.write_text("old")
    link.symlink_to(target)
    put(link, [b"new"])
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir() if file.name != "folder"] == ["sendkit.prom"]


def test_a_device_is_written_to(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root may make a device")
    before = device.stat()
    put(device, [b"new"])
    assert (device.stat().st_ino, device.stat().st_mode) == (before.st_ino, before.st_mode)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    put(pipe, [b"new"])
    reader.join(10)
    assert read == [b"new"]
    assert pipe.is_fifo()


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        put(tmp_path, [b"new"])
