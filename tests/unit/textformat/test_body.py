"""Bodies: families in one group each, and what every reader of gzip reads of them."""

import gzip
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from exporter.catalogue.kinds import Metric
from exporter.textformat import body as exposition
from exporter.textformat.body import Body, Piece, assemble
from exporter.textformat.lines import END, Format, encode_samples, header

GAUGE = Metric("sendkit_probe", "gauge", "A probe.", ("workspace", "id"))
COUNTER = Metric("sendkit_probes_total", "counter", "Probes.", ("workspace", "id"))


def plain(body: Body) -> bytes:
    return b"".join(body.plain)


# Families


def part(workspace: str, *metrics: Metric) -> dict[str, Piece]:
    """Return a part with one sample of each of the metrics."""
    labels = {"workspace": workspace, "id": "a"}
    return {metric.name: Piece.of([encode_samples(metric.name, [(labels, 1)])]) for metric in metrics}


@pytest.mark.parametrize("format_", Format)
def test_every_family_is_one_group_in_the_order_of_the_catalogue(format_: Format) -> None:
    parts = [part("x", COUNTER, GAUGE), part("y", GAUGE), part("z", GAUGE, COUNTER)]

    text = plain(assemble(parts, [GAUGE, COUNTER], format_).ended(END[format_]))

    gauges = [f'sendkit_probe{{workspace="{name}",id="a"}} 1\n' for name in "xyz"]
    counters = [f'sendkit_probes_total{{workspace="{name}",id="a"}} 1\n' for name in "xz"]
    assert text == b"".join(
        [
            header(GAUGE, format_),
            "".join(gauges).encode(),
            header(COUNTER, format_),
            "".join(counters).encode(),
            END[format_],
        ]
    )


@pytest.mark.parametrize("format_", Format)
def test_a_family_without_a_sample_has_no_header(format_: Format) -> None:
    assert plain(assemble([{GAUGE.name: Piece.of([])}], [GAUGE, COUNTER], format_)) == b""


def test_openmetrics_ends_with_eof_and_the_text_format_with_nothing() -> None:
    assert END == {Format.TEXT: b"", Format.OPENMETRICS: b"# EOF\n"}


# Compression


def decompressed(stream: bytes) -> bytes:
    """Return what a gzip stream holds; it is one member, and every reader reads the same of it."""
    reader = zlib.decompressobj(31)
    text = reader.decompress(stream)
    assert reader.eof
    assert reader.unused_data == b""
    assert gzip.decompress(stream) == text
    assert igzip.decompress(stream) == text  # type: ignore[no-untyped-call]
    return text


small = st.binary(max_size=40)
large = st.tuples(st.binary(min_size=1, max_size=64), st.integers(64, 9000)).map(
    lambda drawn: (drawn[0] * drawn[1])[: 4000 + drawn[1]]
)
pieces = st.lists(st.lists(small | large, max_size=4).map(Piece.of) | small, max_size=8)


@given(pieces, small)
def test_any_row_of_pieces_is_one_gzip_stream_of_their_plain_bytes(
    row: list[Piece | bytes], tail: bytes
) -> None:
    body, expected = Body(), b""
    for one in row:
        if isinstance(one, Piece):
            body.add(one)
            expected += b"".join(one.chunks)
        else:
            body.add_bytes(one)
            expected += one

    ended = body.ended(tail)

    assert plain(ended) == expected + tail
    assert decompressed(b"".join(ended.gzip())) == expected + tail
    assert decompressed(b"".join(ended.gzip())) == expected + tail


@given(pieces, small, small)
def test_an_end_changes_nothing_of_the_body_before_it(
    row: list[Piece | bytes], tail: bytes, other: bytes
) -> None:
    body = Body()
    for one in row:
        body.add(one) if isinstance(one, Piece) else body.add_bytes(one)
    before = plain(body)

    first, second = body.ended(tail), body.ended(other)
    first.gzip()

    assert plain(body) == before
    assert decompressed(b"".join(second.gzip())) == before + other
    assert decompressed(b"".join(body.gzip())) == before
    assert decompressed(b"".join(first.gzip())) == before + tail


def test_a_large_piece_is_compressed_when_it_is_made_and_a_small_one_is_not() -> None:
    line = b'm{workspace="w"} 1\n'

    assert Piece.of([line] * 1000).deflated
    assert not Piece.of([line]).deflated


def test_the_text_of_a_large_piece_is_held_compressed_alone_and_read_in_small_chunks() -> None:
    lines = [b'm{workspace="w",mailbox_id="%d"} %d\n' % (number, number % 7) for number in range(50_000)]

    piece = Piece.of(lines)

    assert len(piece.few) + sum(map(len, piece.deflated)) < piece.size / 5
    assert b"".join(piece.chunks) == b"".join(lines)
    assert max(map(len, piece.chunks)) <= 64 * 1024


def test_a_piece_knows_its_size_and_its_samples() -> None:
    lines = [b"m 1\nm 2\n", b"m 3\n"]

    assert (Piece.of(lines).size, Piece.of(lines).samples) == (12, 3)
    assert (Piece.of(lines * 1000).size, Piece.of(lines * 1000).samples) == (12_000, 3000)


def test_what_was_assembled_is_not_compressed_again_for_another_end(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [part(f"w{number}", GAUGE, COUNTER) for number in range(50)]
    body = assemble(parts, [GAUGE, COUNTER], Format.TEXT)
    assert all(not piece.deflated for one in parts for piece in one.values())
    compressed: list[bytes] = []

    def deflate(chunks: Iterable[bytes]) -> tuple[bytes, int]:
        compressed.extend(chunks)
        return original(compressed)

    original = exposition._deflate  # noqa: SLF001 - what is compressed shows nowhere else
    monkeypatch.setattr(exposition, "_deflate", deflate)
    body.ended(b"tail 1\n").gzip()

    assert compressed == [b"tail 1\n"]
