"""The web configuration file, in the format of the Prometheus exporter-toolkit: TLS, users, headers.

The format is that of docs/web-configuration.md in github.com/prometheus/exporter-toolkit. What this server
cannot do as the file asks is an error, never left out in silence.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from exporter.config import values, yaml
from exporter.config.errors import ConfigError, kind_of, mismatch, tell
from exporter.config.sections import Listed, Section
from exporter.nouns import several
from exporter.web.values import (
    TLS12_CIPHERS,
    Cipher,
    ClientAuth,
    Curve,
    File,
    Hash,
    HeaderText,
    Pem,
    UserName,
    Version,
    san,
)

NO_RATE_LIMIT = "0, or no rate_limit: this server has none, it answers the addresses that ask in turns"
_EMPTY_IS_NONE = BeforeValidator(lambda given: {} if given is None else given)
"""A section without keys, which YAML reads as null, is as good as none."""


class TlsServer(Section):
    """How connections are encrypted, and which clients may open one."""

    cert_file: File | None = None
    """PEM file with the server's certificate and its chain. Exactly one of `cert_file`, `cert` is set."""
    cert: Pem | None = Field(default=None, validate_default=True)
    """The certificate itself."""
    key_file: File | None = None
    """PEM file with the certificate's private key. Exactly one of `key_file`, `key` is set."""
    key: Pem | None = Field(default=None, validate_default=True)
    """The private key itself."""
    client_auth_type: ClientAuth = "NoClientCert"
    """Whether clients show a certificate."""
    client_ca_file: File | None = None
    """PEM file with the authorities that clients' certificates are verified by."""
    client_ca: Pem | None = Field(default=None, validate_default=True)
    """The authorities themselves."""
    client_allowed_sans: Listed[Annotated[str, AfterValidator(san)]] = ()
    """A client's certificate must have one of these subject alternative names: DNS, IP, e-mail, URI."""
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: Listed[Cipher] = ()
    """Cipher suites up to TLS 1.2, by their Go names; those of TLS 1.3 are always on."""
    prefer_server_cipher_suites: values.Switch = True
    """Whether the order of `cipher_suites` goes before the client's."""
    curve_preferences: Listed[Curve] = ()
    """The one curve of the key exchange."""

    @field_validator("cert", "key")
    @classmethod
    def _is_the_only_source(cls, inline: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        file = f"{info.field_name}_file"
        if file in info.data and (inline is None) == (info.data[file] is None):
            found = "none" if inline is None else "both"
            raise mismatch(f"exactly one of {file}, {info.field_name}", found)
        return inline

    @field_validator("client_ca")
    @classmethod
    def _verifies_clients(cls, inline: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if not {"client_auth_type", "client_ca_file"} <= info.data.keys():
            return inline
        kind = info.data["client_auth_type"]
        given = [source for source in (inline, info.data["client_ca_file"]) if source is not None]
        if kind == "NoClientCert" and given:
            raise mismatch("no authority while client_auth_type is NoClientCert, which asks for none", "one")
        if kind != "NoClientCert" and len(given) != 1:
            raise mismatch(
                f"exactly one of client_ca_file, client_ca, because client_auth_type is {kind}",
                "both" if given else "none",
            )
        return inline

    @field_validator("client_allowed_sans")
    @classmethod
    def _are_asked_for(cls, sans: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not sans:
            raise mismatch("at least one name; without this key every verified client is let in", "none")
        if info.data.get("client_auth_type") == "NoClientCert":
            raise mismatch("no names while client_auth_type is NoClientCert, which asks for none", "a list")
        return sans

    @field_validator("max_version")
    @classmethod
    def _is_not_below_the_least(cls, version: str, info: ValidationInfo) -> str:
        if version < info.data.get("min_version", version):
            raise mismatch(f"at least min_version, which is {info.data['min_version']}", version)
        return version

    @field_validator("cipher_suites")
    @classmethod
    def _leave_some(cls, suites: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if suites and info.data.get("max_version") == "TLS12" and not TLS12_CIPHERS.keys() & set(suites):
            raise mismatch("one for TLS 1.2 at least, because max_version is TLS12", "those of TLS 1.3 alone")
        return suites

    @field_validator("curve_preferences")
    @classmethod
    def _is_one(cls, curves: tuple[str, ...]) -> tuple[str, ...]:
        if len(curves) > 1:
            raise mismatch("one curve: this server cannot order several", f"{len(curves)}")
        return curves


class Headers(Section):
    """Headers of every answer; a blank one is not sent."""

    content_security_policy: HeaderText = Field(default="", alias="Content-Security-Policy")
    strict_transport_security: HeaderText = Field(default="", alias="Strict-Transport-Security")
    x_content_type_options: Annotated[Literal["", "nosniff"], values.Expect("nosniff")] = Field(
        default="", alias="X-Content-Type-Options"
    )
    x_frame_options: Annotated[Literal["", "deny", "sameorigin"], values.Expect("deny or sameorigin")] = (
        Field(default="", alias="X-Frame-Options")
    )
    x_xss_protection: HeaderText = Field(default="", alias="X-XSS-Protection")

    def encoded(self) -> dict[bytes, bytes]:
        """Return the headers to send by their names in lower case."""
        texts = self.model_dump(by_alias=True)
        return {name.lower().encode(): text.encode() for name, text in texts.items() if text}


class HttpServer(Section):
    """How requests are answered."""

    http2: values.Switch = True
    """Whether HTTP/2 may be agreed on; it never is, since this server speaks HTTP/1.1 alone."""
    headers: Annotated[Headers, _EMPTY_IS_NONE] = Headers()


class RateLimit(Section):
    """A limit of requests for all clients together, which this server does not have."""

    interval: Annotated[Literal["0", "0s"], values.Expect(NO_RATE_LIMIT), BeforeValidator(str)] = "0"
    burst: int = 0


class WebConfig(Section):
    """The whole web configuration."""

    tls_server_config: TlsServer | None = None
    """TLS; without it the server speaks plain HTTP."""
    http_server_config: Annotated[HttpServer, _EMPTY_IS_NONE] = HttpServer()
    rate_limit: Annotated[RateLimit, _EMPTY_IS_NONE] = RateLimit()
    basic_auth_users: dict[UserName, Hash] | None = None
    """Users and the bcrypt hashes of their passwords; with none, nobody is asked."""

    def protections(self) -> set[str]:
        """Return which ways of keeping strangers out are on."""
        tls = self.tls_server_config
        ways = {
            "tls_server_config": tls is not None,
            "client_auth_type": tls is not None and tls.client_auth_type == "RequireAndVerifyClientCert",
            "client_allowed_sans": tls is not None and tls.client_allowed_sans != (),
            "basic_auth_users": bool(self.basic_auth_users),
        }
        return {way for way, is_on in ways.items() if is_on}


def load(path: Path) -> WebConfig:
    """Return the web configuration of a YAML file; raises ConfigError with every error."""
    try:
        document = yaml.read(path)
    except yaml.YamlFileError as error:
        raise ConfigError(f"{path}: {error.message}", error.details) from None
    if document is None:
        return WebConfig()
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: found {kind_of(document)}, expected a mapping")
    try:
        return WebConfig.model_validate(document, context={"directory": path.parent})
    except ValidationError as error:
        details = [tell(_placed(fault), WebConfig) for fault in error.errors(include_url=False)]
    raise ConfigError(f"{path}: {several(len(details), 'error')}", details)


def _placed(fault: ErrorDetails) -> ErrorDetails:
    """Return an error of a mapping's key at the place of that key."""
    if fault["loc"][-1:] == ("[key]",):
        fault["loc"] = fault["loc"][:-1]
    return fault
