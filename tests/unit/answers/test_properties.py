"""Whatever mailboxes hold and however an answer was damaged: properties that always hold."""

import json
import math
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer
from exporter.answers.envelope import MalformedAnswerError
from exporter.answers.parse import parse
from exporter.catalogue.kinds import Check
from exporter.catalogue.mailbox import FIELDS
from tests.answers import BASE, Mailbox, answer_of, envelope, mailbox, older, put, rows


def assert_sound(answer: Answer) -> None:
    """Assert what every answer promises, whatever it was read from."""
    assert {len(column) for column in (*answer.texts.values(), *answer.numbers.values())} <= {len(answer)}
    assert len({*answer.ids}) == len(answer.ids)
    assert "" not in answer.ids
    texts = [*answer.ids, *(text for column in answer.texts.values() for text in column)]
    for text in filter(None, texts):
        text.encode()
        assert len(text) <= 320
    for number in (number for column in answer.numbers.values() for number in column if number is not None):
        assert 0 <= float(number) < math.inf
    assert all(count > 0 for count in answer.suspects.values())


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
VALUES: dict[Check, st.SearchStrategy[Any]] = {
    Check.TEXT: texts,
    Check.OPTIONAL_TEXT: texts | st.sampled_from(["", None]),
    Check.STATE: texts,
    Check.FLAG: st.booleans(),
    Check.COUNT: st.integers(0, 2**63) | st.integers(0, 100),
    Check.RATIO: st.floats(0, 1) | st.floats(0, 1e6),
    Check.PERCENT: st.decimals(0, 100, places=1).map(str),
}


def mailboxes_of(parts: dict[str, Any]) -> st.SearchStrategy[Mailbox]:
    """Draw a mailbox, or a part of one, from strategies by name."""
    return st.fixed_dictionaries(
        {name: mailboxes_of(part) if isinstance(part, dict) else part for name, part in parts.items()}
    )


documented: dict[str, Any] = {"_id": texts}
for each in FIELDS:
    put(documented, each, VALUES[each.check])

PLACES = sorted({*(field.name for field in FIELDS), *(field.path[0][0] for field in FIELDS)})
valid = mailboxes_of(documented)
valid_older = valid.map(lambda value: older(**value))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spoilt(draw: st.DrawFn) -> Mailbox:
    """Draw a mailbox in which some fields are missing or anything at all."""
    value: Mailbox = json.loads(json.dumps(draw(valid)))
    for field in draw(st.lists(st.sampled_from(PLACES))):
        part, _, name = field.partition(".")
        inside = value.get(part) if name else value
        if not isinstance(inside, dict):
            continue
        if draw(st.booleans()):
            inside.pop(name or part, None)
        else:
            inside[name or part] = draw(anything)
    return value


ENOUGH = [mailbox(_id=f"good {number}") for number in range(4)]
"""So many that an answer of four other items is still one of mailboxes."""


@given(st.lists(valid, min_size=1, max_size=4) | st.lists(valid_older, min_size=1, max_size=4))
def test_valid_mailboxes_read_the_same_whether_a_neighbour_is_bad_or_not(mailboxes: list[Mailbox]) -> None:
    alone, beside = answer_of(*mailboxes), answer_of(*mailboxes, {})

    assert rows(beside) == rows(alone)
    assert beside.numbers == alone.numbers
    assert beside.texts == alone.texts
    assert beside.duplicates == alone.duplicates
    assert beside.suspects == {**alone.suspects, "_id": 1}


@given(st.lists(valid | valid_older, min_size=1, max_size=3), spoilt(), st.data())
def test_one_bad_mailbox_never_changes_anothers_values(
    mailboxes: list[Mailbox], bad: Mailbox, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(mailboxes)))
    bad["_id"] = "bad" * 4  # longer than any that is drawn

    together = answer_of(*mailboxes[:place], bad, *mailboxes[place:], unit="ratio")

    others = [row for row in rows(together) if row["id"] != bad["_id"]]
    assert others == rows(answer_of(*mailboxes, unit="ratio"))
    assert_sound(together)


@given(st.lists(spoilt() | anything, max_size=4))
def test_whatever_the_mailboxes_hold_the_answer_is_sound_and_suspects_have_names_of_the_feed(
    mailboxes: list[object],
) -> None:
    answer = answer_of(*mailboxes, *ENOUGH)
    assert_sound(answer)
    assert answer.suspects.keys() <= {*BASE.suspects()}


@given(st.binary(max_size=64) | st.text(string.printable, max_size=64).map(str.encode))
def test_bytes_that_are_no_answer_are_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        parse(body, BASE)


@given(st.lists(valid | valid_older, min_size=1, max_size=3), st.data())
def test_an_answer_that_was_damaged_is_malformed_or_sound(
    mailboxes: list[Mailbox], data: st.DataObject
) -> None:
    body = bytearray(envelope(mailboxes))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(start + 8, len(body))))
        body[start:end] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\\ud800", b'"', b"{", b"]", b"null", b"1e999", b"-"])
        )
    try:
        answer = parse(bytes(body), BASE)
    except MalformedAnswerError:
        return
    assert_sound(answer)
