"""One field at a time: values that are taken, values that are left out and counted, and fields that lack."""

import pytest

from exporter.answers.parse import parse
from exporter.catalogue.kinds import Check
from exporter.catalogue.mailbox import FIELDS, RATES
from tests.answers import BASE, answer_of, brief, mailbox, older, rows, with_raw

NESTED = b"[" * 500 + b"]" * 500
LONGEST = 320
TOO_LONG = b'"' + b"x" * (LONGEST + 1) + b'"'
NO_NUMBER = [b"null", b'""', b'"N/A"', b'"NaN"', b"{}", b"[]", b"[1]", b"true", b"false"]
NO_COUNT = [
    *NO_NUMBER,
    b'"42"',
    b"-1",
    b"-0.5",
    b"1.5",
    b"1e999",
    b"9" * 400,
    b"9" * 5000,
    b"-" + b"9" * 5000,
]
NO_PERCENT = [
    *NO_NUMBER,
    b'"-0.1"',
    b'"-5.0"',
    b'"1,5"',
    b'"25.0%"',
    b'"1e999"',
    b'"Infinity"',
    b'"0x10"',
    b'"1_0"',
    b'"' + b"9" * 400 + b'"',
    b'"1.' + b"0" * 100 + b'"',
    '"\u0663"'.encode(),
    b"-5",
    b"1e999",
]
NO_TEXT = [b"null", b'""', b"1", b"true", b"{}", b"[]", TOO_LONG]
BAD_VALUES = {
    Check.TEXT: NO_TEXT,
    Check.STATE: NO_TEXT,
    Check.OPTIONAL_TEXT: [b"1", b"true", b"{}", b"[]", NESTED, TOO_LONG],
    Check.FLAG: [b"null", b'""', b'"true"', b"0", b"1", b"{}"],
    Check.COUNT: NO_COUNT,
    Check.RATIO: [*NO_NUMBER, b'"0.02"', b"-0.01", b"1e999", b"9" * 400],
    Check.PERCENT: NO_PERCENT,
    Check.SCORE: [*NO_NUMBER, b'"85"', b"-1", b"1e999", b"9" * 400],
    Check.TIME: [*NO_TEXT, b'"yesterday"', b'"1969-12-31T23:59:59Z"', b'"10000-01-01"', b"1746090000"],
    Check.NOTE: [b"1", b"true", b"{}", b"[]"],
    Check.TAGS: [b"null", b'""', b'"batch"', b"1", b"{}"],
}
COLUMNS = {field.name: field.column for field in FIELDS}
REQUIRED = [field.name for field in FIELDS if not field.path[-1][1]]
OPTIONAL = [field.name for field in FIELDS if field.path[-1][1]]
OPTIONAL_PARTS = {
    field.path[0][0]: [
        other.column for other in FIELDS if len(other.path) == 2 and other.path[0] == field.path[0]
    ]
    for field in FIELDS
    if len(field.path) == 2 and field.path[0][1]
}


def test_every_kind_of_field_has_bad_values() -> None:
    assert BAD_VALUES.keys() == {*Check}


@pytest.mark.parametrize(
    ("field", "raw"), [(field.name, raw) for field in FIELDS for raw in BAD_VALUES[field.check]], ids=brief
)
def test_a_bad_value_leaves_out_that_one_sample_and_is_counted(field: str, raw: bytes) -> None:
    answer = parse(with_raw(field, raw), BASE)

    first, second = rows(answer)
    whole = rows(answer_of(mailbox()))[0]
    assert second == whole | {"id": "second"}
    del whole[COLUMNS[field]]
    assert first == whole | {"id": "first"}
    assert answer.suspects == {field: 1}


def without(field: str) -> dict[str, object]:
    """Return a mailbox without a field."""
    part, _, name = field.partition(".")
    incomplete = mailbox()
    del (incomplete[part] if name else incomplete)[name or part]
    return incomplete


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_leaves_out_that_one_sample_and_is_counted(field: str) -> None:
    answer = answer_of(without(field))

    whole = rows(answer_of(mailbox()))[0]
    del whole[COLUMNS[field]]
    assert rows(answer) == [whole]
    assert answer.suspects == {field: 1}


