"""Sample lines and headers: held against the client library's parsers."""

import math
import sys
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.catalogue.kinds import Metric
from exporter.textformat.body import Piece, assemble
from exporter.textformat.lines import (
    BLOCK,
    END,
    Format,
    encode_column,
    encode_samples,
    escaped,
    header,
    label_text,
    number_text,
)
from tests.samples import Samples

GAUGE = Metric("sendkit_probe", "gauge", 'A "probe" of C:\\new\nlines.', ("workspace", "id"))
COUNTER = Metric("sendkit_probes_total", "counter", "Probes.", ("workspace", "id"), "probe.count")

hostile = st.sampled_from('\\"\n\r\t{}#, =\0\u2028\x85\U0001f525')
texts = st.text(st.characters(codec="utf-8") | hostile, max_size=8)
numbers = (
    st.floats()
    | st.integers(-(10**18), 10**18)
    | st.integers(0, 10**300)
    | st.sampled_from([0, 0.0, -0.0, 5e-324, sys.float_info.max, 2**53, 2**53 + 1, -(2**53), 0.1, 1e21, 1e-7])
)


def text_of(piece: Piece, metric: Metric, format_: Format) -> str:
    return b"".join(assemble([{metric.name: piece}], [metric], format_).ended(END[format_]).plain).decode()


def same(one: float, other: float) -> bool:
    """Whether two numbers are equal or both NaN."""
    return one == other or (math.isnan(one) and math.isnan(other))


# Samples


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", b""),
        ("plain", b"plain"),
        ('a"b', rb"a\"b"),
        ("a\\b", rb"a\\b"),
        ("a\nb", rb"a\nb"),
        ("\\n", rb"\\n"),
        ('\\"\n', rb"\\\"\n"),
        ("a\r\tb\0", b"a\r\tb\0"),
        ("\u00e9\U0001f525", "\u00e9\U0001f525".encode()),
    ],
)
def test_backslash_quote_and_line_feed_are_escaped_and_nothing_else(value: str, text: bytes) -> None:
    assert escaped(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (True, "1"),
        (False, "0"),
        (4500.0, "4500"),
        (0.25, "0.25"),
        (0.1, "0.1"),
        (-3, "-3"),
        (2**53 - 1, "9007199254740991"),
        (2**53, "9007199254740992.0"),
        (10**18, "1e+18"),
        (1e300, "1e+300"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_is_as_short_as_it_may_be(number: float, text: str) -> None:
    assert number_text(number) == text


@given(numbers)
def test_a_number_reads_back_as_itself(number: float) -> None:
    assert same(float(number_text(number)), float(number))


@pytest.mark.parametrize("format_", Format)
@given(workspace=texts, rows=st.dictionaries(texts, st.none() | numbers, max_size=6))
@example(workspace='" } 1 # {', rows={"}": 1, '"': -0.0, "\\": math.nan, "\n": math.inf, "": 5e-324, " ": 1})
def test_a_column_reads_back_sample_by_sample(
    format_: Format, workspace: str, rows: Mapping[str, float | None]
) -> None:
    lines = [b'id="%s"} ' % escaped(row) for row in rows]
    piece = Piece.of(
        encode_column(GAUGE.name, label_text({"workspace": workspace}), lines, list(rows.values()))
    )

    read = Samples(text_of(piece, GAUGE, format_)).by_name.get(GAUGE.name, {})

    expected = {row: number for row, number in rows.items() if number is not None}
    assert piece.samples == len(read) == len(expected)
    for row, number in expected.items():
        assert same(read[frozenset({("workspace", workspace), ("id", row)})], float(number))


@pytest.mark.parametrize("format_", Format)
@given(samples=st.dictionaries(st.tuples(texts, texts), st.floats(0), max_size=6))
def test_samples_with_labels_of_their_own_read_back(
    format_: Format, samples: Mapping[tuple[str, str], float]
) -> None:
    labelled = [({"workspace": workspace, "id": own}, number) for (workspace, own), number in samples.items()]
    piece = Piece.of([encode_samples(COUNTER.name, labelled)])

    read = Samples(text_of(piece, COUNTER, format_)).by_name.get(COUNTER.name, {})

    assert piece.samples == len(samples)
    assert read == {frozenset(labels.items()): number for labels, number in labelled}


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_a_column_comes_in_blocks(count: int) -> None:
    rows = [b'id="%d"} ' % row for row in range(count)]

    chunks = list(encode_column("m", b'workspace="w"', rows, list(range(count))))

    assert [chunk.count(b"\n") for chunk in chunks] == [
        min(BLOCK, count - first) for first in range(0, count, BLOCK)
    ]
    assert b"".join(chunks) == b"".join(b'm{workspace="w",id="%d"} %d\n' % (row, row) for row in range(count))


def test_a_row_without_a_number_has_no_line() -> None:
    chunks = encode_column("m", b'workspace="w"', [b'id="a"} ', b'id="b"} ', b'id="c"} '], [1, None, 0])

    assert b"".join(chunks) == b'm{workspace="w",id="a"} 1\nm{workspace="w",id="c"} 0\n'


def test_more_numbers_than_are_remembered_are_still_written() -> None:
    count = (1 << 16) + 2 * BLOCK
    chunks = encode_column("m", b"w", [b"} "] * count, [number / 2 for number in range(count)])

    assert [float(line.split()[-1]) for line in b"".join(chunks).splitlines()] == [
        number / 2 for number in range(count)
    ]


# Headers


def test_the_header_of_the_text_format_escapes_backslash_and_line_feed() -> None:
    assert header(GAUGE, Format.TEXT) == (
        rb'# HELP sendkit_probe A "probe" of C:\\new\nlines.' + b"\n# TYPE sendkit_probe gauge\n"
    )


def test_the_header_of_openmetrics_escapes_the_quote_too() -> None:
    assert header(GAUGE, Format.OPENMETRICS) == (
        rb"# HELP sendkit_probe A \"probe\" of C:\\new\nlines." + b"\n# TYPE sendkit_probe gauge\n"
    )


def test_a_counters_family_is_named_with_total_in_the_text_format_and_without_in_openmetrics() -> None:
    text = b"Probes. API field: probe.count.\n"

    assert header(COUNTER, Format.TEXT) == (
        b"# HELP sendkit_probes_total " + text + b"# TYPE sendkit_probes_total counter\n"
    )
    assert header(COUNTER, Format.OPENMETRICS) == (
        b"# HELP sendkit_probes " + text + b"# TYPE sendkit_probes counter\n"
    )
