"""What loads the text of a configuration."""

import textwrap
import traceback
from pathlib import Path

import pytest

from exporter.config import (
    Config,
    ConfigError,
    load,
)
from tests.configurations import ACCOUNT, Fail, Load


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Return what loads a text, with a sound account unless it has accounts of its own."""

    def load_text(text: str, **environ: str) -> Config:
        path = tmp_path / "config.yaml"
        text = textwrap.dedent(text)
        path.write_text(text if "accounts" in text else f"{ACCOUNT}\n{text}")
        path.chmod(0o600)
        return load(path, environ)

    return load_text


@pytest.fixture
def failed(loaded: Load) -> Fail:
    """Return what loads a text that must fail: the error's details, after a look for keys in all of it."""

    def fail(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **environ)
        assert "canary" not in "".join(traceback.format_exception(caught.value))
        assert "canary" not in repr(caught.value)
        return caught.value.details or [caught.value.message]

    return fail
