"""What is saved, and what of it survives damage, a full disk and a clock that is set."""

import errno
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip
from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant
from exporter.fleet.saved import Saved
from exporter.fleet.state import StateDirectory, StateUnavailableError
from tests.answers import answer_of, mailbox
from tests.states import OTHER, WORKSPACE, files, loaded, no_room, some

START = b"sendkit-exporter state 3\n"


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as events:
        yield events


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    """A folder of state, which is taken."""
    directory = StateDirectory(tmp_path / "state")
    yield directory
    directory.close()


@contextmanager
def mounted(folder: Path, *what: str) -> Iterator[None]:
    """Mount a file system on a folder."""
    mount = ["mount", *what, str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing in a folder be changed, as on a file system that is read-only."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


class TestFile:
    def test_a_file_of_state_holds_what_was_saved(self, state: StateDirectory) -> None:
        first = answer_of(mailbox(_id="a", performance={"sent": 7}), mailbox(_id="b", performance=None))
        second = answer_of(mailbox(_id="a", status="Ünïque", totalSent=10**30, performance={"sent": 9}))
        totals = Totals().after(first, 100).after(second, 200)
        state.save(Saved.of(WORKSPACE, "all", second, totals, 250), 1_000)

        [saved] = state.load()
        assert (saved.key, saved.account, saved.name, saved.label) == (Key("w1"), "acme", "One", "One (w1)")
        assert (saved.feed, saved.succeeded) == ("all", 1_000)
        known, restored = saved.answer(), saved.totals(1_050)
        assert (known.ids, known.texts, known.numbers) == (second.ids, second.texts, second.numbers)
        assert (restored.seen, restored.risen) == (totals.seen, totals.risen)
        assert restored.departed.keys() == {"b"}
        assert restored.departed["b"].since == 1_000, "50 s before it was saved"

    def test_a_file_of_state_is_one_a_workspace_and_feed_and_replaced_whole(
        self, state: StateDirectory
    ) -> None:
        for rise in (1, 2, 3):
            state.save(some(rise=rise), 1_000 + rise)
            state.save(some(OTHER, rise=rise), 1_000)
            state.save(some(feed="7d"), 1_000)
        assert len(files(state.path)) == 3
        state.forget(WORKSPACE.key, "7d")
        assert loaded(state) == {"w1": 3, "w2": 3}
        assert {saved.succeeded for saved in state.load()} == {1_003, 1_000}

    def test_a_file_of_state_is_the_answer_of_a_later_poll_too_when_nothing_changed(
        self, state: StateDirectory
    ) -> None:
        state.save(some(), 1_000)
        [path] = files(state.path)
        content = path.read_bytes()
        assert state.touch(WORKSPACE.key, "all", 2_000.5)
        assert [saved.succeeded for saved in state.load()] == [2_000.5]
        assert len(path.read_bytes()) == len(content)
        assert not state.touch(OTHER.key, "all", 2_000), "there is none"

    def test_a_file_of_state_is_for_no_other_user(self, state: StateDirectory) -> None:
        state.save(some(), 1_000)
        for path in (state.path, *files(state.path)):
            assert path.stat().st_mode & 0o077 == 0

    def test_a_file_of_state_may_be_forgotten_twice(self, state: StateDirectory) -> None:
        state.forget(WORKSPACE.key, "all")
        state.save(some(), 1_000)
        state.forget(WORKSPACE.key, "all")
        state.forget(WORKSPACE.key, "all")
        assert files(state.path) == []

    def test_a_file_of_state_of_a_save_that_was_cut_off_goes_and_what_is_of_others_stays(
        self, state: StateDirectory
    ) -> None:
        state.save(some(), 1_000)
        [path] = files(state.path)
        cut_off = state.path / f".{path.name}.x1y2"
        cut_off.write_bytes(path.read_bytes()[:20])
        (state.path / ".snapshot").mkdir()
        (state.path / ".keep").touch()
        (state.path / "lost+found").mkdir()
        assert loaded(state) == {"w1": 5}
        left = {entry.name for entry in state.path.iterdir()}
        assert left == {path.name, "lock", ".snapshot", ".keep", "lost+found"}


def whole(content: bytes) -> bytes:
    """Return a file that is whole by its checksum."""
    seconds = struct.pack(">d", 1_000)
    time = seconds + blake2b(seconds, digest_size=8).digest()
    return START + time + blake2b(content, digest_size=16).digest() + content


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def _cut(length: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def _holding(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": _cut(0),
    "cut in its start": _cut(10),
    "cut in its checksum": _cut(30),
    "cut in its content": _cut(60),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "text": _holding(b'{"counters": {}}'),
    "of another format": lambda path: path.write_bytes(path.read_bytes().replace(b"state 3", b"state 2")),
    "no gzip": _holding(whole(b"no gzip")),
    "bad deflate": _holding(whole(igzip.compress(b"x" * 99)[:10] + b"\xff" * 30)),
    "nothing compressed": _holding(whole(b"")),
    "no message pack": _holding(whole(igzip.compress(b"\xc1"))),
    "of another shape": _holding(whole(igzip.compress(msgspec.msgpack.encode({"account": "acme"})))),
    "a folder": _folder,
    "a link to nowhere": _to_nowhere,
}


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
    def test_damage_is_reported_set_aside_and_counting_starts_from_0(
        self, state: StateDirectory, logged: list[EventDict], damage: Callable[[Path], object]
    ) -> None:
        state.save(some(), 1_000)
        [path] = files(state.path)
        state.save(some(OTHER), 1_000)
        damage(path)
        assert loaded(state) == {"w2": 5}
        [told] = logged
        assert (told["log_level"], told["file"]) == ("error", path.name)
        assert path.with_suffix(".damaged").exists() or path.with_suffix(".damaged").is_symlink()

        state.save(some(rise=0), 1_000)
        assert loaded(state) == {"w1": 0, "w2": 5}
        assert len(logged) == 1

    @given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
    def test_damage_of_a_single_bit_is_found(self, position: int, bit: int) -> None:
        from exporter.fleet.state import _decode, _encode  # noqa: PLC0415 - the whole of a file's form

        content = bytearray(_encode(some()))
        content[position % len(content)] ^= 1 << bit
        with pytest.raises(ValueError, match="not a whole state file"):
            _decode(bytes(content))


class TestFullDisk:
    def test_a_full_disk_is_reported_once_and_leaves_no_counter_behind(
        self, state: StateDirectory, logged: list[EventDict]
    ) -> None:
        """One that is behind what was shown would fall at a restart; one from 0 is a counter's start."""
        state.save(some(), 1_000)
        with no_room():
            for _ in range(3):
                state.save(some(rise=6), 1_001)
                state.save(some(OTHER, rise=6), 1_001)
        assert loaded(state) == {}
        assert "large" in state.error
        assert [(told["log_level"], told["event"]) for told in logged] == [("error", "state: not saved")]

        state.save(some(rise=7), 1_002)
        assert state.error, "the other one is not saved yet"
        state.save(some(OTHER, rise=7), 1_002)
        assert state.error == ""
        assert loaded(state) == {"w1": 7, "w2": 7}
        assert [told["event"] for told in logged[1:]] == ["state: saved again"]
        assert len(list(state.path.iterdir())) == 3, "no piece of a file that was not finished"

    def test_a_full_disk_is_one_for_which_no_byte_is_left(self, tmp_path: Path) -> None:
        place = tmp_path / "small"
        place.mkdir()
        with mounted(place, "-t", "tmpfs", "-o", "size=16k", "none"):
            state = StateDirectory(place)
            state.save(some(), 1_000)
            with (place / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(b"x" * 4096)
            state.save(some(rise=6), 1_001)
            assert state.error == os.strerror(errno.ENOSPC)
            assert loaded(state) == {}
            (place / "filler").unlink()
            state.save(some(rise=7), 1_001)
            assert loaded(state) == {"w1": 7}
            state.close()

    def test_a_full_disk_may_be_one_that_is_read_only_for_a_while(self, state: StateDirectory) -> None:
        """What could not be removed is no answer of a later poll, and is replaced once that is possible."""
        state.save(some(), 1_000)
        with read_only(state.path):
            state.save(some(rise=6), 1_001)
            assert state.error == os.strerror(errno.EROFS)
        assert not state.touch(WORKSPACE.key, "all", 1_002)
        state.save(some(rise=6), 1_002)
        assert state.error == ""
        assert loaded(state) == {"w1": 6}
        assert state.touch(WORKSPACE.key, "all", 1_003)

    def test_a_full_disk_may_be_a_folder_that_is_gone(
        self, state: StateDirectory, logged: list[EventDict]
    ) -> None:
        (state.path / "lock").unlink()
        state.path.rmdir()
        state.save(some(), 1_000)
        assert state.error == os.strerror(errno.ENOENT)
        assert [told["event"] for told in logged] == ["state: not saved"]


class TestLock:
    def test_the_lock_of_a_folder_keeps_a_second_exporter_out(self, state: StateDirectory) -> None:
        with pytest.raises(StateUnavailableError, match=r"state is in use by another exporter$"):
            StateDirectory(state.path)

    def test_the_lock_of_a_folder_ends_with_its_holder(self, state: StateDirectory) -> None:
        state.close()
        StateDirectory(state.path).close()

    def test_the_lock_of_a_folder_of_a_process_that_was_killed_is_free(self, tmp_path: Path) -> None:
        code = (
            "import sys, time; from pathlib import Path; from exporter.fleet.state import StateDirectory\n"
            "held = StateDirectory(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
        )
        with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(StateUnavailableError, match="in use"):
                StateDirectory(tmp_path)
            holder.send_signal(signal.SIGKILL)
        StateDirectory(tmp_path).close()

    def test_a_file_in_place_of_the_folder_of_state_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StateUnavailableError, match=r"file: (File exists|Not a directory)"):
            StateDirectory(tmp_path / "file")


class TestAge:
    @pytest.mark.parametrize(
        ("now_unix", "age"), [(1_000.0, 0.0), (1_060.0, 60.0), (400.0, 0.0)], ids=["now", "past", "set back"]
    )
    def test_the_age_of_what_was_saved_is_true_and_never_below_0(
        self, state: StateDirectory, now_unix: float, age: float
    ) -> None:
        """A clock that was set back makes the answer one of this moment."""
        state.save(some(), 1_000)
        [saved] = state.load()
        assert saved.as_of(Instant(now_unix, 70)) == Instant(now_unix - age, 70 - age)
