"""The bodies that scrapes get, put together from pieces and compressed once.

A family must be in one group, so every workspace's part of it is a piece of its own, rendered and
compressed when it changes; a body is pieces put together by family. Pieces are compressed apart, each up to
a byte's edge, so that any row of them is one gzip stream. The plain text is twenty times as large, and
hardly anybody asks for it: it is made of the compressed one where it is wanted. Bodies stay lists of chunks:
joining a large one costs more than rendering it.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec
from isal import isal_zlib

from exporter.catalogue.kinds import Metric
from exporter.textformat.lines import Format, header

_GZIP_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_DEFLATE_END = b"\x03\x00"  # one last, empty block
_SMALL = 4096
_RUN_BYTES = 64 * 1024
_CHUNK_COST = 64
"""About how many bytes a chunk takes beside its own."""


def coalesced(chunks: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Yield the chunks, small ones joined to runs of at least so many bytes."""
    run: list[bytes] = []
    size = 0
    for chunk in chunks:
        run.append(chunk)
        size += len(chunk)
        if size >= least:
            yield run[0] if len(run) == 1 else b"".join(run)
            run, size = [], 0
    if run:
        yield b"".join(run)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Some lines of one family: plain while they are few, else compressed alone, a tenth of their size.

    A fleet has hundreds of thousands of them, and none can be part of a cycle: the garbage collector, which
    holds every thread, need not look at them.
    """

    few: bytes
    size: int
    samples: int
    deflated: tuple[bytes, ...] = ()
    checksum: int = 0

    @classmethod
    def of(cls, chunks: Iterable[bytes], samples: int | None = None) -> "Piece":
        """Compress the chunks, if they are large, as they come.

        `samples` says how many lines they hold, where that is known: to count them takes longer than to
        compress them.
        """
        size = lines = 0

        def measured() -> Iterator[bytes]:
            nonlocal size, lines
            for chunk in chunks:
                size += len(chunk)
                if samples is None:
                    lines += chunk.count(b"\n")
                yield chunk

        few: list[bytes] = []
        rest = measured()
        for chunk in rest:
            few.append(chunk)
            if size >= _SMALL:
                deflated, checksum = _deflate(chain(few, rest))
                return cls(b"", size, lines if samples is None else samples, (deflated,), checksum)
        return cls(b"".join(few), size, lines if samples is None else samples)

    @classmethod
    def joined(cls, pieces: Sequence["Piece"]) -> "Piece":
        """Return pieces of one family as one; small ones are compressed together."""
        if len(pieces) == 1:
            return pieces[0]
        body = Body()
        for piece in pieces:
            body.add(piece)
        body.compress()
        deflated = tuple(coalesced(body.deflated, _RUN_BYTES))
        return cls(b"", body.size, sum(piece.samples for piece in pieces), deflated, body.checksum)

    @property
    def chunks(self) -> Iterator[bytes]:
        """Return the plain text in chunks."""
        return _inflated(self.deflated) if self.deflated else iter((self.few,))


def _deflate(chunks: Iterable[bytes]) -> tuple[bytes, int]:
    """Return the chunks as deflate blocks that end on a byte's edge, and their CRC-32."""
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    checksum = 0
    deflated = []
    for chunk in coalesced(chunks, _RUN_BYTES):
        deflated.append(compressor.compress(chunk))
        checksum = isal_zlib.crc32(chunk, checksum)
    deflated.append(compressor.flush(isal_zlib.Z_FULL_FLUSH))
    return b"".join(deflated), checksum


def _inflated(deflated: Iterable[bytes]) -> Iterator[bytes]:
    """Yield in chunks what was compressed."""
    inflater = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
    for rest in deflated:
        chunk = inflater.decompress(rest, _RUN_BYTES)
        while chunk:
            yield chunk
            chunk = inflater.decompress(inflater.unconsumed_tail, _RUN_BYTES)


@dataclass(slots=True)
class Body:
    """The answer to a scrape, as one gzip stream; `size` is that of the plain text."""

    deflated: list[bytes] = field(default_factory=list)
    size: int = 0
    checksum: int = 0
    _pending: list[bytes] = field(default_factory=list)

    @property
    def plain(self) -> Iterator[bytes]:
        """Yield the plain text in chunks."""
        return chain(_inflated(self.deflated), self._pending)

    @property
    def weight(self) -> int:
        """Return about how many bytes it takes beside its pieces."""
        deflated, pending = sum(map(len, self.deflated)), sum(map(len, self._pending))
        return deflated + pending + _CHUNK_COST * (len(self.deflated) + len(self._pending))

    def add(self, piece: Piece) -> None:
        """Append a piece; small ones wait to be compressed together."""
        self.size += piece.size
        if piece.deflated:
            self.compress()
            self._append(piece.deflated, piece.checksum, piece.size)
        else:
            self._pending.append(piece.few)

    def add_bytes(self, text: bytes) -> None:
        """Append a few lines."""
        self.size += len(text)
        self._pending.append(text)

    def compress(self) -> None:
        """Compress what waits, once for all ends."""
        if self._pending:
            deflated, checksum = _deflate(self._pending)
            self._append((deflated,), checksum, sum(map(len, self._pending)))
            self._pending.clear()

    def _append(self, deflated: Iterable[bytes], checksum: int, size: int) -> None:
        self.deflated.extend(deflated)
        self.checksum = isal_zlib.crc32_combine(self.checksum, checksum, size)

    def ended(self, tail: bytes) -> "Body":
        """Return a copy with `tail` behind it; this one stays open for other tails."""
        body = Body([*self.deflated], self.size, self.checksum, [*self._pending])
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
