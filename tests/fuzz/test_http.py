"""Requests of any form to a running exporter: answered or closed, never with a fault, and scrapes go on."""

import base64
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import quote, urlsplit

import bcrypt
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.trees import spliced
from tests.stack.processes import Process, Processes, start_exporter, start_simulator
from tests.waiting import wait_for

WORKSPACE = 'a&b "c" <é>'
USER, PASSWORD = b"prometheus", b"right: p\xc3\xa4ss"
PATHS = ["/", "/metrics", "/metrics/exporter", "/sd", "/-/healthy", "/-/ready", "/-/reload"]
LAST = b"\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Completes a request that is not complete, and has the server close the connection."""
ANSWER_SECONDS = 20


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """The processes of this module; all of them end with it."""
    started = Processes(tmp_path_factory.mktemp("processes"))
    yield started
    started.end()


@pytest.fixture(scope="module")
def exporter(processes: Processes) -> Iterator[Process]:
    """An exporter with fresh data; no request may make it log a fault."""
    simulator = start_simulator(processes, "--mailboxes", "4", "--workspaces", "1")
    config = {
        "api": {"base_url": simulator.url},
        "accounts": [{"name": WORKSPACE, "api_key": simulator.workspaces[0]["key"]}],
    }
    process = start_exporter(processes, config, "--web.enable-lifecycle")
    wait_for(lambda: process.answers("/-/ready"), what="the exporter has data")
    yield process
    process.assert_running()
    assert process.lines("Traceback") == []
    assert [line for line in process.lines() if re.search(r"level=(error|critical)", line)] == []


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """An exporter that asks for a password."""
    processes = Processes(tmp_path_factory.mktemp("guarded"))
    web_file = processes.folder / "web.yml"
    web_file.write_text(
        f"basic_auth_users: {{{USER.decode()}: '{bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode()}'}}"
    )
    config = {
        "accounts": [{"name": "acme", "api_key": "sk_canary"}],
        "api": {"base_url": "http://127.0.0.1:1"},
    }
    yield start_exporter(processes, config, "--web.config.file", str(web_file))
    processes.end()


@pytest.fixture(scope="module")
def scraper(exporter: Process) -> Iterator[httpx.Client]:
    """Who scrapes meanwhile, on a connection that stays open."""
    with httpx.Client(base_url=exporter.url, timeout=ANSWER_SECONDS, trust_env=False) as client:
        yield client


def statuses(process: Process, parts: Sequence[bytes]) -> list[int]:
    """Send bytes in these parts, and return the statuses of all answers until the connection is closed.

    Raises TimeoutError if it stays open.
    """
    address = urlsplit(process.url)
    assert address.hostname
    assert address.port
    answer = b""
    with socket.create_connection((address.hostname, address.port), ANSWER_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):  # closed while more was sent
            for part in parts:
                connection.sendall(part)
        with suppress(ConnectionError):
            while received := connection.recv(2**16):
                answer += received
    assert answer.startswith(b"HTTP/1.1 ") or not answer
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]*\r\n", answer)]


def assert_scraped(scraper: httpx.Client) -> None:
    """Assert that a scrape is answered whole."""
    answer = scraper.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.status_code == 200
    assert answer.text.endswith("# EOF\n")
    assert "sendkit_mailbox_info{" in answer.text


MALFORMED, TOO_LARGE = 400, 431
TOLD = {200, MALFORMED, 404, 405, TOO_LARGE}

