"""The configuration: its model, and loading it with every error told at its dotted place."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from exporter.config import keys, values, yaml
from exporter.config.errors import ConfigError, kind_of, mismatch, tell
from exporter.config.keys import KeyUnavailable

__all__ = [
    "AccountConfig",
    "ApiConfig",
    "Config",
    "ConfigError",
    "KeyUnavailable",
    "MailboxesConfig",
    "PollConfig",
    "PrivacyConfig",
    "ShardConfig",
    "StateConfig",
    "Thresholds",
    "WindowConfig",
    "WorkspacesConfig",
    "default",
    "load",
]

DEFAULT_KEY_VARIABLE = "SENDKIT_API_KEY"
KEY_SOURCES = ("api_key_env", "api_key_file", "api_key")

_PLAINLY_A_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def _names_differ(items: object, validate: Callable[[object], Any]) -> object:
    """Refuse a name that an earlier item has, beside all errors of the items themselves."""
    faults: list[InitErrorDetails] = []
    try:
        checked = validate(items)
    except ValidationError as error:
        faults = [
            InitErrorDetails(
                type=PydanticCustomError(fault["type"], fault["msg"], fault.get("ctx")),
                loc=fault["loc"],
                input=fault["input"],
            )
            for fault in error.errors()
        ]
    seen: dict[object, int] = {}
    for index, item in enumerate(items if isinstance(items, list | tuple) else ()):
        name = item.get("name") if isinstance(item, dict) else getattr(item, "name", None)
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            fault = mismatch(f"a name that no other one has (item {seen[name]} has it)", "")
            faults.append(InitErrorDetails(type=fault, loc=(index, "name"), input=name))
    if faults:
        raise ValidationError.from_exception_data("names", faults, hide_input=True)
    return checked


Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], Field(strict=False)]  # YAML has lists alone


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values keep their types, nothing changes later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,  # an input may be a key
        use_attribute_docstrings=True,
    )


class ApiConfig(Section):
    """How the SendKit API is called."""

    allow_insecure_http: values.Switch = False
    """Allow plain http to another machine: keys and addresses travel readable for everyone on the way."""
    base_url: values.BaseUrl = "https://api.sendkit.ai"
    """Address of the API; plain http only for loopback, unless `allow_insecure_http`."""
    timeout: values.Duration = timedelta(seconds=30)
    """Limit of a whole request, body included."""
    max_response_bytes: values.Size = Field(default="256MiB", validate_default=True)
    """Limit of an answer's body, decompressed."""
    max_concurrent_requests: values.Count = 4
    """Requests that one account makes at a time, at most."""
    max_attempts: values.Count = 3
    """Attempts of one poll; a refused key (401, 403) or a 404 is never tried again."""

    @field_validator("base_url")
    @classmethod
    def _is_private(cls, url: str, info: ValidationInfo) -> str:
        if (
            url.lower().startswith("http:")
            and not info.data.get("allow_insecure_http")
            and not values.is_loopback(url)
        ):
            raise mismatch(
                "https (http only for loopback, unless api.allow_insecure_http is true)", repr(url)
            )
        return url


class PollConfig(Section):
    """When a workspace is polled, and how long its last answer stands."""

    interval: values.Duration = timedelta(seconds=60)
    """Between two polls of a workspace's all-time figures, spread by jitter."""
    stale_after: values.Duration = timedelta(minutes=15)
    """With no success for so long, a workspace's mailbox series are dropped."""


class WorkspacesConfig(Section):
    """Which workspaces of a platform key are polled."""

    include: Listed[values.Pattern] = (re.compile(".*", re.DOTALL),)
    """Regular expressions; a workspace is polled when its whole name matches one."""
    exclude: Listed[values.Pattern] = ()
    """Regular expressions; a workspace is left out when its whole name matches one."""
    refresh: values.Duration = timedelta(minutes=10)
    """Between two looks for new and gone workspaces."""

    def keeps(self, name: str) -> bool:
        """Tell whether a workspace of this name is polled."""
        return _is_chosen(name, self.include, self.exclude)


class WindowConfig(Section):
    """A window of days, polled besides all-time. Without this key there is one: `7d`, of 7 days."""

    name: values.WindowName
    """Value of the label `window`."""
    days: values.Days
    """Length: from today - (days - 1) to today, in `timezone`."""
    interval: values.Duration = timedelta(minutes=15)
    """Between two polls of this window."""


class MailboxesConfig(Section):
    """Which mailboxes are exported."""

    include: Listed[values.Pattern] = (re.compile(".*", re.DOTALL),)
    """Regular expressions; a mailbox is exported when its whole address matches one."""
    exclude: Listed[values.Pattern] = ()
    """Regular expressions; a mailbox is left out when its whole address matches one."""
    statuses: Listed[values.Text] = ()
    """Statuses to keep; none named: all."""

    def keeps(self, address: str, status: str) -> bool:
        """Tell whether a mailbox of this address and status is exported."""
        return (not self.statuses or status in self.statuses) and _is_chosen(
            address, self.include, self.exclude
        )


