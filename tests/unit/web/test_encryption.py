"""The server with TLS, in front of real clients."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest

from tests.certificates import authority
from tests.serving import served
from tests.unit.web.clients import GET, app, connected, encrypted


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
class TestEncryption:
    async def test_is_that_of_the_file_as_it_is_now(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path)
        async with served(app, file) as port:
            for _ in range(2):
                signer = authority(tmp_path / "certificates")
                signer.sign("server")
                async with httpx.AsyncClient(
                    verify=signer.client_context(), timeout=60, trust_env=False
                ) as client:
                    assert (await client.get(f"https://localhost:{port}/")).text == "answered"

    async def test_lets_in_the_allowed_names_alone(self, tmp_path: Path) -> None:
        ca = tmp_path / "certificates" / "authority.pem"
        file = encrypted(
            tmp_path,
            "client_auth_type: RequireAndVerifyClientCert",
            f"client_ca_file: {ca}",
            "client_allowed_sans: [scraper.example]",
        )
        signer = authority(tmp_path / "certificates", "other")  # a folder for more certificates
        signer = type(signer)(signer.folder, ca, ca.with_suffix(".key"))
        async with served(app, file) as port:
            for name, is_let_in in (("scraper.example", True), ("stranger.example", False)):
                context = signer.client_context(signer.sign("client", f"DNS:{name}"))
                async with httpx.AsyncClient(verify=context, timeout=60, trust_env=False) as client:
                    if is_let_in:
                        assert (await client.get(f"https://localhost:{port}/")).text == "answered"
                    else:
                        with pytest.raises(httpx.TransportError):
                            await client.get(f"https://localhost:{port}/")

    async def test_refuses_who_speaks_plainly(self, tmp_path: Path) -> None:
        async with served(app, encrypted(tmp_path)) as port, connected(port) as client:
            client.send(GET)
            assert b"200" not in await client.rest()

    async def test_refuses_an_old_version(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path, "min_version: TLS13")
        context = authority(tmp_path / "unknown").client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with served(app, file) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
