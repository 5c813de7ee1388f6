"""The forms of single values in the configuration file: durations, sizes, ratios, patterns, time zones."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    InstanceOf,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from exporter.config import keys, patterns

LONGEST_DURATION = timedelta(days=366)  # keeps every date and timer that is computed from one in range

MOST_SHARDS = 1000  # every one of them is weighed for each workspace

_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_BYTES_BY_UNIT = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([smhd]?)")
_BASE_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WINDOW_NAME = re.compile(r"(?!all$)[a-zA-Z0-9_]+")
_SIZE = re.compile(r"([0-9]{1,12})(B|KiB|MiB|GiB)?")


@dataclass(frozen=True)
class Expect:
    """Mark a type with what its values look like, in the words of errors and of the reference."""

    form: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Replace the type's own error by one that names the expected form."""
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: object, validate: Callable[[object], Any]) -> object:
        try:
            return validate(value)
        except ValidationError:
            raise PydanticCustomError("expected", self.form) from None


def parse_duration(value: object) -> timedelta:
    """Return `90s`, `15m`, `2h`, `1d` or plain seconds as a duration, above 0; raise ValueError otherwise."""
    match value:
        case timedelta():
            seconds = value.total_seconds()
        case str() if parts := _DURATION.fullmatch(value):
            seconds = float(parts[1]) * _SECONDS_BY_UNIT[parts[2] or "s"]
        case int() | float() if not isinstance(value, bool):
            seconds = value
        case _:
            raise ValueError
    if not timedelta.resolution.total_seconds() <= seconds <= LONGEST_DURATION.total_seconds():
        raise ValueError
    return timedelta(seconds=seconds)


def parse_size(value: object) -> int:
    """Return `64KiB`, `256MiB`, `1GiB` or plain bytes as bytes, more than 0; raise ValueError otherwise."""
    match value:
        case str() if parts := _SIZE.fullmatch(value):
            size = int(parts[1]) * _BYTES_BY_UNIT[parts[2] or "B"]
        case int() if not isinstance(value, bool):
            size = value
        case _:
            raise ValueError
    if not 0 < size < 2**63:
        raise ValueError
    return size


def parse_pattern(value: object) -> patterns.Pattern:
    """Return a regular expression; raise ValueError for anything else."""
    match value:
        case patterns.Pattern():
            return value
        case str():
            return patterns.Pattern(value)
        case _:
            raise ValueError


def parse_time_zone(value: object) -> tzinfo:
    """Return the time zone of an IANA name; raise ValueError otherwise."""
    match value:
        case tzinfo():
            return value
        case "UTC":  # needs no time zone database, which minimal container images lack
            return UTC
        case str():
            try:
                return ZoneInfo(value)
            except (OSError, KeyError) as error:  # a folder of zones; no such zone
                raise ValueError from error
        case _:
            raise ValueError


def parse_path(value: object, info: ValidationInfo) -> Path:
    """Return a path; a relative one is taken from the configuration file's folder."""
    match value:
        case Path() | str() if str(value).strip():
            return Path((info.context or {}).get("directory", ""), value)
        case _:
            raise ValueError


def _printable(text: str) -> str:
    """Refuse texts that are empty, blank at an end, or hold control characters."""
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError
    return text


def _sendable(key: SecretStr) -> SecretStr:
    """Refuse keys that no HTTP header can carry."""
    if not keys.is_sendable(key.get_secret_value()):
        raise ValueError
    return key


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine itself, so that nobody else can listen."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base_url(url: str) -> str:
    """Refuse URLs that are no plain address of an HTTP API."""
    parts = urlsplit(url)  # raises ValueError itself, as .port does
    if not _BASE_URL.fullmatch(url) or not parts.hostname or parts.port == 0:
        raise ValueError
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError
    return url.rstrip("/")


def _variable(name: str) -> str:
    """Refuse what is no name of an environment variable, above all a key itself."""
    if not _VARIABLE.fullmatch(name) or name.startswith("sk_"):
        raise ValueError
    return name


def _window_name(name: str) -> str:
    """Refuse names that are no plain label, or that mean all-time already."""
    if not _WINDOW_NAME.fullmatch(name):
        raise ValueError
    return name


def parse_email_mode(value: object) -> object:
    """Take an unquoted `off`, which YAML reads as false, for the mode of this name."""
    return "off" if value is False else value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    Expect(f"a duration such as 90s, 15m, 2h, 1d or seconds, {LONGEST_DURATION.days}d at most"),
]
Size = Annotated[int, BeforeValidator(parse_size), Expect("a size such as 64KiB, 256MiB, 1GiB or bytes")]
Ratio = Annotated[
    float, Field(ge=0, le=1, allow_inf_nan=False), Expect("a ratio from 0 to 1, such as 0.03 for 3 %")
]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False), Expect("a number above 0")]
Natural = Annotated[int, Field(ge=0, lt=2**31), Expect("a whole number from 0")]
Count = Annotated[int, Field(ge=1, lt=2**31), Expect("a whole number from 1")]
Shards = Annotated[int, Field(ge=1, le=MOST_SHARDS), Expect(f"a whole number from 1 to {MOST_SHARDS}")]
Days = Annotated[int, Field(ge=1, le=3660), Expect("a whole number of days from 1 to 3660")]
WarmupDays = Annotated[int, Field(ge=1, le=90), Expect("a whole number of days from 1 to 90")]
Switch = Annotated[bool, Expect("true or false")]
EmailMode = Annotated[
    Literal["plain", "masked", "hmac", "off"],
    BeforeValidator(parse_email_mode),
    Expect("one of plain, masked, hmac, off"),
]
BounceRateUnit = Annotated[Literal["auto", "percent", "ratio"], Expect("one of auto, percent, ratio")]
Text = Annotated[
    str,
    AfterValidator(_printable),
    Expect("a text, not empty, without control characters, nor blanks at its ends"),
]
Pattern = Annotated[
    InstanceOf[patterns.Pattern],
    BeforeValidator(parse_pattern),
    Expect("a regular expression of RE2, without look-around and back-references"),
]
TimeZone = Annotated[
    InstanceOf[tzinfo],
    BeforeValidator(parse_time_zone),
    Expect("a time zone name such as UTC or Europe/Berlin"),
]
FilePath = Annotated[Path, BeforeValidator(parse_path), Expect("a path")]
Key = Annotated[SecretStr, AfterValidator(_sendable), Expect("a key: visible ASCII characters alone")]
BaseUrl = Annotated[
    str,
    AfterValidator(_base_url),
    Expect("an http(s) address without user, query or fragment, such as https://api.sendkit.ai"),
]
Variable = Annotated[
    str,
    AfterValidator(_variable),
    Expect("the name of an environment variable (never the key itself)"),
]
WindowName = Annotated[
    str,
    AfterValidator(_window_name),
    Expect("a name of letters, digits and underscores other than 'all'"),
]
