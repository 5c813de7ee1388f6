"""The forms of single values in the web configuration file."""

import re
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr

from exporter.config import files, values
from exporter.config.errors import kind_of, mismatch

TLS12_CIPHERS: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Cipher suites up to TLS 1.2: the names of Go, as in the file, and those of OpenSSL."""

TLS13_CIPHERS = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""Cipher suites of TLS 1.3: the file may name them, and each is always on, as with the toolkit."""

CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
"""Curves: the names of Go, as in the file, and those of OpenSSL."""

VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

# The salt's last character carries two bits alone, so that it is one of four.
_BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
MOST_BCRYPT_COST = 14
"""A check of this cost takes about a second, and twice as long with each step more."""
MOST_PEM_BYTES = 4 * 2**20
_HEADER_TEXT = re.compile(r"[\t -~]*")


def _bcrypt_hash(value: object) -> SecretStr:
    """Return a bcrypt hash; what is none may be the password itself, and is never shown."""
    if not isinstance(value, str) or not (parts := _BCRYPT.fullmatch(value)):
        raise mismatch("a bcrypt hash, as htpasswd -nBC 10 '' prints it", kind_of(value))
    if int(parts[1]) > MOST_BCRYPT_COST:
        raise mismatch(f"one of cost {MOST_BCRYPT_COST} at most, which takes a second", f"cost {parts[1]}")
    return SecretStr(value)


def _pem(value: object) -> SecretStr:
    """Return an inline PEM text; it may hold a private key, and is never shown."""
    if not isinstance(value, str) or not value.strip():
        raise mismatch("a PEM text", kind_of(value))
    return SecretStr(value)


def _readable(path: Path) -> Path:
    """Refuse a file that cannot be read."""
    try:
        files.read(path, MOST_PEM_BYTES)
    except files.FileError as error:
        if "\0" in str(path):
            raise mismatch("a path", "a text (not shown)") from None
        why = str(error).removeprefix("cannot be read: ")
        raise mismatch("a file that can be read", f"{str(path)!r} ({why})") from None
    return path


def _served(value: object) -> object:
    """Refuse the versions that the format knows and this server does not serve."""
    if value in ("TLS10", "TLS11"):
        raise mismatch("TLS12 or TLS13: older versions are broken and not served", str(value))
    return value


def _verified(value: object) -> object:
    """Refuse to take certificates that nobody verifies."""
    if value in ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"):
        raise mismatch(
            "NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert: "
            "a certificate that nobody verifies tells nothing, this server takes none",
            str(value),
        )
    return value


def _number_as_text(value: object) -> object:
    """Take a whole number as the text that it is written in, such as `X-XSS-Protection: 1`."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _header_text(text: str) -> str:
    if not _HEADER_TEXT.fullmatch(text):
        raise ValueError
    return text.strip()


def _user_name(name: str) -> str:
    if ":" in name or not name.isprintable():
        raise ValueError
    return name


def san(text: str) -> str:
    """Return a subject alternative name; addresses in one way of writing."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _one_of(names: Iterable[str]) -> AfterValidator:
    """Refuse texts that are none of these names."""
    known = frozenset(names)

    def check(text: str) -> str:
        if text not in known:
            raise ValueError
        return text

    return AfterValidator(check)


File = Annotated[values.FilePath, AfterValidator(_readable)]
Pem = Annotated[SecretStr, BeforeValidator(_pem)]
Version = Annotated[Literal["TLS12", "TLS13"], values.Expect("TLS12 or TLS13"), BeforeValidator(_served)]
ClientAuth = Annotated[
    Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
    values.Expect("one of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"),
    BeforeValidator(_verified),
]
Cipher = Annotated[
    str,
    _one_of([*TLS12_CIPHERS, *TLS13_CIPHERS]),
    values.Expect("a cipher suite by its Go name, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
]
Curve = Annotated[str, _one_of(CURVES), values.Expect(f"one of {', '.join(CURVES)}")]
HeaderText = Annotated[
    str,
    AfterValidator(_header_text),
    values.Expect("a text of ASCII characters on one line"),
    BeforeValidator(_number_as_text),
]
UserName = Annotated[
    str, AfterValidator(_user_name), values.Expect("a user name: a text without colons (quote a number)")
]
Hash = Annotated[SecretStr, BeforeValidator(_bcrypt_hash)]
