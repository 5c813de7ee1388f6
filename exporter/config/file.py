"""The whole configuration, and loading it with every error named at its dotted place."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError, WrapValidator, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from exporter import hanging
from exporter.catalogue.mailbox import STATUSES
from exporter.config import files, keys, values, yaml
from exporter.config.accounts import AccountConfig
from exporter.config.errors import ConfigError, kind_of, mismatch, tell
from exporter.config.keys import KeyUnavailable
from exporter.config.patterns import EVERYTHING
from exporter.config.sections import (
    ApiConfig,
    CollectorsConfig,
    Listed,
    MailboxesConfig,
    PollConfig,
    PrivacyConfig,
    Section,
    ShardConfig,
    StateConfig,
    Thresholds,
    WindowConfig,
)
from exporter.nouns import several

OTHER_STATUSES = ("pending", "warming_up", "failed")
"""Of mailboxes that never were active; no rule looks at them."""
DEFAULT_KEY_VARIABLE = "SENDKIT_API_KEY"


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


class Config(Section):
    """The whole configuration."""

    api: ApiConfig = ApiConfig()
    poll: PollConfig = PollConfig()
    accounts: Annotated[Listed[AccountConfig], WrapValidator(_names_differ)]
    windows: Annotated[Listed[WindowConfig], WrapValidator(_names_differ)] = (
        WindowConfig(name="7d", days=7),
    )
    collectors: CollectorsConfig = CollectorsConfig()
    timezone: values.TimeZone = Field(default="UTC", validate_default=True)
    """IANA name of the time zone in which a window's days begin."""
    mailboxes: MailboxesConfig = MailboxesConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    thresholds: Thresholds = Thresholds()
    state: StateConfig = StateConfig()
    shard: ShardConfig = ShardConfig()
    _path: Path | None = PrivateAttr(None)

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
        return [
            *self._slow_polls(),
            *self._hidden_statuses(),
            *self._excludes_everything(),
            *self._thresholds(),
            *self._key_files(),
            *self._state_directory(),
        ]

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

    def _hidden_statuses(self) -> Iterator[str]:
        """Tell of statuses that the rules look at and that are left out."""
        kept = self.mailboxes.statuses
        hidden = [status for status in STATUSES if status not in kept]
        if kept and hidden:
            yield (
                f"mailboxes.statuses: mailboxes that are {' or '.join(hidden)} are left out: the rules see "
                "none of them leave active, and domains look healthier than they are"
            )
        for status in kept:
            if status not in {*STATUSES, *OTHER_STATUSES}:
                yield (
                    f"mailboxes.statuses: {status!r} is no status that is known of SendKit, which are "
                    f"{', '.join((*STATUSES, *OTHER_STATUSES))}"
                )

    def _excludes_everything(self) -> Iterator[str]:
        """Tell of patterns that leave all mailboxes or workspaces out."""
        places = {"mailboxes.exclude": self.mailboxes.exclude} | {
            f"accounts.{index}.workspaces.exclude": account.workspaces.exclude
            for index, account in enumerate(self.accounts)
        }
        for place, patterns in places.items():
            if EVERYTHING in patterns:
                yield f"{place}: {EVERYTHING.text!r} leaves all of them out"

    def _thresholds(self) -> Iterator[str]:
        """Tell of warnings that come after what is critical."""
        places = {"thresholds": self.thresholds.model_dump()} | {
            f"accounts.{index}.thresholds": self.thresholds_for(account)
            for index, account in enumerate(self.accounts)
            if account.thresholds.model_fields_set
        }
        for place, thresholds in places.items():
            for name in ("mailbox_bounce_ratio", "unhealthy_mailboxes"):
                warning, critical = thresholds[f"{name}_warning"], thresholds[f"{name}_critical"]
                if warning > critical:
                    yield (
                        f"{place}.{name}_warning: {warning:g} is above {name}_critical ({critical:g}): "
                        "what is critical comes without a warning before it"
                    )

    def _key_files(self) -> Iterator[str]:
        """Tell of key files that cannot be read, or that others than their owner can use or change."""
        enough = time.monotonic() + 2 * files.READ_SECONDS
        for index, account in enumerate(self.accounts):
            if time.monotonic() > enough:
                yield "accounts: key files take long to read, the others are not looked at now"
                break
            if account.api_key_file:
                place = f"accounts.{index}.api_key_file"
                try:
                    account.read_key({})
                except KeyUnavailable as error:
                    yield f"{place}: {error}; until it holds a key, this account's polls fail"
                yield from _openness(place, account.api_key_file)
        if self._path and any(account.api_key for account in self.accounts):
            yield from _openness("accounts: a key is in the configuration", self._path)
        if self.privacy.hmac_key_file:
            yield from _openness("privacy.hmac_key_file", self.privacy.hmac_key_file)

    def _state_directory(self) -> Iterator[str]:
        """Tell of a folder for state in which everybody may put, and mostly change, what they like."""
        folder = self.state.directory
        mode = _mode(folder) if folder else 0
        if mode & 0o002:
            yield (
                f"state.directory: {str(folder)!r} has mode {mode & 0o7777:04o}: everybody on this machine "
                "can change what is kept in it, expected 0700"
            )
        if folder and mode and not _can_be_filled(folder):
            yield f"state.directory: {str(folder)!r} is no folder that this user can write to: run will fail"


def _mode(path: Path) -> int:
    """Return a file's mode, 0 while it is unknown; whoever uses the file says why."""
    try:
        return hanging.within(files.READ_SECONDS, path.stat).st_mode
    except (OSError, ValueError):
        return 0


def _can_be_filled(path: Path) -> bool:
    """Tell whether this user can put files into a folder."""
    try:
        return hanging.within(
            files.READ_SECONDS, lambda: path.is_dir() and os.access(path, os.W_OK | os.X_OK)
        )
    except (OSError, ValueError):
        return False


def _openness(place: str, path: Path) -> Iterator[str]:
    """Tell of a file that others can use, or its group can do more with than read."""
    mode = _mode(path)
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
        config = Config.model_validate(document, context=context)
    except ValidationError as error:
        details = [tell(fault, Config) for fault in error.errors(include_url=False)]
    else:
        config._path = path  # noqa: SLF001 - it is this module's
        return config
    raise ConfigError(f"{path}: {several(len(details), 'error')}", details)


def default(environ: Mapping[str, str]) -> Config:
    """Return the configuration without a file: one account, `default`, with its key in SENDKIT_API_KEY.

    Raises ConfigError when that variable is not set.
    """
    if not environ.get(DEFAULT_KEY_VARIABLE, "").strip():
        raise ConfigError(
            f"no key: set the environment variable {DEFAULT_KEY_VARIABLE} to a SendKit API key, "
            "or name a configuration file with --config.file"
        )
    account = AccountConfig(name="default", api_key_env=DEFAULT_KEY_VARIABLE)
    try:
        account.read_key(environ)
    except KeyUnavailable as error:
        raise ConfigError(str(error)) from None
    return Config(accounts=(account,))
