"""How much of an address the metrics and the page may show."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.answers.answer import domain_of
from exporter.config import PrivacyConfig

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]+@[^\s<>()\[\]\"',;:@]+")


def email_shown(config: PrivacyConfig) -> Callable[[str], str]:
    """Return the configured mode as a function of an address; raises `KeyUnavailable` for want of its key."""
    # Those of one mode, and one key, are equal, so that a reload need not render anew.
    match config.email:
        case "plain":
            return plain
        case "masked":
            return masked
        case "hmac":
            return KeyedHash(config.read_hmac_key())
        case "off":
            return nothing


def addresses_shown(text: str, shown: Callable[[str], str]) -> str:
    """Return a text of the API with every address in it as the configured mode shows addresses."""
    return _ADDRESS.sub(lambda found: shown(found[0]) or "***", text)


def plain(email: str) -> str:
    """Return the address as it is."""
    return email


def nothing(_email: str) -> str:
    """Return nothing."""
    return ""


def masked(email: str) -> str:
    """Return the first character and the domain: `s***@acme.example`."""
    return f"{email[:1]}***@{domain_of(email)}" if email else ""


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """A function from an address to the start of its HMAC-SHA-256, in hex; those of one key are equal."""

    key: bytes = field(repr=False)

    def __call__(self, email: str) -> str:
        """Return the hash of an address."""
        return hmac.new(self.key, email.encode(), hashlib.sha256).hexdigest()[:32] if email else ""
