"""How much of an address is shown in each mode."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import PrivacyConfig
from exporter.config.keys import KeyUnavailable
from exporter.exposition import privacy

ADDRESS = "Sales.Team@Mail.Example.COM"
AWKWARD = [
    "",
    "@",
    "nobody",
    "@example.com",
    "a@",
    "\u00e9l\u00e8ve@\u00e9cole.example",
    "a@b@c.example",
    '"@\n',
]


def shown(mode: str, address: str, **settings: object) -> str:
    return privacy.email_shown(PrivacyConfig.model_validate({"email": mode, **settings}))(address)


def test_plain_shows_the_address_as_it_is() -> None:
    assert [shown("plain", address) for address in [ADDRESS, *AWKWARD]] == [ADDRESS, *AWKWARD]


def test_the_mode_off_shows_nothing_of_an_address() -> None:
    assert {shown("off", address) for address in [ADDRESS, *AWKWARD]} == {""}


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (ADDRESS, "S***@mail.example.com"),
        ("s@example.com", "s***@example.com"),
        ("nobody", "n***@"),
        ("\u00e9l\u00e8ve@\u00e9cole.example", "\u00e9***@\u00e9cole.example"),
        ("", ""),
    ],
)
def test_masked_shows_the_first_character_and_the_domain(address: str, text: str) -> None:
    assert shown("masked", address) == text


def test_hmac_shows_32_digits_of_the_keyed_hash(tmp_path: Path) -> None:
    """The key, the text and the digest are test case 2 of RFC 4231."""
    key_file = tmp_path / "hmac.key"
    key_file.write_text("Jefe\n")

    assert shown("hmac", "what do ya want for nothing?", hmac_key_file=str(key_file)) == (
        "5bdcc146bf60754e6a042426089575c7"
    )
    assert shown("hmac", "", hmac_key_file=str(key_file)) == ""


def test_another_key_gives_another_hash() -> None:
    hashes = {
        privacy.KeyedHash(key)(address) for key in (b"one", b"two") for address in [ADDRESS, *AWKWARD[1:]]
    }

    assert len(hashes) == 2 * len(AWKWARD)
    assert {len(text) for text in hashes} == {32}


def test_the_hmac_mode_without_its_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable):
        shown("hmac", ADDRESS, hmac_key_file=str(tmp_path / "not there"))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (privacy.masked, "535 5.7.8 <s***@acme.example>: refused by o***@mail.example"),
        (lambda _email: "", "535 5.7.8 <***>: refused by ***"),
        (lambda email: email, "535 5.7.8 <sales@acme.example>: refused by ops@mail.example"),
    ],
    ids=["masked", "off", "plain"],
)
def test_addresses_in_a_text_of_the_api_are_shown_as_addresses_are(
    shown: Callable[[str], str], expected: str
) -> None:
    text = "535 5.7.8 <sales@acme.example>: refused by ops@mail.example"
    assert privacy.addresses_shown(text, shown) == expected
