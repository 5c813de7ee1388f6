"""The configuration file: its sections, the forms of values, and errors that name their place."""

from exporter.config.errors import ConfigError
from exporter.config.keys import KeyUnavailable
from exporter.config.sections import (
    AccountConfig,
    ApiConfig,
    Config,
    MailboxesConfig,
    PollConfig,
    PrivacyConfig,
    ShardConfig,
    StateConfig,
    Thresholds,
    WindowConfig,
    WorkspacesConfig,
    default,
    load,
)

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
