"""The section of the accounts: their keys, and which workspaces are polled."""

import re
from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, ValidationInfo, field_validator

from exporter.config import keys, values
from exporter.config.errors import mismatch
from exporter.config.patterns import EVERYTHING, is_chosen
from exporter.config.sections import Listed, Section, Thresholds

KEY_SOURCES = ("api_key_env", "api_key_file", "api_key")

_PLAINLY_A_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class WorkspacesConfig(Section):
    """Which workspaces of a platform key are polled."""

    include: Listed[values.Pattern] = (EVERYTHING,)
    """Regular expressions; a workspace is polled when its whole name matches one."""
    exclude: Listed[values.Pattern] = ()
    """Regular expressions; a workspace is left out when its whole name matches one."""
    refresh: values.Duration = timedelta(minutes=10)
    """Between two looks for new and gone workspaces."""

    def keeps(self, name: str) -> bool:
        """Tell whether a workspace of this name is polled."""
        return is_chosen(name, self.include, self.exclude)


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
        if variable is None or environ is None:
            return variable
        key = environ.get(variable, "").strip()
        if keys.is_sendable(key):
            return variable
        shown = repr(variable) if _PLAINLY_A_VARIABLE.fullmatch(variable) else "a name"
        why = keys.UNSENDABLE if key else "is not set in the environment"
        raise mismatch("a variable that holds the API key", f"{shown}, which {why}")

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
        return self._key_at_hand(environ)

    async def current_key(self, environ: Mapping[str, str]) -> str:
        """Return the key as `read_key` does, without keeping the event loop."""
        if self.api_key_file is not None:
            return await keys.read_key_file_soon(self.api_key_file)
        return self._key_at_hand(environ)

    def _key_at_hand(self, environ: Mapping[str, str]) -> str:
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return keys.checked(
            environ.get(str(self.api_key_env), ""), f"environment variable {self.api_key_env}"
        )
