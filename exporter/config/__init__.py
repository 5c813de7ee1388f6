"""The configuration file: its sections, the forms of values, and errors that name their place."""

from exporter.config.accounts import AccountConfig, WorkspacesConfig
from exporter.config.errors import ConfigError
from exporter.config.file import Config, default, load
from exporter.config.keys import KeyUnavailable
from exporter.config.sections import (
    ApiConfig,
    CollectorsConfig,
    MailboxesConfig,
    PollConfig,
    PrivacyConfig,
    ShardConfig,
    StateConfig,
    Thresholds,
    WindowConfig,
)

__all__ = [
    "AccountConfig",
    "ApiConfig",
    "CollectorsConfig",
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
