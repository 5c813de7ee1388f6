"""The bodies that scrapes get, put together from pieces and compressed once.

A family must stand in one group, so every workspace's part of it is a piece of its own, rendered and
compressed when it changes; a body is pieces put together by family. Pieces are compressed apart, each up to
a byte's edge, so that any row of them is one gzip stream. Bodies stay lists of chunks: joining a large one
costs more than rendering it.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from isal import isal_zlib

from exporter.catalogue.kinds import Metric
from exporter.textformat.lines import Format, header

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
