"""The API's answers: what is taken from them, what is left out and counted, and what is no answer at all."""

import json
import math
import string
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import (
    BLOCK,
    COUNTS,
    PERFORMANCE,
    RATES,
    Answer,
    MalformedAnswerError,
    domain_of,
    parse,
)
from tests.answers import Mailbox, answer_of, envelope, mailbox, older

EVENTS = (*PERFORMANCE.values(), *RATES.values())


def with_raw(field: str, raw: bytes) -> bytes:
    """Return an answer of two mailboxes, the first with a field as these bytes; `part.name` is inside one."""
    part, _, name = field.partition(".")
    mark = "a place for the raw value"
    changed = {**mailbox()[part], name: mark} if name else mark
    first = json.dumps(mailbox(_id="first") | {part: changed}).encode()
    second = json.dumps(mailbox(_id="second")).encode()
    assert first.count(mark.encode()) == 1
    return b'{"success":true,"data":[%s,%s]}' % (first.replace(b'"%s"' % mark.encode(), raw), second)


def brief(value: object) -> str:
    """Return a test's name from a parameter."""
    text = repr(value)
    return text if len(text) < 40 else f"{text[:20]}...{len(text)}"


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Return an answer as one mapping a mailbox."""
    return [
        {
            "id": answer.ids[row],
            "email": answer.emails[row],
            "display_name": answer.display_names[row],
            "status": answer.statuses[row],
            "warmup_status": answer.warmup_statuses[row],
            **{name: column[row] for name, column in answer.numbers.items() if column[row] is not None},
        }
        for row in range(len(answer))
    ]


def assert_sound(answer: Answer) -> None:
    """Assert what every answer promises, whatever it was read from."""
    texts = [answer.ids, answer.emails, answer.display_names, answer.statuses, answer.warmup_statuses]
    assert {len(column) for column in (*texts, *answer.numbers.values())} <= {len(answer)}
    assert len({*answer.ids}) == len(answer.ids)
    assert "" not in answer.ids
    for text in (text for column in texts for text in column if text is not None):
        text.encode()
    for number in (number for column in answer.numbers.values() for number in column if number is not None):
        assert 0 <= float(number) < math.inf
    assert all(count > 0 for count in answer.suspects.values())


# The documented answers


def test_the_documented_answer_is_taken_whole() -> None:
    expected = {
        "id": "664a1b2c3d4e5f6a7b8c9d03",
        "email": "sales@example.com",
        "display_name": "Sales",
        "status": "active",
        "warmup_status": "completed",
        "warmup_enabled": 1,
        "lifetime_sent": 4500,
        "lifetime_received": 320,
        "bounce_ratio": 0.02,
        "sent_today": 45,
        "daily_send_limit": 100,
        "campaign_sent": 1000,
        "campaign_opened": 400,
        "campaign_clicked": 35,
        "campaign_bounced": 12,
        "campaign_replied": 50,
        "campaign_positive_replied": 20,
        "campaign_open_ratio": 0.25,
        "campaign_click_ratio": 0.035,
        "campaign_bounce_ratio": 0.012,
        "campaign_reply_ratio": 0.05,
        "campaign_positive_reply_ratio": 0.02,
    }

    answer = answer_of(mailbox())

    assert rows(answer) == [expected]
    assert (answer.suspects, answer.duplicates) == ({}, 0)


def test_the_older_answer_without_performance_and_rates_is_no_reason_for_suspicion() -> None:
    answer = answer_of(
        older(_id="a"),
        older(_id="b", bounceRate=0.05, warmup={"enabled": False, "status": "in_progress"}),
    )

    assert answer.suspects == {}
    assert not {*EVENTS} & answer.numbers.keys()
    assert answer.numbers["bounce_ratio"] == [0.02, 0.05]
    assert answer.numbers["warmup_enabled"] == [1, 0]
    assert answer.warmup_statuses == ["completed", "in_progress"]


def test_the_documentations_filler_values_pass_with_the_ratio_above_1_counted() -> None:
    filler = mailbox(
        _id="example_string", bounceRate=3.14, warmup={"enabled": True, "status": "example_string"}
    )

    answer = answer_of(filler)

    assert answer.numbers["bounce_ratio"] == [3.14]
    assert answer.warmup_statuses == ["example_string"]
    assert answer.suspects == {"bounceRate": 1}


def test_a_workspace_without_mailboxes_is_an_answer() -> None:
    answer = answer_of()

    assert (len(answer), answer.numbers, answer.suspects) == (0, {}, {})


def test_unknown_fields_are_ignored() -> None:
    assert answer_of(mailbox(tags=["a", {"b": None}], warmupScore=99)) == answer_of(mailbox())


def test_unknown_statuses_come_as_they_are() -> None:
    answer = answer_of(mailbox(status="warming_up", warmup={"enabled": True, "status": "paused \U0001f525"}))

    assert (answer.statuses, answer.warmup_statuses) == (["warming_up"], ["paused \U0001f525"])
    assert answer.suspects == {}


@pytest.mark.parametrize(
    ("email", "domain"),
    [("Ann@Mail.EXAMPLE.com", "mail.example.com"), ("a@b@c.example", "c.example"), ("nobody", ""), ("", "")],
)
def test_the_domain_is_what_follows_the_last_at_sign_in_lower_case(email: str, domain: str) -> None:
    assert domain_of(email) == domain


# Bad values, a field at a time

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
NO_RATE = [
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
NO_TEXT = [b"null", b'""', b"1", b"true", b"{}", b"[]"]
NO_FLAG = [b"null", b'""', b'"true"', b"0", b"1", b"{}"]
BAD_VALUES = {
    **{field: NO_COUNT for field in COUNTS if field != "bounceRate"},
    "bounceRate": [*NO_NUMBER, b'"0.02"', b"-0.01", b"1e999", b"9" * 400],
    **{f"performance.{field}": NO_COUNT for field in PERFORMANCE},
    **{f"rates.{field}": NO_RATE for field in RATES},
    "email": NO_TEXT,
    "status": NO_TEXT,
    "warmup.status": NO_TEXT,
    "warmup.enabled": NO_FLAG,
}
COLUMNS = {
    **COUNTS,
    **{f"performance.{field}": column for field, column in PERFORMANCE.items()},
    **{f"rates.{field}": column for field, column in RATES.items()},
    "email": "email",
    "status": "status",
    "warmup.status": "warmup_status",
    "warmup.enabled": "warmup_enabled",
}


@pytest.mark.parametrize(
    ("field", "raw"), [(field, raw) for field, raws in BAD_VALUES.items() for raw in raws], ids=brief
)
def test_a_bad_value_leaves_out_that_one_sample_and_is_counted(field: str, raw: bytes) -> None:
    answer = parse(with_raw(field, raw))

    first, second = rows(answer)
    whole = rows(answer_of(mailbox()))[0]
    assert second == whole | {"id": "second"}
    assert first.pop(COLUMNS[field], None) in {None, ""}
    del whole[COLUMNS[field]]
    assert first == whole | {"id": "first"}
    assert answer.suspects == {field: 1}


@pytest.mark.parametrize("field", COLUMNS)
def test_a_missing_field_leaves_out_that_one_sample_and_is_counted(field: str) -> None:
    part, _, name = field.partition(".")
    incomplete = mailbox()
    del (incomplete[part] if name else incomplete)[name or part]

    answer = answer_of(incomplete)

    whole = rows(answer_of(mailbox()))[0]
    assert {**whole, **rows(answer)[0], COLUMNS[field]: whole[COLUMNS[field]]} == whole
    assert COLUMNS[field] not in rows(answer)[0] or not rows(answer)[0][COLUMNS[field]]
    assert answer.suspects == {field: 1}


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
    answer = parse(with_raw(field, raw))

    assert answer.numbers[COLUMNS[field]][0] == value
    assert answer.suspects == {}


@pytest.mark.parametrize(
    ("field", "raw", "ratio"),
    [
        ("bounceRate", b"1.0001", 1.0001),
        ("bounceRate", b"3", 3),
        ("bounceRate", b"1e305", 1e305),
        *((f"rates.{name}", b'"250.5"', 2.505) for name in RATES),
    ],
)
def test_a_ratio_above_1_is_passed_on_and_counted(field: str, raw: bytes, ratio: float) -> None:
    answer = parse(with_raw(field, raw))

    assert answer.numbers[COLUMNS[field]][0] == ratio
    assert answer.suspects == {field: 1}


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"none"', b"true"])
@pytest.mark.parametrize("part", ["performance", "rates"])
def test_a_part_that_is_there_but_no_object_is_counted_once(part: str, raw: bytes) -> None:
    answer = parse(with_raw(part, raw))

    columns = {"performance": PERFORMANCE, "rates": RATES}[part].values()
    assert [answer.numbers[column][0] for column in columns] == [None] * len(columns)
    assert None not in [answer.numbers[column][1] for column in columns]
    assert answer.suspects == {part: 1}


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"completed"'])
def test_a_warmup_that_is_no_object_costs_both_of_its_samples(raw: bytes) -> None:
    answer = parse(with_raw("warmup", raw))

    assert answer.warmup_statuses == [None, "completed"]
    assert answer.numbers["warmup_enabled"] == [None, 1]
    assert answer.suspects == {"warmup.enabled": 1, "warmup.status": 1}


@pytest.mark.parametrize("raw", [b"null", b'""'])
def test_a_mailbox_without_a_display_name_has_an_empty_one(raw: bytes) -> None:
    answer = parse(with_raw("displayName", raw))

    assert answer.display_names == ["", "Sales"]
    assert answer.suspects == {}


@pytest.mark.parametrize("raw", [b"1", b"true", b"[]", b"{}", b"[" * 500 + b"]" * 500])
def test_a_display_name_that_is_no_text_is_left_out_and_counted(raw: bytes) -> None:
    answer = parse(with_raw("displayName", raw))

    assert answer.display_names == ["", "Sales"]
    assert answer.suspects == {"displayName": 1}


@pytest.mark.parametrize("raw", [b"null", b'""', b"1", b"{}", b"[]", b"true"])
def test_a_mailbox_without_an_id_is_left_out_and_counted(raw: bytes) -> None:
    answer = parse(with_raw("_id", raw))

    assert answer.ids == ["second"]
    assert answer.suspects == {"_id": 1}


def test_items_that_are_no_objects_are_left_out_and_counted() -> None:
    answer = answer_of(None, 1, "x", [], mailbox(), {}, True)

    assert answer.ids == ["664a1b2c3d4e5f6a7b8c9d03"]
    assert answer.suspects == {"_id": 6}


def test_of_mailboxes_that_share_an_id_the_first_one_counts() -> None:
    answer = answer_of(
        mailbox(_id="a", sentToday=1),
        mailbox(_id="b", sentToday=2),
        mailbox(_id="a", sentToday=3),
        mailbox(_id="a", sentToday=4),
    )

    assert answer.ids == ["a", "b"]
    assert answer.numbers["sent_today"] == [1, 2]
    assert answer.duplicates == 2


def test_a_column_without_a_number_is_left_out_when_only_a_repeated_mailbox_had_one() -> None:
    answer = answer_of(older(_id="a"), mailbox(_id="a"))

    assert answer.duplicates == 1
    assert not {*EVENTS} & answer.numbers.keys()


def test_older_and_newer_mailboxes_may_be_mixed() -> None:
    answer = answer_of(older(_id="a"), mailbox(_id="b"), older(_id="c"))

    assert answer.ids == ["a", "b", "c"]
    assert answer.numbers["campaign_sent"] == [None, 1000, None]
    assert answer.numbers["campaign_open_ratio"] == [None, 0.25, None]
    assert answer.suspects == {}


def test_performance_may_be_there_without_rates() -> None:
    answer = answer_of({name: value for name, value in mailbox().items() if name != "rates"})

    assert answer.numbers["campaign_sent"] == [1000]
    assert "campaign_open_ratio" not in answer.numbers
    assert answer.suspects == {}


# Texts that are hard to read


@pytest.mark.parametrize(
    "raw",
    [
        rb'"a\ud800b"',
        rb'"a\uDFFFb"',
        rb'"a\ud800\n\udc00b"',
        rb'"\udc00\ud800"',
        rb'"\\\ud800"',
        b'"a\xff\xfeb"',
        b'"\xed\xa0\x80"',
        b'"\xc3"',
    ],
)
@pytest.mark.parametrize("field", ["displayName", "email", "status", "warmup.status", "tags", "_id"])
def test_text_that_is_no_unicode_is_repaired_and_costs_no_sample(field: str, raw: bytes) -> None:
    answer = parse(with_raw(field, raw))

    assert len(answer) == 2
    assert answer.numbers == parse(with_raw("_id", b'"first"')).numbers
    assert_sound(answer)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (rb'"a\ud800b"', "a\ufffdb"),
        (rb'"\ud83d\udd25 \ud83d"', "\U0001f525 \ufffd"),
        (rb'"\\ud800 \ud800"', "\\ud800 \ufffd"),
        (b'"a\xffb"', "a\ufffdb"),
        (rb'"quote \" backslash \\ line\nfeed \u0000"', 'quote " backslash \\ line\nfeed \0'),
    ],
)
def test_only_what_is_no_unicode_is_replaced(raw: bytes, name: str) -> None:
    assert parse(with_raw("displayName", raw)).display_names == [name, "Sales"]


def test_nesting_never_raises_anything_but_malformed() -> None:
    limit = sys.getrecursionlimit()
    for depth in [limit // 2, *range(limit - 150, limit + 50), 100 * limit]:
        body = with_raw("displayName", b"[" * depth + b"]" * depth)
        try:
            answer = parse(body)
        except MalformedAnswerError:
            assert depth > limit // 2
        else:
            assert answer.ids in (["first", "second"], ["second"])


# Blocks


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_answers_of_several_blocks_are_taken_whole_and_in_order(count: int) -> None:
    answer = answer_of(*(mailbox(_id=f"m{i}", sentToday=i) for i in range(count)))

    assert answer.ids == [f"m{i}" for i in range(count)]
    assert answer.numbers["sent_today"] == list(range(count))
    assert {len(column) for column in answer.numbers.values()} == {count}


@pytest.mark.parametrize("bad", [0, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_bad_mailbox_changes_no_other_wherever_it_stands(bad: int) -> None:
    mailboxes = [mailbox(_id=f"m{i}", sentToday=i) for i in range(BLOCK + 2)]
    expected = rows(answer_of(*mailboxes))
    del expected[bad]["bounce_ratio"]
    mailboxes[bad]["bounceRate"] = None

    assert rows(answer_of(*mailboxes)) == expected


def test_a_block_of_the_older_answer_may_follow_one_of_the_newer() -> None:
    newer = [mailbox(_id=f"n{i}") for i in range(BLOCK)]
    answer = answer_of(*newer, *(older(_id=f"o{i}") for i in range(BLOCK)))

    assert answer.numbers["campaign_sent"] == [1000] * BLOCK + [None] * BLOCK
    assert answer.suspects == {}


# What is no answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"{}",
        b'"success"',
        b"<html>Bad gateway</html>",
        b'{"success": true}',
        b'{"data": []}',
        b'{"success": false, "data": []}',
        b'{"success": "true", "data": []}',
        b'{"success": 1, "data": []}',
        b'{"success": null, "data": []}',
        b'{"success": true, "data": null}',
        b'{"success": true, "data": {}}',
        b'{"success": true, "data": "[]"}',
        b'{"success": true, "data": {"_id": "a"}}',
        b'{"error": "Forbidden", "message": "no", "code": 403}',
        b'{"success": true, "data": []} x',
        b'{"success": true, "data": []}{}',
        b'{"success": true, "data": [',
        b'{"success": true, "data": [{"_id": "a"}',
        b'{"success": true, "data": [{"_id": NaN}]}',
        b'{"success": true, "data": [{"_id": "\\q"}]}',
        b'{"success": true, "data": [{"_id": "\\ud8"}]}',
        b'{"success": true, "data": [{"_id": \xff}]}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"data":' * 100_000,
        b'{"success": true, "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe{\x00",
        json.dumps({"success": True, "data": []}).encode("utf-16"),
    ],
    ids=brief,
)
def test_anything_but_the_documented_envelope_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswerError, match=r"^expected .*success.* true.*, found .+"):
        parse(body)


def test_the_message_says_what_was_found_without_the_answer_itself() -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(b'{"success": true, "data": {"email": "ann@example.com"}}')

    assert str(caught.value) == (
        'expected {"success": true, "data": [...]}, found 55 bytes: '
        "Expected `array`, got `object` - at `$.data`"
    )


# Properties

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
counts = st.integers(0, 2**63) | st.integers(0, 100)
ratios = st.floats(0, 1) | st.floats(0, 1e6)
percents = st.decimals(0, 100, places=1).map(str)
valid = st.fixed_dictionaries(
    {
        "_id": texts,
        "email": texts,
        "displayName": texts,
        "status": texts,
        "totalSent": counts,
        "totalReceived": counts,
        "bounceRate": ratios,
        "sentToday": counts,
        "dailySendLimit": counts,
        "warmup": st.fixed_dictionaries({"enabled": st.booleans(), "status": texts}),
        "performance": st.fixed_dictionaries(dict.fromkeys(PERFORMANCE, counts)),
        "rates": st.fixed_dictionaries(dict.fromkeys(RATES, percents)),
    }
)
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
    for field in draw(st.lists(st.sampled_from([*sorted(COLUMNS), "warmup", "performance", "rates"]))):
        part, _, name = field.partition(".")
        inside = value.get(part) if name else value
        if not isinstance(inside, dict):
            continue
        if draw(st.booleans()):
            inside.pop(name or part, None)
        else:
            inside[name or part] = draw(anything)
    return value


@given(st.lists(valid, max_size=4) | st.lists(valid_older, max_size=4))
def test_valid_mailboxes_read_the_same_whether_a_neighbour_is_bad_or_not(mailboxes: list[Mailbox]) -> None:
    alone, beside = answer_of(*mailboxes), answer_of(*mailboxes, {})

    assert rows(beside) == rows(alone)
    assert beside.numbers == alone.numbers
    assert beside.duplicates == alone.duplicates
    assert beside.suspects == {**alone.suspects, "_id": 1}


@given(st.lists(valid | valid_older, min_size=1, max_size=3), spoilt(), st.data())
def test_one_bad_mailbox_never_changes_anothers_values(
    mailboxes: list[Mailbox], bad: Mailbox, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(mailboxes)))
    bad["_id"] = "bad" * 4  # longer than any that is drawn

    together = answer_of(*mailboxes[:place], bad, *mailboxes[place:])

    assert [row for row in rows(together) if row["id"] != bad["_id"]] == rows(answer_of(*mailboxes))
    assert_sound(together)


@given(st.lists(spoilt() | anything, max_size=4))
def test_whatever_the_mailboxes_hold_the_answer_is_sound(mailboxes: list[object]) -> None:
    assert_sound(answer_of(*mailboxes))


@given(st.binary(max_size=64) | st.text(string.printable, max_size=64).map(str.encode))
def test_bytes_that_are_no_answer_are_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        parse(body)


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
        answer = parse(bytes(body))
    except MalformedAnswerError:
        return
    assert_sound(answer)


@given(st.lists(valid, max_size=4, unique_by=lambda value: value["_id"]), st.data())
def test_the_rows_that_are_kept_are_the_rows_chosen(mailboxes: list[Mailbox], data: st.DataObject) -> None:
    answer = answer_of(*mailboxes)
    keep = [data.draw(st.booleans()) for _ in mailboxes]

    kept = answer.where(keep)

    assert rows(kept) == [row for row, wanted in zip(rows(answer), keep, strict=True) if wanted]
    assert (kept.suspects, kept.duplicates) == (answer.suspects, answer.duplicates)


def test_more_percentages_than_are_remembered_are_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.model._MOST_RATIOS", 3)
    mailboxes = [mailbox(_id=str(i), rates=dict.fromkeys(RATES, f"{i}.0")) for i in range(20)]

    assert answer_of(*mailboxes).numbers["campaign_open_ratio"] == [i / 100 for i in range(20)]
