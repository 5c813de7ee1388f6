"""Answers of the API near the documented one, all the way to the samples that a scrape reads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter import metrics
from exporter.exposition import privacy
from exporter.exposition.body import END, Format, Piece, assemble
from exporter.exposition.rendering import Disclosure, render_workspace
from exporter.exposition.store import CATALOGUE
from exporter.fleet.fleet import Fleet, Instant, Poll, Totals, Workspace
from exporter.metrics import ALL_TIME, MAILBOX_COUNTERS, MAILBOX_NUMBERS, WINDOW_NUMBERS
from exporter.model import Answer, MalformedAnswerError, domain_of, parse
from exporter.polling.reading import Reader
from tests.answers import mailbox, older
from tests.fuzz.trees import Node, Pair, Pairs, Raw, changed, encoded, spliced, tree_of
from tests.samples import Samples

BROKEN = [
    b"",
    b"nul",
    b"tru",
    b"'x'",
    b"+1",
    b"01",
    b"1.",
    b".5",
    b"1e",
    b"0x10",
    b"NaN",
    b"Infinity",
    b'"',
    b"{",
    b"]",
]
NUMBERS = [
    b"0", b"-0", b"-0.0", b"1", b"-1", b"1.0", b"1e0", b"1e2", b"0.5", b"1.5", b"3.14", b"100.1", b"1e-400",
    b"1e308", b"1e400", b"-1e400", b"9007199254740992", b"9007199254740993", b"9223372036854775808",
    b"18446744073709551616", b"null", b"true", b"false",
]  # fmt: skip
PERCENTS = [
    b'"25.0"', b'"0"', b'"-0"', b'"100"', b'"1e2"', b'"1e999"', b'"1e-999"', b'"NaN"', b'"N/A"', b'"inf"',
    b'"25,0"', b'"25%"', b'" 2 "', b'"1_0"', '"٣"'.encode(), b'""',
]  # fmt: skip
TEXTS = [
    b'""', b'" "', b'"Active"', b'"warming_up"', b'"idle"', b'"a@b"', b'"@"', b'"a@b@C.example"',
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\n"', b'"\\n\\r\\t"',
    b'"\\\\"', b'"\\""', b'"\\\\\\""', b'"a\\\\n"', b'"}"', b'"{a=\\"b\\"} 1"', b'"a@\\n# EOF\\n"',
    b'"\\u2028\\u0085"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\\x"',
    b'"\\u12"', b'"\x00"', b'"\n"', '"e\u0301\u202e\ufeff"'.encode(), '"İ@İ.EXAMPLE"'.encode(), b'"x@\\\\"',
]  # fmt: skip
LONG = [(b"", b"1", 5000, b""), (b"0.", b"1", 5000, b""), (b'"', b"9", 70, b'"'), (b'"', b"x", 3000, b'"')]
FIELDS = [*mailbox(), "id", "Email", "enabled", "sent", "positiveReplied", "open", "success", "data", ""]
KEYS = [*FIELDS, Raw(b'"\\u005fid"'), Raw(b'"\\ud800"'), Raw(b"1")]

nested = st.sampled_from([900, 30_000]).map(lambda depth: b"[" * depth + b"]" * depth)
long = st.sampled_from(LONG).map(lambda parts: parts[0] + parts[1] * parts[2] + parts[3])
texts = st.sampled_from(TEXTS).map(Raw) | st.text(max_size=6)
numbers = (st.sampled_from(NUMBERS) | long).map(Raw) | st.integers() | st.floats(0, 2)
percents = st.sampled_from(PERCENTS).map(Raw) | st.from_regex(
    r"[+-]?[0-9]{0,4}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
)
values = texts | numbers | percents | st.sampled_from([[], {}, [None]]) | nested.map(Raw)


def near(value: object) -> st.SearchStrategy[Any]:
    """Draw a value of the documented mailbox, or a hostile one of its kind."""
    match value:
        case dict():
            return st.fixed_dictionaries({name: near(part) for name, part in value.items()})
        case str() if value[0].isdigit():
            hostile: st.SearchStrategy[Any] = percents
        case str():
            hostile = texts
        case _:
            hostile = numbers
    return st.integers(0, 5).flatmap(lambda lot: st.just(value) if lot else hostile)


def with_id(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an id, often one that another mailbox has."""
    return (st.sampled_from("abcd") | texts).map(lambda mailbox_id: {**fields, "_id": mailbox_id})


documented = (near(mailbox()) | near(older())).flatmap(with_id)
mailboxes = changed(documented, values, st.sampled_from(KEYS) | st.text(max_size=3), most_changes=2)
envelopes = st.lists(documented, max_size=3).map(lambda items: {"success": True, "data": items})
broken = st.sampled_from(BROKEN)
answers = changed(envelopes, values | broken.map(Raw), st.sampled_from(KEYS)).map(encoded)
pieces = st.binary(max_size=6) | broken | nested | st.sampled_from([*TEXTS, *NUMBERS, *PERCENTS])


def answer_bytes(items: Sequence[Node]) -> bytes:
    """Return these mailboxes in a sound envelope."""
    return encoded(Node(Pairs([Pair("success", Node(value=True)), Pair("data", Node(list(items)))])))


def read(body: bytes) -> Answer | None:
    """Return an answer, None when it is malformed."""
    try:
        return parse(body)
    except MalformedAnswerError as error:
        assert str(error)  # noqa: PT017 - many answers are malformed, not all
        return None


