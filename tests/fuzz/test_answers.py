"""Answers of the API near the documented one, all the way to the samples that a scrape reads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer, domain_of
from exporter.answers.envelope import MalformedAnswerError
from exporter.answers.parse import parse
from exporter.answers.unit import AUTO, RATIO
from exporter.catalogue import mailbox as catalogue
from exporter.catalogue import workspace as workspace_catalogue
from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Workspace
from exporter.polling.reader import Reader
from exporter.sendkit.feeds import families
from exporter.textformat.body import Piece, assemble
from exporter.textformat.lines import END, Format
from tests.answers import BASE, WEEK, mailbox, older
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


def read(body: bytes, unit: str = AUTO) -> Answer | None:
    """Return an answer, None when it is malformed."""
    try:
        return parse(body, BASE, unit)
    except MalformedAnswerError as error:
        assert str(error)  # noqa: PT017 - many answers are malformed, not all
        return None


def rows(answer: Answer) -> dict[str, dict[str, str | float]]:
    """Return what is known of each mailbox, by its id."""
    known: list[dict[str, str | float]] = [{} for _ in answer.ids]
    columns: Mapping[str, Sequence[str | float | None]] = {**answer.texts, **answer.numbers}
    for name, column in columns.items():
        for own, value in zip(known, column, strict=True):
            if value is not None:
                own[name] = value
    return dict(zip(answer.ids, known, strict=True))


def assert_sound(answer: Answer) -> None:
    """Assert columns of equal length, each id once, and numbers that can be samples."""
    known = rows(answer)  # raises for columns of different length
    assert len(known) == len(answer)
    assert "" not in known
    for own in known.values():
        assert {*own} <= {field.column for field in BASE.fields}
        for value in own.values():
            if isinstance(value, str):
                value.encode()
            else:
                assert 0 <= value < math.inf


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
    Disclosure(privacy.KeyedHash(b"key")),
    Disclosure(lambda _email: ""),
]


def scraped(parts: Sequence[Mapping[str, Piece]]) -> Samples:
    """Return what both formats tell alike, read by the client library."""
    every_family = (*workspace_catalogue.METRICS, *families())
    in_each = [
        Samples(b"".join(assemble(parts, every_family, format_).ended(END[format_]).plain).decode())
        for format_ in Format
    ]
    assert sorted(in_each[0]) == sorted(in_each[1]), "the formats differ"
    return in_each[0]


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(mailboxes, max_size=3).map(answer_bytes)), min_size=1, max_size=4
    ),
    st.sampled_from(DISCLOSURES),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=4),
)
def test_what_is_shown_is_what_was_read(
    bodies: list[tuple[bool, bytes]], disclosure: Disclosure, label: str
) -> None:
    """A workspace's polls one after the other, of the base feed and of a window, as the board takes them."""
    reader, base, week = Reader(disclosure), Poll(BASE, 900), Poll(WEEK, 900)
    acme = Workspace(Key(label), label, label, label, polls={BASE.name: base, WEEK.name: week})
    counted: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for is_base, body in bodies:
        poll = base if is_base else week
        try:
            reading, acme.totals = reader.read(acme, poll, body)
        except MalformedAnswerError:
            continue
        poll.succeeded(reading, Instant(0, 0), 0)
        for name, rejoined in reader.rejoined(acme, acme.roster).items():
            acme.polls[name].reading = rejoined
        samples = scraped([render_workspace(acme, stale=False), *(part.pieces for part in acme.parts())])

        assert_shown(acme, samples)
        for name in (metric.name for metric in catalogue.COUNTERS.values()):
            for labels, value in samples.all_of(name).items():
                without_domain = frozenset(pair for pair in labels if pair[0] != "domain")
                assert value >= counted.get((name, without_domain), 0), "a counter fell"
                counted[name, without_domain] = value


def assert_shown(acme: Workspace, samples: Samples) -> None:
    """Assert that every number of the answers is a sample, and that no other mailbox has one."""
    roster = acme.all_time.answer
    mailbox_ids = roster.ids if roster else ()
    domains = dict(zip(mailbox_ids, map(domain_of, roster.text("email") if roster else ()), strict=True))
    shown: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for poll in acme.polls.values():
        for field in poll.feed.fields:
            if field.metric and not field.is_text:
                column = poll.answer.numbers.get(field.column) if poll.answer else None
                by_id = dict(zip(poll.answer.ids, column, strict=True)) if poll.answer and column else {}
                window = {"window": poll.feed.name} if "window" in field.metric.labels else {}
                for mailbox_id, number in by_id.items():
                    if number is not None and mailbox_id in domains:
                        own = {"domain": domains[mailbox_id], "mailbox_id": mailbox_id, **window}
                        labels = frozenset({"workspace": acme.label, **own}.items())
                        shown.setdefault(field.metric.name, {})[labels] = float(number)
    for field in BASE.fields:
        if field.metric and not field.is_text:
            assert samples.all_of(field.metric.name) == shown.get(field.metric.name, {}), field.name
    assert samples.values_of("mailbox_id", catalogue.INFO.name) == {*mailbox_ids}


@given(mailboxes, st.booleans())
def test_a_hostile_mailbox_costs_no_other_one_its_samples(hostile: Node, is_first: bool) -> None:  # noqa: FBT001
    """Save that all of an answer prove the unit of `bounceRate` together, so that it is given here."""
    sound = tree_of(mailbox(_id="sound"))

    answer = read(answer_bytes([hostile, sound] if is_first else [sound, hostile]), RATIO)

    if answer:
        assert rows(answer)["sound"] == rows(parse(answer_bytes([sound]), BASE, RATIO))["sound"]
