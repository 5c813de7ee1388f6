"""Several PNGs of one size as an animated one (APNG), which every browser shows.

https://www.w3.org/TR/png-3/#apng-frame-based-animation: each frame has a control chunk; the first one's
data is the still picture that older programs show.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def animated(frames: Sequence[bytes], seconds: Sequence[float]) -> bytes:
    """Return the frames one after another, each for its time, over and over."""
    [first, *_] = parts = [list(_chunks(frame)) for frame in frames]
    header = first[0][1]
    assert all(chunks[0] == (b"IHDR", header) for chunks in parts), "frames differ in size or colours"
    width, height = struct.unpack(">II", header[:8])
    made = [_chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    number = 0
    for place, (chunks, shown) in enumerate(zip(parts, seconds, strict=True)):
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, round(shown * 1000), 1000, 0, 0)
        made.append(_chunk(b"fcTL", control))
        number += 1
        for kind, content in chunks:
            if kind == b"IDAT" and place:
                made.append(_chunk(b"fdAT", struct.pack(">I", number) + content))
                number += 1
            elif kind == b"IDAT":
                made.append(_chunk(b"IDAT", content))
    return SIGNATURE + b"".join(made) + _chunk(b"IEND", b"")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each chunk."""
    place = len(SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
