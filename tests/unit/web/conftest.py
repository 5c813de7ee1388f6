"""Certificates, and what writes a web configuration."""

import textwrap
from pathlib import Path

import pytest

from tests.certificates import Authority, Certificate, authority
from tests.unit.web.written import Write


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
