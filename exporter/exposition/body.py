"""Columns to bytes: the text of samples, and the bodies that scrapes get, in both formats.

Sample lines are the same bytes in the text format 0.0.4 and in OpenMetrics 1.0.0; only HELP, TYPE and the end
differ. A family must stand in one group, so every workspace's part of it is a piece of its own, rendered and
compressed when it changes; a body is pieces put together by family. Pieces are compressed apart, each up to
a byte's edge, so that any row of them is one gzip stream. Bodies stay lists of chunks: joining a large one
costs more than rendering it.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import compress

from isal import isal_zlib

from exporter.metrics import Metric
from exporter.model import BLOCK, Column


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


END = {Format.TEXT: b"", Format.OPENMETRICS: b"# EOF\n"}


def escaped(value: str) -> bytes:
    r"""Return a label's value as it stands between quotes: `\`, `"` and the line feed escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").encode()


def label_text(labels: Mapping[str, str]) -> bytes:
    """Return the labels as they stand between braces."""
    return b",".join(b'%s="%s"' % (name.encode(), escaped(value)) for name, value in labels.items())


class _NumberLines(dict[float, bytes]):
    """A bounded memo from a number to the end of its sample line; the sign of zero is not kept."""

    def __missing__(self, number: float) -> bytes:
        if len(self) >= 1 << 16:
            self.clear()
        line = self[number] = number_text(number).encode() + b"\n"
        return line


_number_lines = _NumberLines()


def number_text(number: float) -> str:
    """Return the shortest text that reads back as the number."""
    if number != number:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    if number == int(number) and abs(number) < 1 << 53:
        return str(int(number))
    return repr(float(number))


def encode_column(name: str, labels: bytes, rows: Sequence[bytes], column: Column) -> Iterator[bytes]:
    """Yield the sample lines of a column, `BLOCK` rows a chunk; a row without a number has none.

    `labels` stand in every line; `rows` holds each line's own labels and what follows up to the number.
    """
    if None in column:
        keep = [number is not None for number in column]
        rows, column = list(compress(rows, keep)), list(compress(column, keep))
    start = name.encode() + b"{" + labels + b","
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        slots = [start] * (3 * len(block))
        slots[1::3] = block
        slots[2::3] = map(_number_lines.__getitem__, column[first : first + BLOCK])  # type: ignore[arg-type]
        yield b"".join(slots)


def encode_samples(name: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> bytes:
    """Return the lines of a few samples, each with labels of its own."""
    return b"".join(
        b"%s%s %s" % (name.encode(), b"{%s}" % label_text(labels) if labels else b"", _number_lines[number])
        for labels, number in samples
    )


def header(metric: Metric, format_: Format) -> bytes:
    """Return the family's HELP and TYPE lines."""
    name, text = metric.name, metric.help_text.replace("\\", r"\\").replace("\n", r"\n")
    if format_ is Format.OPENMETRICS:
        name, text = name.removesuffix("_total"), text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {metric.type}\n".encode()


_GZIP_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_DEFLATE_END = b"\x03\x00"  # one last, empty block
_SMALL = 4096


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of one family as plain chunks, and compressed if they are worth a run of their own."""

    chunks: tuple[bytes, ...]
    size: int
    samples: int
    deflated: bytes = b""
    checksum: int = 0

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> "Piece":
        """Compress the chunks, if they are large."""
        chunks = tuple(chunks)
        size = sum(map(len, chunks))
        samples = sum(chunk.count(b"\n") for chunk in chunks)
        if size < _SMALL:
            return cls((b"".join(chunks),), size, samples)
        return cls(chunks, size, samples, *_deflate(chunks))


def _deflate(chunks: Iterable[bytes]) -> tuple[bytes, int]:
    """Return the chunks as deflate blocks that end on a byte's edge, and their CRC-32."""
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    checksum = 0
    deflated = []
    for chunk in chunks:
        deflated.append(compressor.compress(chunk))
        checksum = isal_zlib.crc32(chunk, checksum)
    deflated.append(compressor.flush(isal_zlib.Z_FULL_FLUSH))
    return b"".join(deflated), checksum


@dataclass(slots=True)
class Body:
    """The answer to a scrape, plain and as one gzip stream, each a list of chunks."""

    plain: list[bytes] = field(default_factory=list)
    deflated: list[bytes] = field(default_factory=list)
    size: int = 0
    checksum: int = 0
    _pending: list[bytes] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Append a piece; small ones wait to be compressed together."""
        self.plain.extend(piece.chunks)
        if piece.deflated:
            self.compress()
            self._append(piece.deflated, piece.checksum, piece.size)
        else:
            self._pending.extend(piece.chunks)

    def add_bytes(self, text: bytes) -> None:
        """Append a few lines."""
        self.plain.append(text)
        self._pending.append(text)

    def compress(self) -> None:
        """Compress what waits, once for all ends."""
        if self._pending:
            deflated, checksum = _deflate(self._pending)
            self._append(deflated, checksum, sum(map(len, self._pending)))
            self._pending.clear()

    def _append(self, deflated: bytes, checksum: int, size: int) -> None:
        self.deflated.append(deflated)
        self.checksum = isal_zlib.crc32_combine(self.checksum, checksum, size)
        self.size += size

    def ended(self, tail: bytes) -> "Body":
        """Return a copy with `tail` behind it; this one stays open for other tails."""
        body = Body([*self.plain], [*self.deflated], self.size, self.checksum, [*self._pending])
        body.add_bytes(tail)
        return body

    def gzip(self) -> list[bytes]:
        """Return the chunks of the body as one gzip stream."""
        self.compress()
        trailer = struct.pack("<II", self.checksum, self.size & 0xFFFFFFFF)
        return [_GZIP_START, *self.deflated, _DEFLATE_END, trailer]


def assemble(parts: Sequence[Mapping[str, Piece]], catalogue: Iterable[Metric], format_: Format) -> Body:
    """Put parts, pieces by the name of their family, together in the catalogue's order, without the end."""
    body = Body()
    for metric in catalogue:
        pieces = [part[metric.name] for part in parts if metric.name in part]
        if any(piece.size for piece in pieces):
            body.add_bytes(header(metric, format_))
            for piece in pieces:
                body.add(piece)
    body.compress()
    return body
