"""How TLS behaves by the web configuration."""

import ssl
from collections.abc import Callable

import pytest

from exporter.web import config as web_config
from exporter.web import tls as web_tls
from exporter.web.file import WebFile
from exporter.web.values import TLS12_CIPHERS, TLS13_CIPHERS
from tests.certificates import Authority, Certificate
from tests.unit.web.handshakes import shake
from tests.unit.web.written import Write


class TestHandshake:
    @pytest.fixture
    def made(self, write: Write, signer: Authority, server: Certificate) -> Callable[..., ssl.SSLContext]:
        """Return what makes a server's context with more lines of `tls_server_config`."""

        def make(*lines: str) -> ssl.SSLContext:
            pair = f"cert_file: {server.file}", f"key_file: {server.key_file}"
            given_lines = [line.format(ca=signer.file) for line in (*pair, *lines)]
            config = web_config.load(write("tls_server_config:\n" + "".join(f"  {x}\n" for x in given_lines)))
            assert config.tls_server_config
            return web_tls.context(config.tls_server_config)

        return make

    @pytest.mark.parametrize(
        ("lines", "newest", "agreed"),
        [
            ([], ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
            ([], ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
            (["min_version: TLS13"], ssl.TLSVersion.TLSv1_2, None),
            (["min_version: TLS13"], ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
            (["max_version: TLS12"], ssl.TLSVersion.TLSv1_3, "TLSv1.2"),
            (["cipher_suites: [TLS_AES_128_GCM_SHA256]"], ssl.TLSVersion.TLSv1_2, None),
        ],
    )
    def test_a_handshake_agrees_on_a_version_within_the_bounds(
        self,
        made: Callable[..., ssl.SSLContext],
        signer: Authority,
        lines: list[str],
        newest: ssl.TLSVersion,
        agreed: str | None,
    ) -> None:
        asking = signer.client_context()
        asking.maximum_version = newest
        if agreed is None:
            with pytest.raises(ssl.SSLError):
                shake(made(*lines), asking)
        else:
            assert shake(made(*lines), asking).client.version() == agreed

    @pytest.mark.parametrize("suite", [name for name in TLS12_CIPHERS if "ECDSA" in name])
    def test_a_handshake_uses_the_cipher_suite_of_a_go_name(
        self, made: Callable[..., ssl.SSLContext], signer: Authority, suite: str
    ) -> None:
        asking = signer.client_context()
        asking.set_ciphers("ALL")
        shaken = shake(made("max_version: TLS12", f"cipher_suites: [{suite}]"), asking)
        assert (shaken.client.cipher() or [""])[0] == TLS12_CIPHERS[suite]

    def test_every_cipher_suite_with_a_go_name_is_known(self, made: Callable[..., ssl.SSLContext]) -> None:
        context = made(f"cipher_suites: [{', '.join([*TLS12_CIPHERS, *TLS13_CIPHERS])}]")
        assert {cipher["name"] for cipher in context.get_ciphers()} >= {
            *TLS12_CIPHERS.values(),
            *TLS13_CIPHERS,
        }

    @pytest.mark.parametrize(("server_first", "agreed"), [("true", "256"), ("false", "128")])
    def test_a_handshake_prefers_the_order_of_the_server_unless_configured_otherwise(
        self, made: Callable[..., ssl.SSLContext], signer: Authority, server_first: str, agreed: str
    ) -> None:
        suites = [
            f"TLS_ECDHE_ECDSA_WITH_AES_{bits}_GCM_SHA{digest}" for bits, digest in ((256, 384), (128, 256))
        ]
        context = made(
            "max_version: TLS12",
            f"cipher_suites: [{', '.join(suites)}]",
            f"prefer_server_cipher_suites: {server_first}",
        )
        asking = signer.client_context()
        asking.set_ciphers(":".join(TLS12_CIPHERS[suite] for suite in reversed(suites)))
        assert f"AES{agreed}" in (shake(context, asking).client.cipher() or [""])[0]

    def test_a_handshake_keeps_to_the_one_curve(
        self, made: Callable[..., ssl.SSLContext], signer: Authority
    ) -> None:
        asking = signer.client_context()
        asking.set_ecdh_curve("secp384r1")
        shake(made("curve_preferences: [CurveP384]"), asking)
        with pytest.raises(ssl.SSLError):
            shake(made("curve_preferences: [X25519]"), asking)

    def test_a_handshake_requires_a_certificate_of_the_authority(
        self,
        made: Callable[..., ssl.SSLContext],
        signer: Authority,
        client: Certificate,
        stranger: Certificate,
    ) -> None:
        context = made("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: {ca}")
        shake(context, signer.client_context(client))
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            shake(context, signer.client_context())
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            shake(context, signer.client_context(stranger))

    def test_a_handshake_verifies_a_certificate_if_one_is_given(
        self,
        made: Callable[..., ssl.SSLContext],
        signer: Authority,
        client: Certificate,
        stranger: Certificate,
    ) -> None:
        context = made("client_auth_type: VerifyClientCertIfGiven", "client_ca_file: {ca}")
        assert shake(context, signer.client_context()).server.getpeercert() is None
        assert shake(context, signer.client_context(client)).server.getpeercert()
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            shake(context, signer.client_context(stranger))

    @pytest.mark.parametrize(
        ("sans", "is_let_in"),
        [
            ("[scraper.example]", True),
            ("[other, ops@acme.example]", True),
            ("['2001:DB8:0::1']", True),
            ("[example]", False),
            ("['*.example']", False),
        ],
    )
    def test_a_handshake_lets_in_the_allowed_names_alone(
        self,
        write: Write,
        signer: Authority,
        server: Certificate,
        client: Certificate,
        sans: str,
        *,
        is_let_in: bool,
    ) -> None:
        path = write(f"""
            tls_server_config:
              cert_file: {server.file}
              key_file: {server.key_file}
              client_auth_type: RequireAndVerifyClientCert
              client_ca_file: {signer.file}
              client_allowed_sans: {sans}
            """)
        file = WebFile(path)
        context = file.current().tls
        assert context
        assert file.lets_in(shake(context, signer.client_context(client)).server) is is_let_in