def rows(answer: Answer) -> dict[str, tuple[object, ...]]:
    """Return what is known of each mailbox, by its id."""
    texts = zip(answer.emails, answer.display_names, answer.statuses, answer.warmup_statuses, strict=True)
    numbers: list[dict[str, float]] = [{} for _ in answer.ids]
    for name, column in answer.numbers.items():
        for own, number in zip(numbers, column, strict=True):
            if number is not None:
                own[name] = number
    return {
        mailbox_id: (*text, own) for mailbox_id, text, own in zip(answer.ids, texts, numbers, strict=True)
    }


def assert_sound(answer: Answer) -> None:
    """Assert columns of equal length, each id once, and numbers that can be samples."""
    known = rows(answer)  # raises for columns of different length
    assert len(known) == len(answer)
    assert "" not in known
    for *texts, numbers in known.values():
        for text in texts:
            assert text is None or isinstance(text, str)
            (text or "").encode()
        assert isinstance(numbers, dict)
        assert all(0 <= number < math.inf for number in numbers.values())


@given(answers | spliced(answers, pieces))
def test_an_answer_near_the_documented_one_is_malformed_or_sound(body: bytes) -> None:
    if answer := read(body):
        assert_sound(answer)


@given(st.lists(mailboxes, min_size=1, max_size=3))
def test_a_mailbox_is_read_the_same_strictly_and_tolerantly(items: list[Node]) -> None:
    """A block with a mailbox that is no object at all is read mailbox by mailbox."""
    alone, beside = read(answer_bytes(items)), read(answer_bytes([*items, Node(None)]))

    if alone is None or beside is None:
        return  # a mailbox that is no JSON
    assert rows(beside) == rows(alone)
    assert beside.duplicates == alone.duplicates
    assert {name: count for name, count in beside.suspects.items() if name != "_id"} == {
        name: count for name, count in alone.suspects.items() if name != "_id"
    }


DISCLOSURES = [
    Disclosure(lambda email: email, display_name=True),
    Disclosure(privacy.masked),
    Disclosure(privacy.keyed_hash(b"key")),
    Disclosure(lambda _email: ""),
]


def scraped(parts: Sequence[Mapping[str, Piece]]) -> Samples:
    """Return what both formats tell alike, read by the client library."""
    in_each = [
        Samples(b"".join(assemble(parts, CATALOGUE, format_).ended(END[format_]).plain).decode())
        for format_ in Format
    ]
    assert sorted(in_each[0]) == sorted(in_each[1]), "the formats differ"
    return in_each[0]


@given(
    st.lists(st.lists(mailboxes, max_size=3).map(answer_bytes), min_size=1, max_size=3),
    st.sampled_from(DISCLOSURES),
    st.sampled_from([ALL_TIME, "7d"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=4),
)
def test_what_is_shown_is_what_was_read(
    bodies: list[bytes], disclosure: Disclosure, window: str, label: str
) -> None:
    """A workspace's polls one after the other, by the reader that goes on from its last reading."""
    reader, reading, totals = Reader(disclosure), None, Totals()
    poll, other = Poll(ALL_TIME, 60, 900), Poll("7d", 60, 900)
    tracked = Fleet().track(Workspace("a", label, label, label), {}, [poll, other])
    counted: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for body in bodies:
        try:
            reading = reader.read(body, label, window, totals, reading)
        except MalformedAnswerError:
            continue
        totals = reading.totals
        tracked.polls[window].succeeded(reading.answer, Instant(0, 0), 0)
        samples = scraped([render_workspace(tracked, stale=False), reading.part.pieces])

        assert_shown(reading.answer, samples, label, window)
        for name in (metric.name for metric in MAILBOX_COUNTERS.values()):
            for labels, value in samples.all_of(name).items():
                without_domain = frozenset(pair for pair in labels if pair[0] != "domain")
                assert value >= counted.get((name, without_domain), 0), "a counter fell"
                counted[name, without_domain] = value


def assert_shown(answer: Answer, samples: Samples, label: str, window: str) -> None:
    """Assert that every number of an answer is a sample, and that no other mailbox has one."""
    of_mailboxes = {**WINDOW_NUMBERS, **(MAILBOX_NUMBERS if window == ALL_TIME else {})}
    domains = dict(zip(answer.ids, map(domain_of, answer.emails), strict=True))
    for name, metric in of_mailboxes.items():
        column = answer.numbers.get(name, [None] * len(answer))
        shown = {
            frozenset(
                {
                    ("workspace", label),
                    ("domain", domains[mailbox_id]),
                    ("mailbox_id", mailbox_id),
                    *([("window", window)] if name in WINDOW_NUMBERS else []),
                }
            ): float(number)
            for mailbox_id, number in zip(answer.ids, column, strict=True)
            if number is not None
        }
        assert samples.all_of(metric.name) == shown, name
    assert samples.values_of("mailbox_id", metrics.MAILBOX_INFO.name) == (
        set(answer.ids) if window == ALL_TIME else set()
    )


@given(mailboxes, st.booleans())
def test_a_hostile_mailbox_costs_no_other_one_its_samples(hostile: Node, is_first: bool) -> None:  # noqa: FBT001
    sound = tree_of(mailbox(_id="sound"))

    answer = read(answer_bytes([hostile, sound] if is_first else [sound, hostile]))

    if answer:
        assert rows(answer)["sound"] == rows(parse(answer_bytes([sound])))["sound"]
