"""The web configuration file: what is accepted, and what every error says."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.errors import ConfigError
from exporter.web import config as web_config
from exporter.web.config import WebConfig
from tests.unit.web.written import HASH, Write, details

ALL_ERRORS = """\
tls_server_config.cert_file: found '{folder}/absent.pem' (No such file or directory), expected a file that \
can be read
tls_server_config.key: found a value of type int (not shown), expected a PEM text
tls_server_config.client_auth_type: found 'maybe', expected one of NoClientCert, VerifyClientCertIfGiven, \
RequireAndVerifyClientCert
tls_server_config.client_ca_file: found 1, expected a path
tls_server_config.min_version: found TLS10, expected TLS12 or TLS13: older versions are broken and not served
tls_server_config.max_version: found 'SSL3', expected TLS12 or TLS13
tls_server_config.cipher_suites.0: found 'RC4', expected a cipher suite by its Go name, such as \
TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
tls_server_config.prefer_server_cipher_suites: found 'yes please', expected true or false
tls_server_config.curve_preferences.1: found 'P-1', expected one of CurveP256, CurveP384, CurveP521, X25519
tls_server_config.certfile: found an unknown key, expected cert_file or another known key
http_server_config.http2: found 'maybe', expected true or false
http_server_config.headers.Content-Security-Policy: found 'a\\nb', expected a text of ASCII characters on \
one line
http_server_config.headers.X-Content-Type-Options: found 'sniff', expected nosniff
http_server_config.headers.X-Frame-Options: found 'DENY', expected deny or sameorigin
http_server_config.headers.Server: found an unknown key, expected one of Content-Security-Policy, \
Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection
basic_auth_users.alice: found a text (not shown), expected a bcrypt hash, as htpasswd -nBC 10 '' prints it
basic_auth_users.b:ob: found 'b:ob', expected a user name: a text without colons (quote a number)
basic_auth_users.7: found 7, expected a user name: a text without colons (quote a number)
rate_limits: found an unknown key, expected rate_limit or another known key
"""


class TestLoading:
    def test_the_web_configuration_tells_every_error_with_its_place(
        self, write: Write, tmp_path: Path
    ) -> None:
        path = write(f"""
            tls_server_config:
              cert_file: absent.pem
              key: 5
              client_auth_type: maybe
              client_ca_file: 1
              min_version: TLS10
              max_version: SSL3
              cipher_suites: [RC4, TLS_AES_128_GCM_SHA256]
              prefer_server_cipher_suites: yes please
              curve_preferences: [X25519, P-1]
              certfile: x
            http_server_config:
              http2: maybe
              headers:
                Content-Security-Policy: "a\\nb"
                X-Content-Type-Options: sniff
                X-Frame-Options: DENY
                Server: x
            basic_auth_users:
              alice: hunter2
              "b:ob": {HASH}
              7: {HASH}
            rate_limits: {{burst: 5}}
            """)
        assert "".join(f"{line}\n" for line in details(lambda: web_config.load(path))) == ALL_ERRORS.format(
            folder=tmp_path
        )

    def test_the_web_configuration_tells_what_is_no_mapping(self, write: Write) -> None:
        (told,) = details(lambda: web_config.load(write("basic_auth_users: [alice]")))
        assert told == "basic_auth_users: found a list, expected a mapping"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            "basic_auth_users:",
            "# nothing",
            "http_server_config:",
            "http_server_config: {http2: true}",
            "http_server_config: {headers: }",
            "rate_limit:",
            "rate_limit: {interval: 0, burst: 20}",
            "rate_limit: {interval: 0s}",
        ],
    )
    def test_the_web_configuration_takes_a_file_that_asks_for_nothing(self, write: Write, text: str) -> None:
        assert web_config.load(write(text)).protections() == set()

    def test_the_web_configuration_takes_the_headers_of_the_toolkit_and_leaves_out_blank_ones(
        self, write: Write
    ) -> None:
        config = web_config.load(
            write("""
            http_server_config:
              http2: false
              headers:
                X-Frame-Options: deny
                Strict-Transport-Security: max-age=31536000; includeSubDomains
                X-XSS-Protection: 1
                Content-Security-Policy: ""
            """)
        )
        assert config.http_server_config.headers.encoded() == {
            b"x-frame-options": b"deny",
            b"strict-transport-security": b"max-age=31536000; includeSubDomains",
            b"x-xss-protection": b"1",
        }

    def test_the_web_configuration_refuses_a_rate_limit_with_the_reason(self, write: Write) -> None:
        (found,) = details(lambda: web_config.load(write("rate_limit: {interval: 1s, burst: 20}")))
        assert found.startswith("rate_limit.interval: found '1s', expected 0, or no rate_limit: this server")

    def test_the_web_configuration_refuses_a_hash_whose_check_takes_too_long(self, write: Write) -> None:
        (found,) = details(
            lambda: web_config.load(write(f"basic_auth_users: {{alice: {HASH[:4]}31{HASH[6:]}}}"))
        )
        assert found == (
            "basic_auth_users.alice: found cost 31, expected one of cost 14 at most, which takes a second"
        )

    @pytest.mark.parametrize("value", ["hunter2", "12345", "[hunter2]", "true", "2001-01-01", f"{HASH}x"])
    def test_the_web_configuration_never_shows_what_may_be_a_password(self, write: Write, value: str) -> None:
        (told,) = details(lambda: web_config.load(write(f"basic_auth_users: {{alice: {value}}}")))
        assert told.startswith("basic_auth_users.alice: found a ")
        assert value not in told

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(noise=st.text(max_size=200))
    def test_the_web_configuration_of_any_text_ends_in_a_configuration_or_its_error(
        self, tmp_path: Path, noise: str
    ) -> None:
        path = tmp_path / "noise.yml"
        path.write_text(noise, encoding="utf-8", errors="surrogatepass")
        with suppress(ConfigError):
            assert isinstance(web_config.load(path), WebConfig)

    def test_the_web_configuration_tells_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"absent\.yml: cannot be read: No such file or directory"):
            web_config.load(tmp_path / "absent.yml")

    def test_the_web_configuration_hides_secrets_in_its_repr(self, write: Write) -> None:
        shown = repr(web_config.load(write(f"basic_auth_users: {{alice: {HASH}}}")))
        assert HASH not in shown
