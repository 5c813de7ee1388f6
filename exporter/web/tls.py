"""TLS as the web configuration asks for it: the context of a connection, and whose certificate is let in."""

import os
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from exporter.config.errors import ConfigError
from exporter.web.config import TlsServer
from exporter.web.handshake import Context
from exporter.web.values import CURVES, TLS12_CIPHERS, VERSIONS, san

_VERIFY_MODES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def context(tls: TlsServer) -> ssl.SSLContext:
    """Return the context of a server's connections, its files read now.

    Raises ConfigError with the place of what cannot be used.
    """
    made = Context(ssl.PROTOCOL_TLS_SERVER)
    _limit(made, tls)
    with _place("cert", tls.cert_file, "a certificate as PEM"), _path(tls.cert_file, tls.cert) as certificate:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(certificate)
    with (
        _place("key", tls.key_file, "the certificate's private key as PEM, not encrypted"),
        _path(tls.cert_file, tls.cert) as certificate,
        _path(tls.key_file, tls.key) as key,
    ):
        made.load_cert_chain(certificate, key, password=_refuse_passphrase)
    if tls.client_auth_type != "NoClientCert":
        with (
            _place("client_ca", tls.client_ca_file, "certificates of authorities as PEM"),
            _path(tls.client_ca_file, tls.client_ca) as authorities,
        ):
            made.load_verify_locations(authorities)
    return made


def _limit(made: ssl.SSLContext, tls: TlsServer) -> None:
    """Set versions, ciphers, curve, and how clients are verified."""
    made.minimum_version = VERSIONS[tls.min_version]
    made.maximum_version = VERSIONS[tls.max_version]
    if tls.cipher_suites:
        chosen = [TLS12_CIPHERS[name] for name in tls.cipher_suites if name in TLS12_CIPHERS]
        if chosen:
            made.set_ciphers(":".join(chosen))
        else:  # those of TLS 1.3 alone
            made.minimum_version = ssl.TLSVersion.TLSv1_3
    if not tls.prefer_server_cipher_suites:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    for curve in tls.curve_preferences:
        made.set_ecdh_curve(CURVES[curve])
    made.verify_mode = _VERIFY_MODES[tls.client_auth_type]
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # any certificate may be an authority, as in Go


def lets_in(tls: TlsServer, connection: ssl.SSLObject) -> bool:
    """Tell whether a client's certificate, verified already, has an allowed name; none asked for: true."""
    certificate = connection.getpeercert()
    if not tls.client_allowed_sans or not certificate:
        return True
    names: Iterable[tuple[str, str]] = cast("Any", certificate.get("subjectAltName", ()))
    return any(san(name) in tls.client_allowed_sans for _, name in names)


@contextmanager
def _place(name: str, file: Path | None, wanted: str) -> Iterator[None]:
    """Tell an error of OpenSSL's as one of the configuration."""
    place, where = (f"{name}_file", f" in {str(file)!r}") if file else (name, "")
    try:
        yield
    except OSError as error:  # ssl.SSLError is one, too
        reason = f" ({error.strerror})" if file and not isinstance(error, ssl.SSLError) else ""
        detail = f"tls_server_config.{place}: found none{where}{reason}, expected {wanted}"
        raise ConfigError("TLS cannot be set up", [detail]) from None


@contextmanager
def _path(file: Path | None, inline: SecretStr | None) -> Iterator[str]:
    """Give a path that OpenSSL can read once; an inline text goes through a pipe, never to a disk."""
    if inline is None:
        yield str(file)
        return
    reading, writing = os.pipe()
    content = inline.get_secret_value().encode()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    threading.Thread(target=write, daemon=True).start()  # a pipe may hold less than the text
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


def _refuse_passphrase() -> str:
    """Keep OpenSSL from asking for the passphrase of a key at the terminal."""
    raise ssl.SSLError("the key is encrypted")
