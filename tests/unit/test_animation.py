"""An animated PNG holds the frames it was made of."""

import struct
import zlib

from tests.stack.animation import SIGNATURE, animated


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(shade: int) -> bytes:
    """Return a picture of one grey pixel."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(bytes([0, shade]))) + chunk(b"IEND", b"")


def test_frames_follow_each_other_with_their_times() -> None:
    made = animated([png(10), png(20), png(30)], [1, 2.5, 3])
    found, place = [], len(SIGNATURE)
    while place < len(made):
        (length,) = struct.unpack_from(">I", made, place)
        kind, content = made[place + 4 : place + 8], made[place + 8 : place + 8 + length]
        assert made[place : place + 12 + length] == chunk(kind, content)
        found.append((kind, content))
        place += 12 + length
    kinds = [kind.decode() for kind, _ in found]
    assert kinds == ["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"]
    numbers = [struct.unpack(">I", content[:4])[0] for kind, content in found if kind in (b"fcTL", b"fdAT")]
    assert numbers == [0, 1, 2, 3, 4]
    times = [struct.unpack(">HH", content[20:24]) for kind, content in found if kind == b"fcTL"]
    assert times == [(1000, 1000), (2500, 1000), (3000, 1000)]
    shades = [zlib.decompress(content[4:])[1] for kind, content in found if kind == b"fdAT"]
    assert shades == [20, 30]
