"""What `tls_server_config` names: which keys go together, and what the files must hold."""

from pathlib import Path

import pytest

from exporter.web.file import WebFile
from tests.certificates import Authority, Certificate
from tests.unit.web.handshakes import shake
from tests.unit.web.written import Write, tls_details


class TestCombinations:
    """Keys of `tls_server_config` that need or exclude one another."""

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            ([], ["cert: found none, expected exactly one of", "key: found none, expected exactly one of"]),
            (
                ["cert_file: {pem}", "cert: x", "key_file: {key}"],
                ["cert: found both, expected exactly one of"],
            ),
            (["cert_file: {pem}"], ["key: found none, expected exactly one of key_file, key"]),
            (
                ["cert_file: {pem}", "key_file: {key}", "client_auth_type: RequireAnyClientCert"],
                ["client_auth_type: found RequireAnyClientCert, expected NoClientCert, Verify"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "client_auth_type: RequestClientCert"],
                ["client_auth_type: found RequestClientCert, expected NoClientCert, Verify"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "client_auth_type: RequireAndVerifyClientCert"],
                ["client_ca: found none, expected exactly one of client_ca_file, client_ca, because"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "client_ca_file: {pem}"],
                ["client_ca: found one, expected no authority while client_auth_type is NoClientCert"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "client_allowed_sans: [a]"],
                ["client_allowed_sans: found a list, expected no names while client_auth_type is NoClient"],
            ),
            (
                [
                    "cert_file: {pem}",
                    "key_file: {key}",
                    "client_auth_type: RequireAndVerifyClientCert",
                    "client_ca_file: {pem}",
                    "client_allowed_sans: []",
                ],
                ["client_allowed_sans: found none, expected at least one name; without this key every"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "min_version: TLS13", "max_version: TLS12"],
                ["max_version: found TLS12, expected at least min_version, which is TLS13"],
            ),
            (
                [
                    "cert_file: {pem}",
                    "key_file: {key}",
                    "max_version: TLS12",
                    "cipher_suites: [TLS_AES_128_GCM_SHA256]",
                ],
                ["cipher_suites: found those of TLS 1.3 alone, expected one for TLS 1.2"],
            ),
            (
                ["cert_file: {pem}", "key_file: {key}", "curve_preferences: [X25519, CurveP256]"],
                ["curve_preferences: found 2, expected one curve"],
            ),
        ],
    )
    def test_combinations_of_tls_files_that_cannot_be_meant_are_refused(
        self, write: Write, server: Certificate, lines: list[str], told: list[str]
    ) -> None:
        given_lines = [line.format(pem=server.file, key=server.key_file) for line in lines] or ["{}"]
        found = tls_details(write, *given_lines)
        assert len(found) == len(told)
        for line, start in zip(found, told, strict=True):
            assert line.startswith(f"tls_server_config.{start}")


class TestFiles:
    """Files that hold something else than they should."""

    def test_tls_files_of_another_key_are_an_error(
        self, write: Write, server: Certificate, client: Certificate
    ) -> None:
        (told,) = tls_details(write, f"cert_file: {server.file}", f"key_file: {client.key_file}")
        assert told == (
            f"tls_server_config.key_file: found none in '{client.key_file}', expected the certificate's "
            "private key as PEM, not encrypted"
        )

    def test_tls_files_that_are_no_pem_are_an_error(
        self, write: Write, server: Certificate, tmp_path: Path
    ) -> None:
        junk = tmp_path / "junk.pem"
        junk.write_text("junk")
        pair = f"cert_file: {server.file}", f"key_file: {server.key_file}"
        (cert,) = tls_details(write, f"cert_file: {junk}", pair[1])
        (key,) = tls_details(write, pair[0], f"key_file: {junk}")
        (ca,) = tls_details(
            write, *pair, "client_auth_type: RequireAndVerifyClientCert", f"client_ca_file: {junk}"
        )
        assert cert.startswith(f"tls_server_config.cert_file: found none in '{junk}', expected a certificate")
        assert key.startswith(
            f"tls_server_config.key_file: found none in '{junk}', expected the certificate's"
        )
        assert ca.startswith(
            f"tls_server_config.client_ca_file: found none in '{junk}', expected certificates"
        )

    def test_tls_files_with_an_encrypted_key_are_an_error_and_nobody_is_asked_for_its_passphrase(
        self, write: Write, server: Certificate
    ) -> None:
        encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n"
        (told,) = tls_details(write, f"cert_file: {server.file}", f"key: {encrypted!r}".replace("'", '"'))
        assert told.startswith("tls_server_config.key: found none, expected the certificate's private key")

    def test_tls_files_may_be_relative_to_the_web_configuration(
        self, write: Write, tmp_path: Path, server: Certificate
    ) -> None:
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls" / "a.pem").write_bytes(server.file.read_bytes())
        (tmp_path / "tls" / "a.key").write_bytes(server.key_file.read_bytes())
        path = write("tls_server_config: {cert_file: tls/a.pem, key_file: tls/a.key}")
        assert WebFile(path).current().tls is not None

    def test_tls_files_may_be_inline_however_long(
        self, write: Write, signer: Authority, server: Certificate, client: Certificate
    ) -> None:
        def inline(file: Path, times: int = 1) -> str:
            return repr(file.read_text() * times).replace("'", '"')

        path = write(f"""
            tls_server_config:
              cert: {inline(server.file, 200)}
              key: {inline(server.key_file)}
              client_auth_type: RequireAndVerifyClientCert
              client_ca: {inline(signer.file, 200)}
            """)
        context = WebFile(path).current().tls
        assert context is not None
        assert shake(context, signer.client_context(client)).server.getpeercert()
