"""The folder of the state as others may have left it: linked, open to all, hanging, copied."""

import os
import shutil
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.config import Config
from exporter.fleet import state as state_module
from exporter.fleet.state import StateDirectory, StateUnavailableError
from tests.leases import hanging
from tests.states import OTHER, WORKSPACE, files, loaded, no_room, some


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder, victim = tmp_path / "state", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    (folder / "lock").symlink_to(victim)
    with pytest.raises(StateUnavailableError, match="symbolic link"):
        StateDirectory(folder)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("number", [0o777, 0o1777])
def test_a_folder_in_which_everybody_may_write_is_warned_of(tmp_path: Path, number: int) -> None:
    tmp_path.chmod(number)
    config = Config.model_validate(
        {"accounts": [{"name": "acme", "api_key": "sk_x"}], "state": {"directory": str(tmp_path)}}
    )
    [warning] = config.warnings()
    assert warning.startswith("state.directory: ")
    assert f"{number:04o}" in warning


def test_a_folder_that_cannot_be_one_is_warned_of(tmp_path: Path) -> None:
    """`run` ends at its start with it; `check` says so before."""
    (tmp_path / "state").write_text("a file")
    config = Config.model_validate(
        {"accounts": [{"name": "acme", "api_key": "sk_x"}], "state": {"directory": str(tmp_path / "state")}}
    )
    [warning] = config.warnings()
    assert warning.startswith("state.directory: ")
    assert "no folder" in warning
    with pytest.raises(StateUnavailableError):
        StateDirectory(tmp_path / "state")


def test_a_folder_written_another_way_is_the_same_folder(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    (tmp_path / "link").symlink_to(tmp_path / "state")
    assert state.is_at(tmp_path / "state" / ".." / "state")
    assert state.is_at(tmp_path / "link")
    assert not state.is_at(tmp_path)
    assert not state.is_at(tmp_path / "none")
    state.close()


def test_a_copy_without_file_times_is_as_old_as_what_it_holds(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    state.save(some(), 1_000)
    assert state.touch(WORKSPACE.key, "all", 1_060)
    state.close()
    shutil.copytree(tmp_path / "state", tmp_path / "copy", copy_function=shutil.copyfile)
    copy = StateDirectory(tmp_path / "copy")
    assert [saved.succeeded for saved in copy.load()] == [1_060]
    copy.close()


def test_an_unchanged_answer_writes_a_few_bytes_of_its_file(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.save(some(), 1_000)
    [path] = files(tmp_path)
    before, number = path.read_bytes(), path.stat().st_ino
    assert state.touch(WORKSPACE.key, "all", 2_000)
    after = path.read_bytes()
    assert path.stat().st_ino == number, "the file was not replaced"
    assert 0 < sum(a != b for a, b in zip(before, after, strict=True)) <= 16
    state.close()


def test_a_pipe_among_the_files_is_set_aside_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "planted.state")
    state = StateDirectory(tmp_path)
    began = time.monotonic()
    with capture_logs() as logged:
        assert loaded(state) == {}
    assert time.monotonic() - began < 2
    assert [told["event"] for told in logged] == ["state: damaged file set aside, counters start afresh"]
    state.close()


def test_a_file_that_hangs_costs_its_time_once_and_then_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "ANSWER_SECONDS", 0.5)
    state = StateDirectory(tmp_path)
    state.save(some(), 1_000)
    [path] = files(tmp_path)
    with hanging(path):
        with pytest.raises(StateUnavailableError, match="no answer within"):
            list(state.load())
        began = time.monotonic()
        for _ in range(5):
            state.save(some(rise=6), 1_001)
            state.forget(OTHER.key, "all")
        assert time.monotonic() - began < 0.5
        assert state.error == "the folder gives no answer"
    state.close()


def test_a_nearly_full_disk_is_reported_once_in_an_hour(tmp_path: Path) -> None:
    """Small files are saved and large ones are not, at each poll anew."""
    state = StateDirectory(tmp_path)
    with capture_logs() as logged:
        for poll in range(20):
            with no_room():
                state.save(some(), 1_000 + 60 * poll)
            state.save(some(), 1_030 + 60 * poll)
    assert [told["event"] for told in logged] == ["state: not saved", "state: saved again"]
    state.close()


def test_a_file_that_cannot_be_removed_is_reported_once(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.save(some(), 1_000)
    [path] = files(tmp_path)
    path.unlink()
    path.mkdir()
    with capture_logs() as logged:
        for poll in range(5):
            state.forget(WORKSPACE.key, "all")
            state.save(some(), 1_060 + 60 * poll)
    events = [told["event"] for told in logged]
    assert events.count("state: an old file can't be removed") == 1
    assert events.count("state: not saved") == 1
    state.close()