@pytest.mark.parametrize("field", OPTIONAL)
def test_a_missing_field_that_is_optional_leaves_out_that_one_sample_and_is_no_suspect(field: str) -> None:
    answer = answer_of(without(field))

    whole = rows(answer_of(mailbox()))[0]
    del whole[COLUMNS[field]]
    assert rows(answer) == [whole]
    assert answer.suspects == {}


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        ("sentToday", b"0", 0),
        ("sentToday", b"-0", 0),
        ("sentToday", b"45.0", 45),
        ("sentToday", b"4.5e1", 45),
        ("totalSent", b"18446744073709551616", 2**64),
        ("totalSent", b"9" * 300, float("9" * 300)),
        ("bounceRate", b"0", 0),
        ("bounceRate", b"-0.0", 0),
        ("bounceRate", b"1", 1),
        ("bounceRate", b"5e-324", 5e-324),
        ("rates.open", b'"0"', 0),
        ("rates.open", b'"100"', 1),
        ("rates.open", b'"0.7"', 0.007),
        ("rates.open", b'" +7.0 "', 0.07),
        ("rates.open", b'".5"', 0.005),
        ("rates.open", b'"5."', 0.05),
        ("rates.open", b'"1e1"', 0.1),
        ("rates.open", b"25", 0.25),
        ("rates.open", b"0.7", 0.007),
    ],
    ids=brief,
)
def test_a_usable_value_is_taken(field: str, raw: bytes, value: float) -> None:
    answer = parse(with_raw(field, raw), BASE)

    assert answer.numbers[COLUMNS[field]][0] == value
    assert answer.suspects == {}


@pytest.mark.parametrize(
    ("field", "raw", "ratio"),
    [
        ("bounceRate", b"1.0001", 1.0001),
        ("bounceRate", b"3", 3),
        ("bounceRate", b"1e305", 1e305),
        *((field.name, b'"250.5"', 2.505) for field in RATES),
    ],
)
def test_a_ratio_above_1_is_passed_on_and_counted(field: str, raw: bytes, ratio: float) -> None:
    answer = parse(with_raw(field, raw), BASE, unit="ratio")

    assert answer.numbers[COLUMNS[field]][0] == ratio
    assert answer.suspects == {field: 1}


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f525"])
@pytest.mark.parametrize("field", [field.name for field in FIELDS if field.is_text])
def test_a_text_of_320_characters_is_taken_whatever_its_bytes(field: str, character: str) -> None:
    answer = parse(with_raw(field, f'"{character * LONGEST}"'.encode()), BASE)

    assert answer.text(COLUMNS[field])[0] == character * LONGEST
    assert answer.suspects == {}


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"none"', b"true"])
@pytest.mark.parametrize("part", OPTIONAL_PARTS)
def test_a_part_that_is_there_but_no_object_is_counted_once(part: str, raw: bytes) -> None:
    answer = parse(with_raw(part, raw), BASE)

    first, second = rows(answer)
    assert not first.keys() & {*OPTIONAL_PARTS[part]}
    assert second.keys() - first.keys() == {*OPTIONAL_PARTS[part]}
    assert answer.suspects == {part: 1}


@pytest.mark.parametrize("part", OPTIONAL_PARTS)
def test_a_part_that_is_missing_is_no_suspect(part: str) -> None:
    incomplete = {name: value for name, value in mailbox(_id="first").items() if name != part}

    answer = answer_of(incomplete, mailbox(_id="second"))

    first, second = rows(answer)
    assert second.keys() - first.keys() == {*OPTIONAL_PARTS[part]}
    assert answer.suspects == {}


def test_the_parts_that_may_lack_are_these() -> None:
    assert {"warmup", "performance", "rates"} <= OPTIONAL_PARTS.keys()
    assert OPTIONAL_PARTS["warmup"] == ["warmup_status", "warmup_enabled"]


@pytest.mark.parametrize("items", [b"]}", b",null]}"], ids=["read strictly", "read tolerantly"])
@pytest.mark.parametrize(("raw", "name"), [(b"null", None), (b'""', "")], ids=brief)
def test_a_mailbox_may_be_without_a_display_name(raw: bytes, name: str | None, items: bytes) -> None:
    answer = parse(with_raw("displayName", raw).removesuffix(b"]}") + items, BASE)

    assert answer.text("display_name") == [name, "Sales"]
    assert "displayName" not in answer.suspects


def test_a_field_of_the_older_answer_may_be_bad_too() -> None:
    answer = answer_of(older(sentToday=None))

    assert answer.suspects == {"sentToday": 1}


def test_more_percentages_than_are_remembered_are_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.answers.percent._MOST_RATIOS", 3)
    percents = [{field.path[1][0]: f"{i}.0" for field in RATES} for i in range(20)]
    mailboxes = [mailbox(_id=str(i), rates=rates) for i, rates in enumerate(percents)]

    assert answer_of(*mailboxes).numbers["campaign_open_ratio"] == [i / 100 for i in range(20)]
