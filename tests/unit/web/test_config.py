"""The web configuration file: what is accepted, what every error says, and how TLS then behaves."""

import ssl
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.config.errors import ConfigError
from exporter.web import config as web_config
from exporter.web import file as web_file
from exporter.web import tls as web_tls
from exporter.web.config import WebConfig
from exporter.web.file import WebFile
from exporter.web.values import TLS12_CIPHERS, TLS13_CIPHERS
from tests.certificates import Authority, Certificate, authority

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

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
http_server_config.http2: found true, expected false, or no such key: this server speaks HTTP/1.1 alone
http_server_config.headers.Content-Security-Policy: found 'a\\nb', expected a text of ASCII characters on \
one line
http_server_config.headers.X-Content-Type-Options: found 'sniff', expected nosniff
http_server_config.headers.X-Frame-Options: found 'DENY', expected deny or sameorigin
http_server_config.headers.Server: found an unknown key, expected one of Content-Security-Policy, \
Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection
basic_auth_users.alice: found a text (not shown), expected a bcrypt hash, as htpasswd -nBC 10 '' prints it
basic_auth_users.b:ob: found 'b:ob', expected a user name: a text without colons (quote a number)
basic_auth_users.7: found 7, expected a user name: a text without colons (quote a number)
rate_limit: found an unknown key, expected one of tls_server_config, http_server_config, basic_auth_users
"""

Write = Callable[[str], Path]


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def server(signer: Authority) -> Certificate:
    return signer.sign("server")


@pytest.fixture(scope="session")
def client(signer: Authority) -> Certificate:
    return signer.sign("client", "DNS:scraper.example", "IP:2001:db8::1", "email:ops@acme.example")


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    """A client's certificate, of another authority."""
    return authority(tmp_path / "other").sign("client")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "web.yml"
        path.write_text(textwrap.dedent(text))
        return path

    return to_file


