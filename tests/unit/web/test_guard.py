"""Users and headers: who is let in, how passwords are checked, and what every answer carries."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import bcrypt
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from exporter.web import guard as web_guard
from exporter.web.file import WebFile
from exporter.web.guard import Busy, Guard, Passwords, credentials
from tests.serving import served
from tests.waiting import until

ALICE, BOB = (bcrypt.hashpw(password, bcrypt.gensalt(4)).decode() for password in (b"wonder", b"build"))
USERS = {b"alice": ALICE.encode(), b"bob": BOB.encode()}


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("let in", headers={"x-frame-options": "sameorigin"})


@asynccontextmanager
async def guarded(folder: Path, text: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an application behind a guard with this web configuration."""
    path = folder / "web.yml"
    path.write_text(text)
    guard = Guard(Starlette(routes=[Route("/", answer)]), WebFile(path))
    async with served(guard) as port, httpx.AsyncClient(timeout=60, trust_env=False) as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        yield client


@pytest.mark.anyio
class TestUsers:
    TEXT = f"basic_auth_users: {{alice: {ALICE}, bob: {BOB}}}"

    async def test_users_with_their_passwords_are_let_in(self, tmp_path: Path) -> None:
        async with guarded(tmp_path, self.TEXT) as client:
            for user in (("alice", "wonder"), ("bob", "build"), ("alice", "wonder")):
                assert (await client.get("/", auth=user)).text == "let in"

    async def test_users_without_them_are_not_whatever_the_path(self, tmp_path: Path) -> None:
        async with guarded(tmp_path, self.TEXT) as client:
            for path in ("/", "/-/healthy", "/metrics", "/nothing"):
                for user in (None, ("alice", "build"), ("alice", ""), ("", ""), ("mallory", "wonder")):
                    refused = await client.get(path, **({"auth": user} if user else {}))  # type: ignore[arg-type]
                    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Basic")
                    assert refused.text == "Unauthorized\n"

    async def test_users_are_not_asked_where_there_are_none(self, tmp_path: Path) -> None:
        async with guarded(tmp_path, "basic_auth_users: {}") as client:
            assert (await client.get("/")).text == "let in"

    async def test_users_change_with_the_file(self, tmp_path: Path) -> None:
        async with guarded(tmp_path, f"basic_auth_users: {{alice: {ALICE}}}") as client:
            assert (await client.get("/", auth=("alice", "wonder"))).status_code == 200
            (tmp_path / "web.yml").write_text(f"basic_auth_users: {{alice: {BOB}}} # longer")
            assert (await client.get("/", auth=("alice", "wonder"))).status_code == 401
            assert (await client.get("/", auth=("alice", "build"))).status_code == 200


@pytest.mark.anyio
async def test_headers_are_on_every_answer_and_replace_the_applications(tmp_path: Path) -> None:
    text = f"""
    http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: default-src 'self'}}}}
    basic_auth_users: {{alice: {ALICE}}}
    """
    async with guarded(tmp_path, text) as client:
        for path, user, status in (("/", "wonder", 200), ("/nothing", "wonder", 404), ("/", "wrong", 401)):
            answered = await client.get(path, auth=("alice", user))
            assert answered.status_code == status
            assert answered.headers.get_list("x-frame-options") == ["deny"]
            assert answered.headers.get_list("content-security-policy") == ["default-src 'self'"]


class TestCredentials:
    @given(name=st.binary().filter(lambda name: b":" not in name), password=st.binary())
    def test_credentials_are_read_as_they_were_sent(self, name: bytes, password: bytes) -> None:
        for scheme in (b"Basic", b"basic"):
            header = scheme + b" " + base64.b64encode(name + b":" + password)
            assert credentials({"headers": [(b"authorization", header)]}) == (name, password)

    @given(header=st.binary())
    def test_credentials_of_any_header_are_a_pair_or_none(self, header: bytes) -> None:
        found = credentials({"headers": [(b"authorization", b"Basic " + header)]})
        assert found is None or len(found) == 2

    @pytest.mark.parametrize("header", [b"Bearer YTpi", b"Basic", b"Basic YTpi!", b"Basic YWI=", b""])
    def test_credentials_of_another_kind_are_none(self, header: bytes) -> None:
        assert credentials({"headers": [(b"authorization", header)]}) is None