printable = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20
)
TEXTS = [
    b"", b"*", b"gzip", b"gzip;q=0", b"GZIP;q=1e999", b"gzip;q=nan", b";;;,,,=",
    b"text/plain;version=0.0.4", b"0", b"application/openmetrics-text;version=1.0.0", b"*/*;q=-1", b"close",
    b"keep-alive", b"upgrade", b"x" * 5000, b"websocket", b"h2c", b"100-continue", b"127.0.0.1", b"[::1]:9",
    b"<script>", b"a:99999999", b"bytes=0-1", "é".encode(), b"\xff\xfe", b"\t", b'W/"x"', b"Basic eDp5",
    b"Bearer sk_canary",
]  # fmt: skip
NAMES = [
    b"Accept", b"Accept-Encoding", b"Host", b"Connection", b"Upgrade", b"Expect", b"Range",
    b"If-None-Match", b"Authorization", b"X-Forwarded-For", b"X-Forwarded-Proto", b"Forwarded", b"Cookie",
    b"Origin", b"X-A", b"TE",
]  # fmt: skip
texts = st.sampled_from(TEXTS) | printable.map(lambda text: text.encode("latin-1"))
workspaces = st.sampled_from([WORKSPACE, "", "a", "\x00", "\n# EOF", "%", "../..", "x" * 3000]) | st.text(
    max_size=5
)
queries = st.lists(
    st.tuples(
        st.sampled_from(["workspace", "workspace[]", "Workspace", "debug", ""]),
        workspaces.map(lambda name: quote(name, errors="replace"))
        | st.sampled_from(["%", "%zz", "%ff", "+", "=&"]),
    ),
    max_size=3,
).map(lambda pairs: "&".join("=".join(pair) for pair in pairs))
targets = st.builds(
    lambda path, end, query: (path + end + (f"?{query}" if query else "")).encode(),
    st.sampled_from(PATHS),
    st.sampled_from([*[""] * 16, "/", "//", "/..", "%00", "%2e%2e", ";a=b", "/x" * 2000]),
    queries,
)
methods = st.sampled_from(
    [b"GET", b"GET", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw a request that is well-formed, whatever it asks for."""
    lines = [b"%s %s HTTP/%s" % (draw(methods), draw(targets), draw(st.sampled_from([b"1.1", b"1.0"])))]
    host = draw(st.just(b"exporter:19587") | texts)
    headers = [(b"Host", host), *draw(st.lists(st.tuples(st.sampled_from(NAMES), texts), max_size=4))]
    body = draw(st.sampled_from([b"", b"", b"", b"x", b"{}" * 50, b"x" * 70_000]))
    if body:
        headers.append((b"Content-Length", b"%d" % len(body)))
    lines += [b"%s: %s" % header for header in headers]
    return b"\r\n".join([*lines, b"", body])


@given(requests())
def test_a_well_formed_request_is_answered(exporter: Process, scraper: httpx.Client, request_: bytes) -> None:
    answers = statuses(exporter, [request_, LAST])

    assert answers
    assert set(answers) <= TOLD
    assert_scraped(scraper)


PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\x00", b"\xff", b":", b"HTTP/1.1", b"HTTP/0.9",
    b"HTTP/2.0", b"HTTP/1.", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT x:1 HTTP/1.1", b"GET",
    b"http://x:99999/", b"*", b"//", b"?", b"#", b"%", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n", b"Content-Length: 0, 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
    b"transfer-encoding : chunked\r\n", b"5\r\nx", b"ffffffffffffffff\r\n", b"0\r\n\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", b"Expect: 100-continue\r\n",
    b" folded: yes\r\n", b"Host: a\r\nHost: b\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
]  # fmt: skip
LONG = [(b"X-A: b\r\n", 200), (b"x", 40_000), (b"\r\n", 1000), (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 12)]
pieces = (
    st.sampled_from(PIECES)
    | st.sampled_from(LONG).map(lambda part: part[0] * part[1])
    | st.binary(max_size=8)
)


@st.composite
def cut(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> list[bytes]:
    """Draw some content in parts."""
    content = draw(contents)
    places = sorted(draw(st.lists(st.integers(0, len(content)), max_size=4)))
    return [content[start:end] for start, end in zip([0, *places], [*places, len(content)], strict=True)]


streams = spliced(st.lists(requests(), min_size=1, max_size=3).map(b"".join), pieces)


@given(cut(streams))
def test_a_stream_of_any_bytes_is_answered_or_closed(
    exporter: Process, scraper: httpx.Client, parts: list[bytes]
) -> None:
    assert set(statuses(exporter, [*parts, LAST])) <= TOLD
    assert_scraped(scraper)


RIGHT = b"Basic " + base64.b64encode(USER + b":" + PASSWORD)


@given(
    spliced(
        st.just(RIGHT),
        st.sampled_from([b"=", b" ", b"\t", b"B", b"Basic ", b"Bearer ", b",", b"AAAA"]) | texts,
    ),
    st.sampled_from(PATHS),
)
def test_nobody_comes_in_without_the_password(guarded: Process, credentials: bytes, path: str) -> None:
    request = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: %s" % (
        path.encode(),
        credentials,
    )

    answers = statuses(guarded, [request.replace(b"\r\n\r\n", b""), b"\r\n\r\n"])

    scheme, _, encoded = credentials.strip().partition(b" ")
    if scheme.lower() == b"basic" and encoded.strip() == RIGHT.removeprefix(b"Basic "):
        assert set(answers) <= {200, 405, 503}, "the right password is refused"  # 503: not ready
    else:
        assert set(answers) <= {401, MALFORMED}
    assert statuses(guarded, [b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n" % RIGHT, LAST])[
        :1
    ] == [200]