class PrivacyConfig(Section):
    """How personal data is shown."""

    email: values.EmailMode = "plain"
    """The address on `sendkit_mailbox_info`: `plain`, `masked`, `hmac` (keyed hash) or `off`."""
    display_name: values.Switch = False
    """Whether `sendkit_mailbox_info` carries the display name."""
    hmac_key_file: values.FilePath | None = Field(default=None, validate_default=True)
    """File with the key of the `hmac` mode."""

    @field_validator("hmac_key_file")
    @classmethod
    def _is_there_for_hmac(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is None and info.data.get("email") == "hmac":
            raise mismatch("a path, because privacy.email is hmac", "nothing")
        return path

    def read_hmac_key(self) -> bytes:
        """Return the key of the `hmac` mode; raises KeyUnavailable when its file holds none."""
        if self.hmac_key_file is None:
            raise KeyUnavailable("privacy.hmac_key_file is not set")
        return keys.read_key_file(self.hmac_key_file).encode()


class Thresholds(Section):
    """Bounds of the alert rules, exported as `sendkit_alert_threshold`."""

    mailbox_bounce_ratio_warning: values.Ratio = 0.03
    """Bounces of sends of one mailbox."""
    mailbox_bounce_ratio_critical: values.Ratio = 0.05
    """Bounces of sends of one mailbox, for a page."""
    domain_bounce_ratio_critical: values.Ratio = 0.03
    """Bounces of sends of a domain."""
    workspace_bounce_ratio_critical: values.Ratio = 0.03
    """Bounces of sends of a workspace."""
    minimum_bounces: values.PositiveNumber = 3
    """Fewer bounces than this never alert."""
    daily_limit_usage: values.Ratio = 0.9
    """Share of the daily limit that counts as nearly used up."""
    reply_ratio_drop: values.Ratio = 0.5
    """Fall of the reply ratio against the week before."""
    unhealthy_mailboxes_warning: values.Ratio = 0.3
    """Share of a domain's mailboxes that are unhealthy."""
    unhealthy_mailboxes_critical: values.Ratio = 0.5
    """Share of a domain's mailboxes that are unhealthy, for a page."""


class StateConfig(Section):
    """What survives a restart."""

    directory: values.FilePath | None = None
    """Folder for counters and last answers; without one they are kept in memory alone."""


class ShardConfig(Section):
    """The part of all workspaces that this exporter polls."""

    index: values.Natural = 0
    """Number of this shard, from 0."""
    total: values.Shards = 1
    """How many shards there are."""

    @field_validator("total")
    @classmethod
    def _holds_index(cls, total: int, info: ValidationInfo) -> int:
        if info.data.get("index", 0) >= total:
            raise mismatch(f"more than shard.index, which is {info.data['index']}", str(total))
        return total


class AccountConfig(Section):
    """A SendKit account: one API key, and what belongs to it."""

    name: values.Text
    """Unique; with a workspace key also the value of the label `workspace`."""
    api_key_env: values.Variable | None = None
    """Environment variable that holds the key. Exactly one of the three `api_key…` is set."""
    api_key_file: values.FilePath | None = None
    """File that holds the key; read again at every poll."""
    api_key: values.Key | None = Field(default=None, validate_default=True)
    """The key itself; better kept out of this file."""
    poll_interval: values.Duration | None = None
    """This account's `poll.interval`."""
    workspaces: WorkspacesConfig = WorkspacesConfig()
    thresholds: Thresholds = Thresholds()
    """The account's own in place of the common `thresholds`, with the same keys."""

    @field_validator("api_key_env")
    @classmethod
    def _is_set(cls, variable: str | None, info: ValidationInfo) -> str | None:
        environ = (info.context or {}).get("environ")
        if variable is not None and environ is not None and not environ.get(variable, "").strip():
            shown = repr(variable) if _PLAINLY_A_VARIABLE.fullmatch(variable) else "a name"
            raise mismatch(
                "a variable that holds the API key", f"{shown}, which is not set in the environment"
            )
        return variable

    @field_validator("api_key")
    @classmethod
    def _is_the_only_source(cls, key: values.Key | None, info: ValidationInfo) -> values.Key | None:
        sources = {**info.data, "api_key": key}
        # One that is missing here was given, and refused itself.
        given = [source for source in KEY_SOURCES if source not in sources or sources[source] is not None]
        if len(given) != 1:
            raise mismatch(f"exactly one of {', '.join(KEY_SOURCES)}", " and ".join(given) or "none")
        return key

    def read_key(self, environ: Mapping[str, str]) -> str:
        """Return the key as it is now, from its file, its variable or this configuration.

        Raises KeyUnavailable, whose message never holds the key.
        """
        if self.api_key_file is not None:
            return keys.read_key_file(self.api_key_file)
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return keys.checked(
            environ.get(str(self.api_key_env), ""), f"environment variable {self.api_key_env}"
        )


class Config(Section):
    """The whole configuration."""

    api: ApiConfig = ApiConfig()
    poll: PollConfig = PollConfig()
    accounts: Annotated[Listed[AccountConfig], WrapValidator(_names_differ)]
    windows: Annotated[Listed[WindowConfig], WrapValidator(_names_differ)] = (
        WindowConfig(name="7d", days=7),
    )
    timezone: values.TimeZone = Field(default="UTC", validate_default=True)
    """IANA name of the time zone in which a window's days begin."""
    mailboxes: MailboxesConfig = MailboxesConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    thresholds: Thresholds = Thresholds()
    state: StateConfig = StateConfig()
    shard: ShardConfig = ShardConfig()

    @field_validator("accounts")
    @classmethod
    def _has_an_account(cls, accounts: tuple[AccountConfig, ...]) -> tuple[AccountConfig, ...]:
        if not accounts:
            raise mismatch("at least one account", "none")
        return accounts

    def thresholds_for(self, account: AccountConfig) -> Mapping[str, float]:
        """Return an account's thresholds by name: the common ones with its own in their place."""
        return self.thresholds.model_dump() | account.thresholds.model_dump(exclude_unset=True)

    def poll_interval_for(self, account: AccountConfig) -> timedelta:
        """Return the time between two all-time polls of a workspace of this account."""
        return account.poll_interval or self.poll.interval

    def warnings(self) -> list[str]:
        """Return what is allowed but hardly meant, each with its dotted place."""
        return [*self._slow_polls(), *self._open_key_files()]

    def _slow_polls(self) -> Iterator[str]:
        """Tell of polls so rare that their series are dropped in between."""
        intervals = {"poll.interval": self.poll.interval} | {
            f"accounts.{index}.poll_interval": account.poll_interval
            for index, account in enumerate(self.accounts)
            if account.poll_interval
        }
        for place, interval in intervals.items():
            if interval > self.poll.stale_after:
                yield (
                    f"{place}: {interval.total_seconds():g} s is above poll.stale_after "
                    f"({self.poll.stale_after.total_seconds():g} s): series vanish between polls"
                )

    def _open_key_files(self) -> Iterator[str]:
        """Tell of key files that others can use, or their group can do more with than read."""
        files = {
            f"accounts.{index}.api_key_file": account.api_key_file
            for index, account in enumerate(self.accounts)
        }
        for place, path in (files | {"privacy.hmac_key_file": self.privacy.hmac_key_file}).items():
            try:
                mode = path.stat().st_mode if path else 0
            except (OSError, ValueError):
                continue  # a file may appear later; polls tell when it is missing
            if mode & 0o037:  # a group that reads is how Kubernetes mounts secrets for another user
                yield keys.redact(
                    f"{place}: {str(path)!r} has mode {mode & 0o777:04o}, "
                    "open to others or to changes by its group, expected 0600, or 0640 for a mounted secret"
                )


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration of a YAML file.

    Raises ConfigError with every error, also for an `api_key_env` that `environ` does not hold.
    """
    try:
        document = yaml.read(path)
    except yaml.YamlFileError as error:
        details = [keys.redact(detail) for detail in error.details]
        raise ConfigError(f"{path}: {error.message}", details) from None
    if not isinstance(document, dict):
        found = "nothing" if document is None else kind_of(document)
        raise ConfigError(f"{path}: found {found}, expected a mapping with at least the key accounts")
    context = {"directory": path.parent, "environ": environ}
    try:
        return Config.model_validate(document, context=context)
    except ValidationError as error:
        details = [tell(fault, Config) for fault in error.errors(include_url=False)]
    raise ConfigError(f"{path}: {len(details)} error{'s' if len(details) > 1 else ''}", details)


def default(environ: Mapping[str, str]) -> Config:
    """Return the configuration without a file: one account, `default`, with its key in SENDKIT_API_KEY.

    Raises ConfigError when that variable is not set.
    """
    if not environ.get(DEFAULT_KEY_VARIABLE, "").strip():
        raise ConfigError(
            f"no key: set the environment variable {DEFAULT_KEY_VARIABLE} to a SendKit API key, "
            "or name a configuration file with --config.file"
        )
    return Config(accounts=(AccountConfig(name="default", api_key_env=DEFAULT_KEY_VARIABLE),))


def _is_chosen(text: str, include: Sequence[re.Pattern[str]], exclude: Sequence[re.Pattern[str]]) -> bool:
    """Tell whether a whole text matches one pattern of the first list and none of the second."""
    return any(p.fullmatch(text) for p in include) and not any(p.fullmatch(text) for p in exclude)
