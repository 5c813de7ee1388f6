"""What the environment says about the way to the API is heeded, or refused with a message that helps."""

import pytest

from exporter.config import ApiConfig, ConfigError
from exporter.sendkit.environment import certificates, proxy_for
from tests.calling import BODY, Caller, Server, answer

pytestmark = pytest.mark.anyio

API = "https://api.corp.example"
PROXY = "http://proxy.example:3128"


def is_direct(url: str, no_proxy: str) -> bool:
    return proxy_for(url, {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}) is None


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        (API, "", False),
        (API, "*", True),
        (API, "corp.example", True),
        (API, "api.corp.example", True),
        (API, ".corp.example", True),
        (API, "*.corp.example", True),
        (API, "API.CORP.EXAMPLE", True),
        (API, "example.net, corp.example", True),
        (API, "orp.example", False),
        ("https://corp.example", ".corp.example", False),
        ("https://corp.example", "*.corp.example", False),
        (API, "api.corp.example:443", True),
        (API, "api.corp.example:8443", False),
        (f"{API}:8443", "corp.example:8443", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", True),
        ("https://[fd00::1]", "fd00::/8", True),
        ("https://[fe00::1]", "fd00::/8", False),
        ("https://[fd00::1]", "[fd00::1]", True),
        ("https://[fd00::1]", "fd00::1", True),
        ("https://[fd00::1]:8443", "[fd00::1]:8443", True),
        (API, "10.0.0.0/8,fd00::/8,[::1],localhost", False),
    ],
)
def test_no_proxy_is_read_as_curl_and_go_read_it(url: str, no_proxy: str, *, direct: bool) -> None:
    assert is_direct(url, no_proxy) is direct


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://corp.example", "a:b", "[::1", "x@y", "corp*"])
def test_an_entry_of_no_proxy_that_says_nothing_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ConfigError, match="NO_PROXY") as caught:
        is_direct(API, f"*,{entry}")
    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost", "https://[::1]:5"])
def test_loopback_needs_no_exception_from_a_proxy(url: str) -> None:
    assert is_direct(url, "")


@pytest.mark.parametrize(
    ("written", "auth", "host"),
    [
        ("http://proxy.example:3128", None, b"proxy.example"),
        ("proxy.example:3128", None, b"proxy.example"),
        ("http://us%40er:pa%2Fss@proxy.example:3128/", (b"us@er", b"pa/ss"), b"proxy.example"),
        ("http://user:can/ary#1?@proxy.example:3128", (b"user", b"can/ary#1?"), b"proxy.example"),
        ("http://user:c@n@ry@proxy.example:3128", (b"user", b"c@n@ry"), b"proxy.example"),
        ("http://user:canary@[fd00::1]:3128", (b"user", b"canary"), b"fd00::1"),
    ],
)
def test_a_proxy_may_have_any_password(written: str, auth: object, host: bytes) -> None:
    proxy = proxy_for(API, {"HTTPS_PROXY": written})
    assert proxy
    assert (proxy.auth, proxy.url.host, proxy.url.port) == (auth, host, 3128)


@pytest.mark.parametrize(
    "written",
    [
        "http://user:canary/#?@",
        "http://user:canary@proxy:port",
        "ftp://user:canary@proxy",
        "http://user:canary@proxy:99999",
        "socks4://user:canary@proxy",
    ],
)
def test_a_proxy_that_is_none_is_refused_without_its_password(written: str) -> None:
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        proxy_for(API, {"https_proxy": written})
    assert "canary" not in str(caught.value)


def test_a_header_of_a_cgi_request_is_no_proxy() -> None:
    environ = {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}
    assert proxy_for("http://api.corp.example", environ) is None


def test_certificates_that_are_missing_are_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/none.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        certificates()


async def test_a_request_goes_through_the_proxy_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answer()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pa/s#s?@{proxy.address}")
        api = ApiConfig(base_url="http://api.corp.example", allow_insecure_http=True)
        caller = Caller(api)
        async with caller.sendkit:
            assert await caller.mailboxes() == BODY
    [(line, headers)] = proxy.requests
    assert line == "GET http://api.corp.example/v1/analytics/mailboxes HTTP/1.1"
    assert headers["proxy-authorization"] == "Basic dXNlcjpwYS9zI3M/"
