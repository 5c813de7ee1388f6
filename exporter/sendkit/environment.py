"""What the environment says about the way to the API: proxies, exceptions from them, and certificates.

Names and forms are those of curl and of Go's `net/http`, which other exporters go by.
"""

import importlib.util
import re
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from exporter.config import ConfigError, values

_PROXY = re.compile(
    r"(?:(?P<scheme>[a-z0-9+.-]+)://)?(?:(?P<user>.*)@)?(?P<host>\[[0-9a-f:.%]+\]|[^\[\]:/@?#\s]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE | re.DOTALL,
)
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_EXCEPTION = re.compile(
    r"(?P<host>\[[0-9a-f:.%]+\]|[^\[\]:/@?#\s]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)


def certificates() -> ssl.SSLContext:
    """Return whom to trust, by `SSL_CERT_FILE` and `SSL_CERT_DIR`; raises `ConfigError`."""
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the environment's certificates (SSL_CERT_FILE, SSL_CERT_DIR): {error}") from None


def proxy_for(url: str, environ: Mapping[str, str]) -> httpcore.Proxy | None:
    """Return the proxy by which an address is called; raises `ConfigError`, which holds no password."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    if values.is_loopback(url):  # what is meant for this machine alone must not leave it
        return None
    for name in (f"{parts.scheme.lower()}_proxy", "all_proxy"):
        written = environ.get(name) or ("" if _is_from_a_client(name, environ) else environ.get(name.upper()))
        if written:
            return None if _is_excepted(host, port, environ) else _proxy(name.upper(), written.strip())
    return None


def _is_from_a_client(name: str, environ: Mapping[str, str]) -> bool:
    """Whether a variable may hold a header of a request: so it is with `HTTP_PROXY` in a CGI program."""
    return name == "http_proxy" and "REQUEST_METHOD" in environ


def _proxy(name: str, written: str) -> httpcore.Proxy:
    parts = _PROXY.fullmatch(written)
    scheme = ((parts and parts["scheme"]) or "http").lower()
    if not parts or scheme not in _PORTS or int(parts["port"] or 1) not in range(1, 65536):
        raise ConfigError(
            f"the environment's {name}: expected an address such as http://USER:PASSWORD@proxy.example:3128 "
            f"({', '.join(_PORTS)})"
        )
    if scheme.startswith("socks5") and importlib.util.find_spec("socksio") is None:
        raise ConfigError(f"the environment's {name}: a SOCKS proxy needs the package socksio")
    user, _, password = (parts["user"] or "").partition(":")
    auth = (unquote(user).encode(), unquote(password).encode()) if user or password else None
    address = httpcore.URL(
        scheme=scheme,
        host=parts["host"].strip("[]").encode("idna" if not parts["host"].isascii() else "ascii"),
        port=int(parts["port"] or _PORTS[scheme]),
        target=b"/",
    )
    return httpcore.Proxy(address, auth=auth, ssl_context=certificates() if scheme == "https" else None)


def _is_excepted(host: str, port: int, environ: Mapping[str, str]) -> bool:
    """Whether NO_PROXY names an address; each of its entries is checked, so that none is ignored unseen."""
    named = [_names(entry, host.lower(), port) for entry in _entries(environ)]
    return any(named)


def _entries(environ: Mapping[str, str]) -> Iterator[str]:
    written = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    yield from filter(None, re.split(r"[,\s]+", written.lower()))


def _names(entry: str, host: str, port: int) -> bool:
    """Whether an entry names a host and port; raises `ConfigError` for one that cannot be understood.

    `*` is every host, `corp` a host and all below it, `.corp` and `*.corp` all below it alone. A range of
    addresses names hosts that are written as addresses: none is looked up.
    """
    if entry == "*":
        return True
    network = _network(entry)
    if network is not None:
        return _is_within(host, network)
    parts = _EXCEPTION.fullmatch(entry)
    if not parts or "*" in parts["host"].removeprefix("*."):
        raise ConfigError(
            f"the environment's NO_PROXY: found {entry!r}, expected hosts such as corp.example, "
            ".corp.example, host:443, [::1], 10.0.0.0/8 or *"
        )
    if parts["port"] and int(parts["port"]) != port:
        return False
    name = parts["host"]
    network = _network(name.strip("[]"))
    if network is not None:
        return _is_within(host, network)
    if name.startswith(("*.", ".")):
        return host.endswith("." + name.lstrip("*."))
    return host == name or host.endswith("." + name)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False
