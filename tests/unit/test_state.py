"""What survives a restart, a damaged file, a full disk and a clock that is set."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip
from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter.config import ConfigError
from exporter.fleet.fleet import Instant, Totals, Workspace
from exporter.fleet.state import Saved, StateDirectory, StateUnavailableError
from tests.answers import answer_of, mailbox
from tests.exporting import Exporting, exporting
from tests.scripted_api import ScriptedApi, answer, answered, hang
from tests.scripted_api import mailbox as scripted_mailbox
from tests.waiting import until

ACME: dict[str, Any] = {"name": "acme", "api_key": "sk_canary-acme"}
GLOBEX: dict[str, Any] = {"name": "globex", "api_key": "sk_canary-globex"}
PLATFORM = "sk_user_canary-agency"
AGENCY: dict[str, Any] = {"name": "agency", "api_key": PLATFORM}

WORKSPACE = Workspace("acme", "w1", "One", "One (w1)")
OTHER = Workspace("acme", "w2", "Two", "Two")
START = b"sendkit-exporter state 1\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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


def some(workspace: Workspace = WORKSPACE, *, rise: int = 5, window: str = "all") -> Saved:
    """Return the state of a workspace with a mailbox whose total rose by so much."""
    totals = Totals().after(answer_of(mailbox(performance={"sent": 100})), 0)
    last = answer_of(mailbox(performance={"sent": 100 + rise}))
    return Saved.of(workspace, window, last, totals.after(last, 1), 1)


def files(folder: Path) -> list[Path]:
    """Return the files of a folder of state."""
    return sorted(folder.glob("*.state"))


def loaded(state: StateDirectory) -> dict[str, float]:
    """Return the rises that are loaded, by workspace id."""
    return {saved.workspace_id: saved.risen["campaign_sent"][0] or 0 for saved in state.load()}


@contextmanager
def no_room(size_bytes: int = 50) -> Iterator[None]:
    """Let no file of this process grow any further, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


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
    def test_holds_what_was_saved(self, state: StateDirectory) -> None:
        first = answer_of(mailbox(_id="a", performance={"sent": 7}), mailbox(_id="b", performance=None))
        second = answer_of(mailbox(_id="a", status="Ünïque", totalSent=10**30, performance={"sent": 9}))
        totals = Totals().after(first, 100).after(second, 200)
        state.save(Saved.of(WORKSPACE, "all", second, totals, 250), 1_000)

        [saved] = state.load()
        assert (saved.workspace, saved.window, saved.succeeded) == (WORKSPACE, "all", 1_000)
        known, restored = saved.answer(), saved.totals(1_050)
        assert (known.ids, known.emails, known.statuses) == (second.ids, second.emails, second.statuses)
        assert known.numbers == second.numbers
        assert (restored.seen, restored.risen) == (totals.seen, totals.risen)
        assert restored.departed.keys() == {"b"}
        assert restored.departed["b"].since == 1_000, "50 s before it was saved"

    def test_is_one_a_workspace_and_window_and_replaced_whole(self, state: StateDirectory) -> None:
        for rise in (1, 2, 3):
            state.save(some(rise=rise), 1_000 + rise)
            state.save(some(OTHER, rise=rise), 1_000)
            state.save(some(window="7d"), 1_000)
        assert len(files(state.path)) == 3
        state.forget(WORKSPACE.key, "7d")
        assert loaded(state) == {"w1": 3, "w2": 3}
        assert {saved.succeeded for saved in state.load()} == {1_003, 1_000}

    def test_is_the_answer_of_a_later_poll_too_when_nothing_changed(self, state: StateDirectory) -> None:
        state.save(some(), 1_000)
        [path] = files(state.path)
        content = path.read_bytes()
        assert state.touch(WORKSPACE.key, "all", 2_000.5)
        assert [saved.succeeded for saved in state.load()] == [2_000.5]
        assert path.read_bytes() == content
        assert not state.touch(OTHER.key, "all", 2_000), "there is none"

    def test_is_for_no_other_user(self, state: StateDirectory) -> None:
        state.save(some(), 1_000)
        for path in (state.path, *files(state.path)):
            assert path.stat().st_mode & 0o077 == 0

    def test_may_be_forgotten_twice(self, state: StateDirectory) -> None:
        state.forget(WORKSPACE.key, "all")
        state.save(some(), 1_000)
        state.forget(WORKSPACE.key, "all")
        state.forget(WORKSPACE.key, "all")
        assert files(state.path) == []

    def test_of_a_save_that_was_cut_off_goes_and_what_is_of_others_stays(self, state: StateDirectory) -> None:
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
    return START + blake2b(content, digest_size=16).digest() + content


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
    "of another format": lambda path: path.write_bytes(path.read_bytes().replace(b"state 1", b"state 2")),
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
    def test_is_told_set_aside_and_starts_afresh(
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
    def test_of_a_single_bit_is_found(self, position: int, bit: int) -> None:
        from exporter.fleet.state import _decode, _encode  # noqa: PLC0415 - the whole of a file's form

        content = bytearray(_encode(some()))
        content[position % len(content)] ^= 1 << bit
        with pytest.raises(ValueError, match="not a whole state file"):
            _decode(bytes(content))


class TestFullDisk:
    def test_is_told_once_and_leaves_no_counter_behind(
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

    def test_is_one_for_which_no_byte_is_left(self, tmp_path: Path) -> None:
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

    def test_may_be_one_that_is_read_only_for_a_while(self, state: StateDirectory) -> None:
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

    def test_may_be_a_folder_that_is_gone(self, state: StateDirectory, logged: list[EventDict]) -> None:
        (state.path / "lock").unlink()
        state.path.rmdir()
        state.save(some(), 1_000)
        assert state.error == os.strerror(errno.ENOENT)
        assert [told["event"] for told in logged] == ["state: not saved"]


class TestLock:
    def test_keeps_a_second_exporter_out(self, state: StateDirectory) -> None:
        with pytest.raises(StateUnavailableError, match=r"state is in use by another exporter$"):
            StateDirectory(state.path)

    def test_goes_with_its_holder(self, state: StateDirectory) -> None:
        state.close()
        StateDirectory(state.path).close()

    def test_of_a_process_that_was_killed_is_free(self, tmp_path: Path) -> None:
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

    def test_needs_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StateUnavailableError, match=r"file: (File exists|Not a directory)"):
            StateDirectory(tmp_path / "file")


class TestAge:
    @pytest.mark.parametrize(
        ("now_unix", "age"), [(1_000.0, 0.0), (1_060.0, 60.0), (400.0, 0.0)], ids=["now", "past", "set back"]
    )
    def test_is_true_and_never_below_0(self, state: StateDirectory, now_unix: float, age: float) -> None:
        """A clock that was set back makes the answer one of this moment."""
        state.save(some(), 1_000)
        [saved] = state.load()
        assert saved.as_of(Instant(now_unix, 70)) == Instant(now_unix - age, 70 - age)


def sent(number: int, *, mailbox_id: str = "m1") -> dict[str, Any]:
    return scripted_mailbox(mailbox_id, performance={"sent": number})


def total(running: Exporting, **labels: str) -> float | None:
    return running.samples().one("sendkit_mailbox_emails_sent_total", **labels)


def age(folder: Path, seconds: float) -> None:
    """Make everything saved older (or, by a negative number, younger)."""
    for path in folder.glob("*.state"):
        at = time.time() - seconds
        os.utime(path, (at, at))


@pytest.mark.anyio
class TestRestart:
    """Over two exporters, one after the other."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "state"

    @pytest.fixture
    async def api(self, folder: Path) -> ScriptedApi:
        """An API of which an exporter saw a mailbox's total rise by 10."""
        api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}}, default=answered(sent(100)))
        async with exporting(api, ACME, AGENCY, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme") and running.is_up("one") and running.is_up("two"))
            api.default = answered(sent(110))
            for name in ("acme", "one", "two"):
                await until(lambda name=name: total(running, workspace=name) == 10)  # type: ignore[misc]
        api.requests.clear()
        return api

    async def test_goes_on_where_the_counters_stood(self, api: ScriptedApi, folder: Path) -> None:
        api.default = answered(sent(115))
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running) == 10, "before the first poll"
            await until(lambda: running.is_up("acme"))
            assert total(running) == 15

    async def test_while_the_api_is_down_shows_the_last_answers_with_their_age(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, 500)
        api.default = answer(503)
        api.listing[PLATFORM] = answer(503)
        async with exporting(
            api, ACME, AGENCY, state={"directory": str(folder)}, poll={"stale_after": 900}
        ) as running:
            assert not running.unready_reason()
            for name in ("acme", "one", "two"):
                await until(
                    lambda name=name: running.one("sendkit_poll_failures_total", name, reason="server_error")  # type: ignore[misc]
                )
                assert total(running, workspace=name) == 10
                assert running.samples().one("sendkit_mailbox_sent_today", workspace=name) == 3
                last_success = running.one("sendkit_last_success_timestamp_seconds", name) or 0
                assert time.time() - 600 < last_success <= time.time() - 500
                assert running.one("sendkit_up", name) == 0

    async def test_shows_nothing_older_than_stale_after_and_still_goes_on(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, 61)
        api.default = hang
        async with exporting(
            api, ACME, state={"directory": str(folder)}, poll={"stale_after": 60}, api={"timeout": 0.3}
        ) as running:
            assert running.samples().all_of("sendkit_mailbox_sent_today") == {}
            assert total(running) is None
            assert running.unready_reason()
            assert (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) < time.time() - 60
            api.default = answered(sent(120))
            await until(lambda: total(running) == 20)

    async def test_drops_at_stale_after_what_it_showed(self, api: ScriptedApi, folder: Path) -> None:
        age(folder, 58)
        api.default = answer(503)
        async with exporting(
            api, ACME, state={"directory": str(folder)}, poll={"stale_after": 60}
        ) as running:
            await until(lambda: running.samples().all_of("sendkit_mailbox_sent_today") == {})
            assert running.unready_reason()

    async def test_after_which_the_clock_is_behind_shows_no_time_to_come(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        age(folder, -86_400)
        api.default = answer(503)
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running) == 10
            assert (running.one("sendkit_last_success_timestamp_seconds", "acme") or 0) <= time.time()

    async def test_keeps_the_counters_of_a_mailbox_that_is_missing_for_a_while(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        api.default = answered()
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme"))
            assert total(running) is None
        api.default = answered(sent(130))
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: total(running) == 30)

    async def test_forgets_what_is_gone(self, api: ScriptedApi, folder: Path) -> None:
        assert len(files(folder)) == 3
        api.workspaces[PLATFORM] = {"w1": "one"}
        async with exporting(api, AGENCY, state={"directory": str(folder)}) as running:
            assert running.labels() == {"one", "two"}, "acme is no account any more"
            await until(lambda: running.labels() == {"one"})
            await until(lambda: running.is_up("one"))
            assert len(files(folder)) == 1

    async def test_forgets_a_window_that_is_gone(self, api: ScriptedApi, folder: Path) -> None:
        windows = [{"name": "7d", "days": 7}]
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d"))
            assert len(files(folder)) == 2
        async with exporting(api, ACME, state={"directory": str(folder)}):
            assert len(files(folder)) == 1

    async def test_shows_a_workspace_that_two_accounts_saved_once(
        self, api: ScriptedApi, folder: Path
    ) -> None:
        """As a kill while it goes over from one to the other may leave it."""
        state = StateDirectory(folder)
        for account in ("first", "second"):
            state.save(some(Workspace(account, "w7", "seven", "seven")), time.time())
        state.close()
        api.default = answer(503)
        accounts = [{"name": name, "api_key": PLATFORM + name} for name in ("first", "second")]
        for name in ("first", "second"):
            api.listing[PLATFORM + name] = answer(503)
        async with exporting(api, *accounts, state={"directory": str(folder)}) as running:
            info = running.samples().one("sendkit_workspace_info", workspace="seven")
            assert info == 1
            assert running.samples().one("sendkit_workspace_info", account="first") == 1
            assert total(running) == 5

    async def test_needs_no_whole_state(
        self, api: ScriptedApi, folder: Path, logged: list[EventDict]
    ) -> None:
        windows = [{"name": "7d", "days": 7}]
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.one("sendkit_up", "acme", window="7d"))
        state = StateDirectory(folder)
        state.forget(("acme", ""), "all")
        state.close()
        api.default = answered(sent(120))
        async with exporting(api, ACME, state={"directory": str(folder)}, windows=windows) as running:
            await until(lambda: running.is_up("acme"))
            assert total(running) == 0
        assert not [event for event in logged if event["log_level"] == "error"]

    async def test_finds_what_was_not_saved_for_want_of_room(
        self, api: ScriptedApi, folder: Path, logged: list[EventDict]
    ) -> None:
        """Also when the answer never changes again."""
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            await until(lambda: running.is_up("acme"))
            with no_room():
                api.default = answered(sent(111))
                await until(lambda: total(running) == 11)
                assert files(folder) == []
                assert running.exporter.notices() == [f"State is not saved: {os.strerror(errno.EFBIG)}"]
                assert running.is_up("acme"), "a poll is none the worse"
            await until(lambda: files(folder))
            await until(lambda: not running.exporter.notices())
        api.default = answer(503)
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            assert total(running) == 11
        assert len([event for event in logged if event["event"] == "state: not saved"]) == 1

    async def test_is_refused_beside_an_exporter_that_runs(self, api: ScriptedApi, folder: Path) -> None:
        async with exporting(api, ACME, state={"directory": str(folder)}) as running:
            with pytest.raises(ConfigError, match=r"state\.directory: .* in use by another exporter"):
                Exporting(running.settings)
            await until(lambda: running.is_up("acme"))


