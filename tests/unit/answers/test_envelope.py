"""Bytes that are hard to read: text that is no Unicode, deep nesting, and what is no answer at all."""

import json
import sys
from dataclasses import replace

import pytest

from exporter.answers.envelope import MalformedAnswerError
from exporter.answers.parse import parse
from tests.answers import BASE, brief, with_raw

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
@pytest.mark.parametrize("field", ["displayName", "email", "status", "warmup.status", "unknown", "_id"])
def test_text_that_is_no_unicode_is_repaired_and_costs_no_sample(field: str, raw: bytes) -> None:
    answer = parse(with_raw(field, raw), BASE)

    assert len(answer) == len({*answer.ids}) == 2
    assert answer.suspects == {}
    assert answer.numbers == parse(with_raw("_id", b'"first"'), BASE).numbers
    for text in (*answer.ids, *(text for column in answer.texts.values() for text in column)):
        assert text
        text.encode()


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
    assert parse(with_raw("displayName", raw), BASE).text("display_name") == [name, "Sales"]


def test_nesting_never_raises_anything_but_malformed() -> None:
    limit = sys.getrecursionlimit()
    for depth in [limit // 2, *range(limit - 150, limit + 50), 100 * limit]:
        body = with_raw("displayName", b"[" * depth + b"]" * depth)
        try:
            answer = parse(body, BASE)
        except MalformedAnswerError:
            assert depth > limit // 2
        else:
            assert answer.ids in (["first", "second"], ["second"])


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
        parse(body, BASE)


def test_the_message_says_what_was_found_without_the_answer_itself() -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(b'{"success": true, "data": {"email": "ann@example.com"}}', BASE)

    assert str(caught.value) == (
        'expected {"success": true, "data": [...]}, found 55 bytes: '
        "Expected `array`, got `object` - at `$.data`"
    )


def test_the_message_names_the_place_of_the_mailboxes() -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(b'{"success": true, "data": []}', replace(BASE, items="data.mailboxes"))

    assert str(caught.value) == (
        'expected {"success": true, "data": {"mailboxes": [...]}}, found 29 bytes: '
        "Expected `object`, got `array` - at `$.data`"
    )
