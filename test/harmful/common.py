"""What every kind of harmful file is made with. A case is a function that returns a file's content;
@case says its name and what must become of it:

    refused   not ingested, and a sentence names it
    read      ingested like any other: what it holds is data
    any       either, as long as nothing is harmed
"""
import zlib

CASES = []


def case(name, expect='any', quick=False, why=''):
    """`quick`: small enough for script/test. `why`: a word of the sentence that refuses it."""
    def add(make):
        CASES.append({'name': name, 'expect': expect, 'quick': quick, 'why': why, 'make': make})
        return make
    return add


def repeated_deflate(piece, times, before=b'', after=b'', check=True):
    """Raw deflate data of before + piece * times + after, without making that: (data, crc, length)."""
    def packed(part):
        c = zlib.compressobj(9, zlib.DEFLATED, -15)
        return c.compress(part) + c.flush(zlib.Z_FULL_FLUSH)

    crc = zlib.crc32(before)
    for _ in range(times if check else 0):
        crc = zlib.crc32(piece, crc)
    data = packed(before) + packed(piece) * times + packed(after) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return data, zlib.crc32(after, crc), len(before) + len(piece) * times + len(after)


class Random:
    """The same numbers on every machine and version."""

    def __init__(self, seed):
        self.state = seed

    def octets(self, n):
        out = bytearray()
        while len(out) < n:
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            out += (self.state >> 16).to_bytes(6, 'big')
        return bytes(out[:n])