@pytest.mark.anyio
class TestReload:
    async def test_moves_to_another_folder_and_leaves_none_that_is_out_of_date(self, tmp_path: Path) -> None:
        api = ScriptedApi(default=answered(sent(100)))
        one, two = tmp_path / "one", tmp_path / "two"
        state = StateDirectory(two)
        state.save(some(Workspace("acme", "", "acme", "acme"), rise=1), time.time())
        state.save(some(Workspace("past", "", "past", "past"), rise=1), time.time())
        state.close()
        async with exporting(api, ACME, state={"directory": str(one)}) as running:
            await until(lambda: running.is_up("acme"))
            api.default = answered(sent(110))
            await until(lambda: total(running) == 10)
            running.settings["state"] = {"directory": str(two)}
            await running.exporter.reload()
            assert files(one) == []
            StateDirectory(one).close()  # free again
            await until(lambda: files(two))
        state = StateDirectory(two)
        assert [(saved.account, saved.risen["campaign_sent"]) for saved in state.load()] == [("acme", [10])]
        state.close()

    async def test_may_leave_the_folder_and_come_back(self, tmp_path: Path) -> None:
        async with exporting(ScriptedApi(), ACME, state={"directory": str(tmp_path)}) as running:
            await until(lambda: files(tmp_path))
            running.settings["state"] = {}
            await running.exporter.reload()
            assert files(tmp_path) == []
            running.settings["state"] = {"directory": str(tmp_path)}
            await running.exporter.reload()
            await until(lambda: files(tmp_path))

    async def test_that_is_bad_takes_no_folder(self, tmp_path: Path) -> None:
        async with exporting(ScriptedApi(), ACME, state={"directory": str(tmp_path / "one")}) as running:
            await until(lambda: files(tmp_path / "one"))
            running.settings["state"] = {"directory": str(tmp_path / "two")}
            running.settings["privacy"] = {"email": "hmac", "hmac_key_file": "/nowhere/hmac.key"}
            with pytest.raises(ConfigError, match="hmac"):
                await running.exporter.reload()
            StateDirectory(tmp_path / "two").close()
            with pytest.raises(StateUnavailableError):
                StateDirectory(tmp_path / "one")
            assert files(tmp_path / "one")

    async def test_lets_no_late_save_undo_a_newer_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi(default=answered(sent(100)))
        reached, release, fsync = threading.Event(), threading.Event(), os.fsync

        def slow(descriptor: int) -> None:
            if not release.is_set():
                reached.set()
                release.wait(20)
            fsync(descriptor)

        async with exporting(api, ACME, state={"directory": str(tmp_path)}) as running:
            await until(lambda: running.is_up("acme"))
            monkeypatch.setattr(os, "fsync", slow)
            api.default = answered(sent(105))
            await until(reached.is_set)
            api.default = answered(sent(110))
            reload = asyncio.create_task(running.exporter.reload())
            polls = len(api.requests)
            await asyncio.wait([reload], timeout=0.3)
            assert len(api.requests) == polls
            release.set()
            await reload
            await until(lambda: total(running) == 10)
        state = StateDirectory(tmp_path)
        assert loaded(state) == {"": 10}
        state.close()

    async def test_leaves_nothing_of_a_workspace_that_went_while_it_was_saved(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = ScriptedApi({PLATFORM: {"w1": "one"}}, default=answered(sent(100)))
        reached, release, fsync = threading.Event(), threading.Event(), os.fsync

        def slow(descriptor: int) -> None:
            reached.set()
            release.wait(20)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", slow)
        async with exporting(api, AGENCY, state={"directory": str(tmp_path)}) as running:
            await until(reached.is_set)
            api.workspaces[PLATFORM] = {}
            await until(lambda: running.labels() == set())
            release.set()
            await until(lambda: not list(tmp_path.glob("*.state*")) and not list(tmp_path.glob(".*")))
