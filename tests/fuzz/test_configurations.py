"""Configuration files near the documented ones: the exporter's own, and that of its web server."""

import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from exporter import config
from exporter.config import Config, ConfigError
from exporter.config.keys import KeyUnavailable
from exporter.web.config import WebConfig
from exporter.web.file import WebFile
from exporter.web.values import CURVES, TLS12_CIPHERS, TLS13_CIPHERS
from tests.certificates import authority
from tests.fuzz.trees import Node, Pairs, Raw, changed, encoded, nodes, spliced
from tests.yaml_files import from_yaml

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"

KEY = "sk_canary-0123456789abcdef"
SECRETS = [
    KEY,
    "sk_user_canary0123456789",
    "canary of no known form",
    "canary\n0123",
    "canary:é",
    "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
]
ENVIRON = {"KEY": KEY, "SENDKIT_API_KEY": KEY, "EMPTY": "", "BAD": "canary of two words"}

PIECES = [
    "- ", ": ", "? ", ", ", "# ", "{", "}", "[", "]", "|", ">", "|+2\n", "'", '"', "\t", "\n", "\r", "\x00",
    "\x85", "\ufeff", "\u2028", "---\n", "...\n", "%YAML 9.9\n---\n", "%TAG ! tag:x:\n---\n", "!!", "!x ",
    "&a ", "*a", "<<: ", "<<: *a", "&a [*a]", "{? [] : 1}", "{? {} : 1}", "!!python/object:os.system x",
    "!!binary canary", "!!binary eA==", "!!int x", "!!int ''", "!!float x", "!!timestamp x",
    "!!timestamp 2024-99-99", "!!bool x", "!!null x", "!!set {a}", "!!omap [a: 1]", "!!pairs [a: 1]",
    "!!str 1", "!!map []", "!!seq {}", "!!merge x", "2024-99-99", "2024-01-01", "2024-01-01T00:00:00+99:99",
    "1:99:99", "0x", "0b2", "0o9", "1_0", ".inf", "-.inf", ".nan", "~", "yes", "=", "<<", "1" * 5000,
    "1e999", "0x" + "f" * 5000, "[" * 400, "{a: " * 400, "- " * 400,
]  # fmt: skip
LONG = [("1", 5000), ("0xffffffffff", 1), ("f", 5000), ("[", 400), ("{a: ", 400), ("- ", 400), ("x", 5000)]
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**200, -(2**200), 0.5, 1.5, 1e308, "", " ", "x", "1", "0",
    "1s", "90s", "15m", "1.5h", "366d", "367d", "999999999999d", "-1s", "1KiB", "999999999999GiB", "off",
    "hmac", "masked", "plain", "all", "7d", "(", "(?P<a>", "a{99999999999}", "(?i)x",
    "[[:a:]]", "\\", "UTC", "Europe/Berlin", "../../etc/passwd", "/dev/null", "America", "a\x00b", "/", ".",
    "no/such/file", "https://api.sendkit.ai", "http://x", "http://127.0.0.1:1/", "https://[::1",
    "https://x:99999", "KEY", "EMPTY", "BAD", "NOT_SET",
    "sk_canary0", "active", "\ud800", "\u202e", "\x1b[31m", *SECRETS[:2], "TLS10", "TLS12",
    "TLS13", "NoClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven", "nosniff", "deny",
    "RequireAndVerifyClientCert", "TLS_RSA_WITH_RC4_128_SHA", *list(TLS12_CIPHERS)[:2], TLS13_CIPHERS[0],
    *CURVES, "max-age=1", "a\r\nb: c", "$2y$10$" + "." * 53, "$2a$99$" + "." * 53, [], {}, [[]], {"": None},
    {"name": "acme"},
]  # fmt: skip

ADDRESSES = ["https://canary:canary@x", "https://x/?canary"]
"""Values with a secret inside; a web configuration takes them for a file's path, which errors show."""

long = st.sampled_from(LONG).map(lambda part: part[0] * part[1])
nested_groups = st.integers(1, 500).map(lambda depth: "(" * depth + ")" * depth)
pieces = (st.sampled_from(PIECES) | long).map(str.encode) | st.binary(max_size=4)


def names_in(model: type[BaseModel]) -> set[str]:
    """Return the keys of a model and of the models inside."""
    found = set()
    for name, field in model.model_fields.items():
        inner = [field.annotation, *get_args(field.annotation)]
        found |= {field.alias or name}.union(
            *(names_in(part) for part in inner if isinstance(part, type) and issubclass(part, BaseModel))
        )
    return found


def documents(start: object, model: type[BaseModel]) -> st.SearchStrategy[Node]:
    """Draw documents near one of a model."""
    known = VALUES if model is WebConfig else [*VALUES, *ADDRESSES]
    values = st.sampled_from(known) | pieces.map(Raw) | long | nested_groups
    keys = st.sampled_from([*sorted(names_in(model)), "", "x", "<<", 1, None, 1.5, True, *SECRETS[:2]])
    return changed(st.just(start), values | st.integers() | st.text(max_size=6), keys)