class SlowBcrypt:
    """Checks that end when they are let, and are counted by the hash that they were made against."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_end = Event()
        self.started: list[bytes] = []
        real = bcrypt.checkpw

        def checkpw(password: bytes, hashed: bytes) -> bool:
            self.started.append(hashed)
            assert self.may_end.wait(30)
            return real(password, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", checkpw)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowBcrypt:
    return SlowBcrypt(monkeypatch)


@pytest.mark.anyio
class TestPasswords:
    async def test_passwords_are_checked_for_names_that_nobody_has_against_somebodys_hash(
        self, slow: SlowBcrypt
    ) -> None:
        """So the time of an answer tells nothing of who is a user."""
        slow.may_end.set()
        passwords = Passwords()
        for number in range(40):
            assert not await passwords.match(USERS, b"nobody%d" % number, b"wonder", "")
        counted = Counter(slow.started)
        assert set(counted) == set(USERS.values())
        assert counted.total() == 40
        assert not await passwords.match(USERS, b"nobody1", b"wonder", "")
        assert len(slow.started) == 41

    async def test_passwords_that_are_right_are_checked_once_and_wrong_ones_each_time(
        self, slow: SlowBcrypt
    ) -> None:
        slow.may_end.set()
        passwords = Passwords()
        for _ in range(3):
            assert await passwords.match(USERS, b"alice", b"wonder", "")
        assert len(slow.started) == 1
        for _ in range(3):
            assert not await passwords.match(USERS, b"alice", b"build", "")
        assert len(slow.started) == 4

    async def test_passwords_are_checked_anew_when_the_hash_has_changed(self, slow: SlowBcrypt) -> None:
        slow.may_end.set()
        passwords = Passwords()
        assert await passwords.match({b"alice": ALICE.encode()}, b"alice", b"wonder", "")
        assert not await passwords.match({b"alice": BOB.encode()}, b"alice", b"wonder", "")

    async def test_passwords_that_come_together_share_one_check(self, slow: SlowBcrypt) -> None:
        passwords = Passwords()
        asked = [asyncio.create_task(passwords.match(USERS, b"alice", b"wonder", "")) for _ in range(200)]
        await until(lambda: slow.started)
        slow.may_end.set()
        assert all(await asyncio.gather(*asked))
        assert len(slow.started) == 1

    async def test_passwords_that_wait_are_bounded_for_an_address(self, slow: SlowBcrypt) -> None:
        passwords = Passwords()
        asked = []
        for address in ("a", "b"):
            tried = [
                asyncio.create_task(passwords.match(USERS, b"alice", f"{address}{number}".encode(), address))
                for number in range(web_guard.MOST_CHECKS_PER_ADDRESS + 3)
            ]
            await asyncio.sleep(0)
            busy = [task for task in tried if task.done()]
            assert len(busy) == 3
            for task in busy:
                with pytest.raises(Busy):
                    await task
            asked += [task for task in tried if task not in busy]
        await until(lambda: slow.started)
        assert len(slow.started) <= web_guard.CHECK_THREADS
        slow.may_end.set()
        assert not any(await asyncio.gather(*asked))
        assert await passwords.match(USERS, b"alice", b"wonder", "c")

    async def test_passwords_of_a_scraper_are_checked_while_other_addresses_guess(
        self, slow: SlowBcrypt
    ) -> None:
        """A right one waits for one guess of each address at most, and is never refused."""
        passwords = Passwords()
        guesses = [
            asyncio.create_task(passwords.match(USERS, b"alice", f"{number}".encode(), f"guesser {address}"))
            for address in range(4)
            for number in range(web_guard.MOST_CHECKS_PER_ADDRESS)
        ]
        await until(lambda: len(slow.started) == web_guard.CHECK_THREADS)
        scrape = asyncio.create_task(passwords.match(USERS, b"bob", b"build", "scraper"))
        await asyncio.sleep(0)
        slow.may_end.set()
        assert await scrape
        assert sum(guess.done() for guess in guesses) <= 4 + 2 * web_guard.CHECK_THREADS
        assert not any(await asyncio.gather(*guesses))

    async def test_passwords_longer_than_bcrypt_reads_are_cut_as_the_toolkit_does(self) -> None:
        users = {b"long": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))}
        assert await Passwords().match(users, b"long", b"x" * 100, "")
        assert not await Passwords().match(users, b"long", b"x" * 71, "")


@pytest.mark.anyio
async def test_requests_go_on_while_passwords_are_checked(tmp_path: Path, slow: SlowBcrypt) -> None:
    async with guarded(tmp_path, TestUsers.TEXT) as client:
        slow.may_end.set()
        assert (await client.get("/", auth=("bob", "build"))).status_code == 200
        slow.may_end.clear()
        guesses = [asyncio.create_task(client.get("/", auth=("alice", f"{n}"))) for n in range(80)]
        await until(lambda: sum(guess.done() for guess in guesses) == 80 - web_guard.MOST_CHECKS_PER_ADDRESS)
        assert (await client.get("/", auth=("bob", "build"))).text == "let in"
        assert (await client.get("/")).status_code == 401
        slow.may_end.set()
        answers = await asyncio.gather(*guesses)
        assert Counter(answer.status_code for answer in answers) == {
            401: web_guard.MOST_CHECKS_PER_ADDRESS,
            503: 80 - web_guard.MOST_CHECKS_PER_ADDRESS,
        }
        assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 503} == {"1"}
