"""The unit of `bounceRate`: shown by the answer itself, remembered for a workspace, and never suspect."""

import pytest

from exporter.answers.parse import parse
from tests.answers import BASE, envelope, mailbox, older

FLEET = [(585, 11), (570, 9), (535, 24), (669, 15), (682, 17), (4, 1), (12, 2), (311, 0), (0, 0), (401, 4)]
"""Mails sent and bounced, as real mailboxes have them."""


def fleet(unit: str, *, performance: bool) -> list[dict[str, object]]:
    """Return the mailboxes of the fleet with their bounce rates in a unit, rounded as the API rounds."""
    mailboxes = []
    for number, (sent, bounced) in enumerate(FLEET):
        ratio = bounced / sent if sent else 0.0
        rate = round(100 * ratio, 2) if unit == "percent" else round(ratio, 4)
        own = {**mailbox()["performance"], "sent": sent, "bounced": bounced}
        make = mailbox if performance else older
        fields = {"performance": own} if performance else {}
        mailboxes.append(
            make(_id=f"m{number}", bounceRate=int(rate) if rate == int(rate) else rate, **fields)
        )
    return mailboxes


@pytest.mark.parametrize("performance", [True, False])
@pytest.mark.parametrize("unit", ["percent", "ratio"])
def test_rates_are_ratios_whatever_the_unit_of_the_answer(unit: str, *, performance: bool) -> None:
    answer = parse(envelope(fleet(unit, performance=performance)), BASE)
    expected = [bounced / sent if sent else 0 for sent, bounced in FLEET]
    assert answer.numbers["bounce_ratio"] == pytest.approx(expected, abs=5.1e-5)
    assert answer.unit == unit
    assert answer.suspects == {}


@pytest.mark.parametrize(
    ("unit", "performance", "proven"),
    [
        ("percent", True, "percent"),
        ("ratio", True, "ratio"),
        ("percent", False, "percent"),
        ("ratio", False, ""),
    ],
)
def test_an_answer_proves_its_unit_as_far_as_it_can(unit: str, *, performance: bool, proven: str) -> None:
    assert parse(envelope(fleet(unit, performance=performance)), BASE).proven_unit == proven


def test_the_majority_of_mailboxes_decides() -> None:
    odd = mailbox(_id="odd", bounceRate=3.14, performance={**mailbox()["performance"], "sent": 0})
    answer = parse(envelope([*fleet("ratio", performance=True), odd]), BASE)
    assert answer.unit == "ratio"
    assert answer.suspects == {"bounceRate": 1}


def test_rates_of_under_one_percent_are_what_the_workspace_proved_before() -> None:
    quiet = envelope([older(bounceRate=0.5)])
    assert parse(quiet, BASE, known_unit="percent").numbers["bounce_ratio"] == [0.005]
    assert parse(quiet, BASE).numbers["bounce_ratio"] == [0.5]


@pytest.mark.parametrize(("unit", "ratio"), [("percent", 0.02), ("ratio", 2.0)])
def test_the_configured_unit_is_taken_at_its_word(unit: str, ratio: float) -> None:
    answer = parse(envelope([older(bounceRate=2)]), BASE, unit)
    assert answer.numbers["bounce_ratio"] == [ratio]
    assert (answer.unit, answer.proven_unit) == (unit, "percent")