@st.composite
def with_secrets(draw: st.DrawFn, files: st.SearchStrategy[Node], places: frozenset[str]) -> bytes:
    """Draw a file whose values at the places of keys are secrets in any form."""
    root = draw(files)
    for node in nodes(root):
        for pair in node.value if isinstance(node.value, Pairs) else ():
            if isinstance(pair.key, str) and pair.key in places and draw(st.booleans()):
                pair.node.value = draw(st.sampled_from(SECRETS))
    return encoded(root)


def told(load: Callable[[], object]) -> str:
    """Return all that is printed of a file: its errors, or what was loaded."""
    try:
        return repr(load())
    except ConfigError as error:
        assert all(": " in told for told in (error.message, *error.details))  # noqa: PT017 - not all are bad
        return "".join(traceback.format_exception(error)).partition("\nexporter.config.errors")[2]


def _loaded(path: Path) -> list[object]:
    """Load the exporter's configuration, read every key, and return what is shown of them."""
    loaded = config.load(path, ENVIRON)
    read: list[object] = [loaded.warnings()]
    for account in loaded.accounts:
        read.append(account.api_key)
        try:
            account.read_key(ENVIRON)
        except KeyUnavailable as error:
            read.append(str(error))
    return read


KEY_PLACES = frozenset({"api_key", "api_key_env"})
OWN = documents(from_yaml(EXAMPLE.read_text()), Config)
EVERY_KEY: dict[str, Any] = {
    **from_yaml(EXAMPLE.read_text()),
    "accounts": [
        {"name": "a", "api_key": KEY, "poll_interval": "2m", "thresholds": {"minimum_bounces": 5}},
        {"name": "b", "api_key_env": "KEY", "workspaces": {"include": ["a.*"], "refresh": 60}},
        {"name": "c", "api_key_file": "canary.key"},
    ],
}
EVERY = documents(EVERY_KEY, Config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that configurations name."""
    path = tmp_path_factory.mktemp("configurations")
    (path / "canary.key").write_text(KEY)
    return path


@given(with_secrets(OWN | EVERY, KEY_PLACES))
def test_a_configuration_is_loaded_or_refused_without_showing_a_key(folder: Path, content: bytes) -> None:
    (folder / "any.yaml").write_bytes(content)

    shown = told(lambda: _loaded(folder / "any.yaml")).replace("canary.key", "")
    shown = re.sub(r"key file '[^']*'", "key file", shown)  # a path is no secret

    assert "canary" not in shown


@given(spliced(EVERY.map(encoded) | st.just(EXAMPLE.read_bytes()), pieces))
def test_a_file_of_any_bytes_is_loaded_or_refused_without_showing_a_key(folder: Path, content: bytes) -> None:
    (folder / "any.yaml").write_bytes(content)

    shown = told(lambda: _loaded(folder / "any.yaml"))

    assert not re.search(r"(?<![a-zA-Z0-9])sk_(user_)?canary", shown)


# The web server's


def _web_loaded(path: Path) -> list[object]:
    """Load the web configuration and return what is shown of its secrets."""
    loaded = WebFile(path).current().config
    tls = loaded.tls_server_config
    return [loaded.basic_auth_users and [*loaded.basic_auth_users.values()], tls and [tls.cert, tls.key]]


WEB_PLACES = frozenset({"cert", "key", "client_ca", "alice", "bob"})
WEB: dict[str, Any] = {
    "tls_server_config": {
        "cert_file": "some.pem",
        "key_file": "some.pem",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "some.pem",
        "client_allowed_sans": ["prometheus.example", "127.0.0.1"],
        "min_version": "TLS12",
        "max_version": "TLS13",
        "cipher_suites": [*list(TLS12_CIPHERS)[:2]],
        "prefer_server_cipher_suites": True,
        "curve_preferences": ["X25519"],
    },
    "http_server_config": {
        "http2": False,
        "headers": {"X-Frame-Options": "deny", "X-XSS-Protection": 1, "Content-Security-Policy": "x"},
    },
    "basic_auth_users": {"alice": "$2y$04$" + "." * 53, "bob": "$2y$10$" + "." * 53},
}
WEB_FILES = documents(WEB, WebConfig) | documents({**WEB, "tls_server_config": None}, WebConfig)


@pytest.fixture(scope="module")
def web_folder(folder: Path) -> Path:
    """A folder with the files that web configurations name."""
    made = authority(folder)
    (folder / "some.pem").write_bytes(made.file.read_bytes() + made.key_file.read_bytes())
    return folder


@given(with_secrets(WEB_FILES, WEB_PLACES))
def test_a_web_configuration_is_loaded_or_refused_without_showing_a_secret(
    web_folder: Path, content: bytes
) -> None:
    (web_folder / "web.yaml").write_bytes(content)

    shown = told(lambda: _web_loaded(web_folder / "web.yaml"))

    assert "canary" not in shown


@given(spliced(WEB_FILES.map(encoded), pieces))
def test_a_web_file_of_any_bytes_is_loaded_or_refused(web_folder: Path, content: bytes) -> None:
    (web_folder / "web.yaml").write_bytes(content)

    assert told(lambda: _web_loaded(web_folder / "web.yaml"))
