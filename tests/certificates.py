"""Certificates for tests, made by the openssl program."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, as PEM files."""

    file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that signs certificates into a folder."""

    folder: Path
    file: Path
    key_file: Path

    def sign(self, name: str, *names: str) -> Certificate:
        """Return a certificate for names such as `DNS:localhost`; one made anew replaces the old one."""
        alternatives = ",".join(names or ["DNS:localhost", "IP:127.0.0.1"])
        return Certificate(
            *_made(
                self.folder,
                name,
                *("-CA", str(self.file), "-CAkey", str(self.key_file)),
                *("-addext", f"subjectAltName={alternatives}"),
                *("-addext", "basicConstraints=critical,CA:FALSE"),
                *("-addext", "keyUsage=critical,digitalSignature"),
            )
        )

    def client_context(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority, and may show a certificate."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate:
            context.load_cert_chain(certificate.file, certificate.key_file)
        return context


def authority(folder: Path, name: str = "authority") -> Authority:
    """Return a new authority."""
    folder.mkdir(exist_ok=True)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # without it, Python 3.13 refuses it
    return Authority(folder, *_made(folder, name, *usage))


def _made(folder: Path, name: str, *options: str) -> tuple[Path, Path]:
    """Make a certificate and a key by `openssl req`, beside their places, and move them there."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    new = [file.with_suffix(file.suffix + ".new") for file in files]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-out", str(new[0]), "-keyout", str(new[1]), *options]
    subprocess.run(command, check=True, capture_output=True)
    for made, file in zip(new, files, strict=True):
        made.replace(file)
    return files
