"""A field that an answer may be without costs nothing while it is absent: neither time nor suspicion."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.answers import tolerant
from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Check, Feed, Field
from tests.answers import BASE, OF_ITS_KIND, Mailbox, answer_of, mailbox, put, rows

WIRES = ("madeUp?", "made?.up", "made?.up?")
FIELDS = [Field(wire, "made_up", check) for wire in WIRES for check in Check if check is not Check.NOTE]


@pytest.fixture(params=FIELDS, ids=lambda field: f"{field.wire} {field.check.name}")
def field(request: pytest.FixtureRequest) -> Field:
    made_up: Field = request.param
    return made_up


@pytest.fixture
def feed(field: Field) -> Feed:
    """The base feed with one field more, amid those that it has."""
    return replace(BASE, fields=(*BASE.fields[:5], field, *BASE.fields[5:]))


@pytest.fixture
def no_tolerant_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever is not read strictly: mailbox by mailbox takes many times as long."""

    def fail(*_: object) -> None:
        raise AssertionError("read tolerantly")

    monkeypatch.setattr(tolerant, "loads", fail)
    monkeypatch.setattr(tolerant, "read", fail)


def with_it(field: Field, **changes: Any) -> Mailbox:  # noqa: ANN401 - whatever an API may send
    complete = mailbox(**changes)
    put(complete, field, OF_ITS_KIND[field.check])
    return complete


def made_up(answer: Answer) -> list[bool]:
    """Return for each mailbox whether it has a value of the field."""
    return ["made_up" in row for row in rows(answer)]


@pytest.mark.usefixtures("no_tolerant_reader")
def test_one_that_is_absent_is_neither_slow_nor_suspect(feed: Feed) -> None:
    answer = answer_of(mailbox(_id="a"), mailbox(_id="b"), feed=feed)

    assert answer == answer_of(mailbox(_id="a"), mailbox(_id="b"))
    assert answer.suspects == {}


@pytest.mark.usefixtures("no_tolerant_reader")
def test_one_that_some_mailboxes_of_a_block_have_is_read_strictly(field: Field, feed: Feed) -> None:
    answer = answer_of(mailbox(_id="a"), with_it(field, _id="b"), mailbox(_id="c"), feed=feed)

    assert made_up(answer) == [False, True, False]
    assert answer.suspects == {}


@pytest.mark.usefixtures("no_tolerant_reader")
def test_one_that_every_mailbox_has_is_read_strictly(field: Field, feed: Feed) -> None:
    answer = answer_of(with_it(field, _id="a"), with_it(field, _id="b"), feed=feed)

    assert made_up(answer) == [True, True]
    assert answer.suspects == {}


def test_one_that_is_absent_beside_a_bad_mailbox_is_no_suspect_either(field: Field, feed: Feed) -> None:
    answer = answer_of(mailbox(_id="a"), with_it(field, _id="b"), None, feed=feed)

    assert made_up(answer) == [False, True]
    assert answer.suspects == {"_id": 1}


def test_a_bad_value_of_one_is_counted_by_its_name(field: Field, feed: Feed) -> None:
    bad = mailbox(_id="a")
    put(bad, field, {})

    answer = answer_of(bad, mailbox(_id="b"), feed=feed)

    assert made_up(answer) == [False, False]
    assert answer.suspects == {field.name: 1}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("beside", [[], [None]], ids=["strictly", "tolerantly"])
def test_a_note_that_is_absent_is_an_empty_one(wire: str, beside: list[None]) -> None:
    """It is there where there is something to say; a bad mailbox beside has the block read tolerantly."""
    note = Field(wire, "made_up", Check.NOTE)
    feed = replace(BASE, fields=(*BASE.fields, note))

    answer = answer_of(mailbox(_id="a"), with_it(note, _id="b"), *beside, feed=feed)

    assert answer.text("made_up") == ["", OF_ITS_KIND[Check.NOTE]]
    assert answer.suspects == ({"_id": 1} if beside else {})


@pytest.mark.usefixtures("no_tolerant_reader")
def test_one_that_is_required_and_absent_is_read_tolerantly() -> None:
    """What the tests above would not notice, they could not forbid."""
    feed = replace(BASE, fields=(*BASE.fields, Field("madeUp", "made_up", Check.COUNT)))

    with pytest.raises(AssertionError, match="read tolerantly"):
        answer_of(mailbox(), feed=feed)
