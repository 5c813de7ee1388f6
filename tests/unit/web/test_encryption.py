"""The server with TLS, in front of real clients."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
import structlog

from tests.certificates import authority
from tests.serving import served
from tests.unit.web.clients import GET, app, connected, encrypted


async def first_bytes(port: int, context: ssl.SSLContext) -> bytes:
    """Ask over TLS, and return what comes until the server closes; raises SSLError as its alert says."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(GET)
        return await reader.read()
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.anyio
class TestEncryption:
    async def test_encryption_is_that_of_the_file_as_it_is_now(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path)
        async with served(app, file) as port:
            for _ in range(2):
                signer = authority(tmp_path / "certificates")
                signer.sign("server")
                async with httpx.AsyncClient(
                    verify=signer.client_context(), timeout=60, trust_env=False
                ) as client:
                    assert (await client.get(f"https://localhost:{port}/")).text == "answered"

    async def test_encryption_lets_in_the_allowed_names_alone(self, tmp_path: Path) -> None:
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
                        assert (await client.get(f"https://localhost:{port}/")).status_code == 403

    async def test_encryption_answers_plain_http_that_it_speaks_tls(self, tmp_path: Path) -> None:
        with structlog.testing.capture_logs() as lines:
            async with served(app, encrypted(tmp_path)) as port:
                for _ in range(3):
                    async with connected(port) as client:
                        client.send(GET)
                        answer = await client.rest()
                        assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
                        assert answer.endswith(b"Plain HTTP was sent to a port that speaks HTTPS.\n")
        refused = [line for line in lines if line["event"] == "client refused"]
        assert [(line["log_level"], line["reason"]) for line in refused] == [
            ("warning", "plain HTTP on a port that speaks TLS")
        ]

    @pytest.mark.parametrize(
        ("shown", "alert", "logged"),
        [
            (None, "certificate required", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
            ("stranger", "unknown ca", "CERTIFICATE_VERIFY_FAILED"),
        ],
    )
    async def test_encryption_sends_the_alert_of_a_handshake_that_fails_and_logs_it_once_a_minute(
        self, tmp_path: Path, shown: str | None, alert: str, logged: str
    ) -> None:
        ca = tmp_path / "certificates" / "authority.pem"
        file = encrypted(tmp_path, "client_auth_type: RequireAndVerifyClientCert", f"client_ca_file: {ca}")
        other = authority(tmp_path / "other")
        context = ssl.create_default_context(cafile=str(ca))
        if shown:
            certificate = other.sign(shown)
            context.load_cert_chain(certificate.file, certificate.key_file)
        with structlog.testing.capture_logs() as lines:
            async with served(app, file) as port:
                for _ in range(3):
                    with pytest.raises(ssl.SSLError, match=alert):
                        await first_bytes(port, context)
        refused = [line for line in lines if line["event"] == "client refused"]
        assert [(line["log_level"], line["reason"]) for line in refused] == [
            ("warning", f"TLS handshake failed: {logged}")
        ]

    async def test_a_client_of_an_older_tls_version_is_refused(self, tmp_path: Path) -> None:
        file = encrypted(tmp_path, "min_version: TLS13")
        context = authority(tmp_path / "unknown").client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with served(app, file) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