def details(load: Callable[[], object]) -> list[str]:
    """Return what is told of a file that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        load()
    return caught.value.details


def tls_details(write: Write, *lines: str) -> list[str]:
    """Return what is told of `tls_server_config` with these lines."""
    path = write("tls_server_config:\n" + "\n".join(f"  {line}" for line in lines))
    return details(lambda: WebFile(path))


@dataclass
class Shaken:
    """What both sides know after a handshake."""

    server: ssl.SSLObject
    client: ssl.SSLObject


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> Shaken:
    """Shake hands in memory; raises SSLError as the first side that refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = Shaken(
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
    )
    waiting = [sides.client, sides.server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return sides


class TestLoading:
    def test_tells_every_error_with_its_place(self, write: Write, tmp_path: Path) -> None:
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
              http2: true
              headers:
                Content-Security-Policy: "a\\nb"
                X-Content-Type-Options: sniff
                X-Frame-Options: DENY
                Server: x
            basic_auth_users:
              alice: hunter2
              "b:ob": {HASH}
              7: {HASH}
            rate_limit: {{burst: 5}}
            """)
        assert "".join(f"{line}\n" for line in details(lambda: web_config.load(path))) == ALL_ERRORS.format(
            folder=tmp_path
        )

    def test_tells_what_is_no_mapping(self, write: Write) -> None:
        (told,) = details(lambda: web_config.load(write("basic_auth_users: [alice]")))
        assert told == "basic_auth_users: found a list, expected a mapping"

    @pytest.mark.parametrize("text", ["", "{}", "basic_auth_users:", "# nothing"])
    def test_takes_a_file_that_asks_for_nothing(self, write: Write, text: str) -> None:
        assert web_config.load(write(text)).protections() == set()

    def test_takes_the_headers_of_the_toolkit_and_leaves_out_blank_ones(self, write: Write) -> None:
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

    @pytest.mark.parametrize("value", ["hunter2", "12345", "[hunter2]", "true", "2001-01-01", f"{HASH}x"])
    def test_never_shows_what_may_be_a_password(self, write: Write, value: str) -> None:
        (told,) = details(lambda: web_config.load(write(f"basic_auth_users: {{alice: {value}}}")))
        assert told.startswith("basic_auth_users.alice: found a ")
        assert value not in told

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(noise=st.text(max_size=200))
    def test_of_any_text_ends_in_a_configuration_or_its_error(self, tmp_path: Path, noise: str) -> None:
        path = tmp_path / "noise.yml"
        path.write_text(noise, encoding="utf-8", errors="surrogatepass")
        with suppress(ConfigError):
            assert isinstance(web_config.load(path), WebConfig)

    def test_tells_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"absent\.yml: cannot be read: No such file or directory"):
            web_config.load(tmp_path / "absent.yml")

    def test_hides_secrets_in_its_repr(self, write: Write) -> None:
        shown = repr(web_config.load(write(f"basic_auth_users: {{alice: {HASH}}}")))
        assert HASH not in shown


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
    def test_that_cannot_be_meant_are_refused(
        self, write: Write, server: Certificate, lines: list[str], told: list[str]
    ) -> None:
        given_lines = [line.format(pem=server.file, key=server.key_file) for line in lines] or ["{}"]
        found = tls_details(write, *given_lines)
        assert len(found) == len(told)
        for line, start in zip(found, told, strict=True):
            assert line.startswith(f"tls_server_config.{start}")


class TestFiles:
    """Files that hold something else than they should."""

    def test_of_another_key_are_told(self, write: Write, server: Certificate, client: Certificate) -> None:
        (told,) = tls_details(write, f"cert_file: {server.file}", f"key_file: {client.key_file}")
        assert told == (
            f"tls_server_config.key_file: found none in '{client.key_file}', expected the certificate's "
            "private key as PEM, not encrypted"
        )

    def test_that_are_no_pem_are_told(self, write: Write, server: Certificate, tmp_path: Path) -> None:
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

    def test_with_an_encrypted_key_are_told_and_nobody_is_asked_for_its_passphrase(
        self, write: Write, server: Certificate
    ) -> None:
        encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n"
        (told,) = tls_details(write, f"cert_file: {server.file}", f"key: {encrypted!r}".replace("'", '"'))
        assert told.startswith("tls_server_config.key: found none, expected the certificate's private key")

    def test_may_be_relative_to_the_web_configuration(
        self, write: Write, tmp_path: Path, server: Certificate
    ) -> None:
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls" / "a.pem").write_bytes(server.file.read_bytes())
        (tmp_path / "tls" / "a.key").write_bytes(server.key_file.read_bytes())
        path = write("tls_server_config: {cert_file: tls/a.pem, key_file: tls/a.key}")
        assert WebFile(path).current().tls is not None

    def test_may_stand_inline_however_long(
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
    def test_agrees_on_a_version_within_the_bounds(
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
    def test_uses_the_cipher_suite_of_a_go_name(
        self, made: Callable[..., ssl.SSLContext], signer: Authority, suite: str
    ) -> None:
        asking = signer.client_context()
        asking.set_ciphers("ALL")
        shaken = shake(made("max_version: TLS12", f"cipher_suites: [{suite}]"), asking)
        assert (shaken.client.cipher() or [""])[0] == TLS12_CIPHERS[suite]

    def test_knows_every_cipher_suite(self, made: Callable[..., ssl.SSLContext]) -> None:
        context = made(f"cipher_suites: [{', '.join([*TLS12_CIPHERS, *TLS13_CIPHERS])}]")
        assert {cipher["name"] for cipher in context.get_ciphers()} >= {
            *TLS12_CIPHERS.values(),
            *TLS13_CIPHERS,
        }

    @pytest.mark.parametrize(("server_first", "agreed"), [("true", "256"), ("false", "128")])
    def test_prefers_the_order_of_the_server_unless_told(
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

    def test_keeps_to_the_one_curve(self, made: Callable[..., ssl.SSLContext], signer: Authority) -> None:
        asking = signer.client_context()
        asking.set_ecdh_curve("secp384r1")
        shake(made("curve_preferences: [CurveP384]"), asking)
        with pytest.raises(ssl.SSLError):
            shake(made("curve_preferences: [X25519]"), asking)

    def test_requires_a_certificate_of_the_authority(
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

    def test_verifies_a_certificate_if_one_is_given(
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
    def test_lets_in_the_allowed_names_alone(
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


class TestChanges:
    """Files that change while the server runs."""

    @staticmethod
    def serial(file: WebFile, signer: Authority) -> object:
        context = file.current().tls
        assert context
        return (shake(context, signer.client_context()).client.getpeercert() or {})["serialNumber"]

    @pytest.fixture
    def own(self, signer: Authority, write: Write) -> WebFile:
        """Return a file in force with a certificate of its own, `own`, and a user."""
        signer.sign("own")
        return WebFile(write(self.text(signer)))

    @staticmethod
    def text(signer: Authority, users: str = f"{{alice: {HASH}}}") -> str:
        pair = f"cert_file: {signer.folder}/own.pem, key_file: {signer.folder}/own.key"
        return f"tls_server_config: {{{pair}}}\nbasic_auth_users: {users}\n"

    def test_of_the_certificate_are_shown_to_the_next_client(self, own: WebFile, signer: Authority) -> None:
        before = self.serial(own, signer)
        assert self.serial(own, signer) == before
        signer.sign("own")
        assert self.serial(own, signer) != before

    def test_of_the_certificate_without_its_key_wait_for_the_key(
        self, own: WebFile, signer: Authority
    ) -> None:
        before = self.serial(own, signer)
        old_key = (signer.folder / "own.key").read_bytes()
        signer.sign("own")
        new_key = (signer.folder / "own.key").read_bytes()
        (signer.folder / "own.key").write_bytes(old_key)
        with capture_logs() as logs:
            assert [self.serial(own, signer), self.serial(own, signer)] == [before, before]
        assert [entry["log_level"] for entry in logs] == ["error"]
        (signer.folder / "own.key").write_bytes(new_key)
        assert self.serial(own, signer) != before

    def test_of_users_are_in_force_with_the_next_request(
        self, own: WebFile, signer: Authority, write: Write
    ) -> None:
        assert own.current().users == {b"alice": HASH.encode()}
        write(self.text(signer, f"{{bob: {HASH}}}"))
        assert own.current().users == {b"bob": HASH.encode()}

    @pytest.mark.parametrize("text", ["junk", "", "basic_auth_users: {alice: hunter2}", "a: {"])
    def test_that_cannot_be_used_or_open_the_door_leave_the_old_and_are_told_once(
        self, own: WebFile, write: Write, text: str
    ) -> None:
        before = own.current()
        write(text)
        with capture_logs() as logs:
            assert [own.current(), own.current()] == [before, before]
        assert [entry["event"] for entry in logs] == ["web configuration not reloaded, the old one stays"]
        assert "hunter2" not in str(logs)

    def test_that_take_users_away_need_a_restart(self, own: WebFile, signer: Authority, write: Write) -> None:
        path = write(self.text(signer, "{}"))
        with capture_logs() as logs:
            assert own.current().users
        assert logs[0]["error"].endswith("basic_auth_users can be given up by a restart alone")
        assert WebFile(path).current().users == {}

    def test_that_were_bad_are_looked_at_again(
        self, own: WebFile, signer: Authority, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that the bad configuration named may be there by now, and nothing else has changed."""
        monkeypatch.setattr(web_file, "RETRY_SECONDS", 0.0)
        text = self.text(signer, f"{{bob: {HASH}}}").replace("own", "later")
        write(text)
        assert list(own.current().users) == [b"alice"]
        signer.sign("later")
        assert list(own.current().users) == [b"bob"]
