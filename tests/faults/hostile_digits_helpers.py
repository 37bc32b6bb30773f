"""Files of digits that are not what they claim: malformed, damaged, or much from little."""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from digits_helpers import header, idx
from hostile_helpers import sound_digits
from numpy.typing import NDArray

HUGE = (1 << 32) - 1
MIB = 1 << 20

Files = Iterator[tuple[str, bytes]]


def bad_headers(array: NDArray[np.uint8]) -> Files:
    """Headers that are none, or that claim what is not there."""
    shape, data = array.shape, array.tobytes()
    for zeros in (b"PK", b"\0\1", b"\1\0", b"\xff\xfe", b"\x1f\x8c", b"\x1b["):
        yield f"begins with {zeros!r}", header(*shape, zeros=zeros) + data
    for kind in (0x00, 0x07, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x1B, 0x88, 0xFF):
        yield f"type 0x{kind:02x}", header(*shape, kind=kind) + data
    for count in {1, 2, 3, 4, 5, 127, 128, 255} - {len(shape)}:
        yield f"{count} dimensions", header(*shape, dimensions=count) + data
    yield "no dimensions", b"\0\0\x08\0" + data
    for place in range(len(shape)):
        for size in (0, 1 << 16, (1 << 31) - 1, 1 << 31, HUGE - 1, HUGE):
            sizes = [*shape]
            sizes[place] = size
            yield f"{size:,} in dimension {place}", header(*sizes) + data
    yield "every dimension huge", header(*[HUGE] * len(shape)) + data
    yield "little-endian", b"\0\0\x08" + struct.pack(f"<B{len(shape)}I", len(shape), *shape) + data


def bad_lengths(array: NDArray[np.uint8]) -> Files:
    """More or less than the header says; and headers that are right for another array."""
    whole = idx(array)
    head = len(whole) - array.size
    for length in (0, 1, 2, 3, 4, head - 1, head, head + 1, len(whole) // 2, len(whole) - 1):
        yield f"the first {length:,} bytes", whole[:length]
    yield "a byte more", whole + b"\0"
    yield "twice", whole + whole
    yield "one case fewer", idx(array[:-1])
    yield "one case more", idx(np.concatenate([array, array[:1]]))
    yield "no case", idx(array[:0])


def bad_contents(array: NDArray[np.uint8]) -> Files:
    """Labels past 9, pictures of another size."""
    if array.ndim == 1:
        for label in (10, 11, 27, 127, 128, 255):
            for place in (0, -1):
                changed = array.copy()
                changed[place] = label
                yield f"label {label} at {place}", idx(changed)
        yield "pictures", idx(np.zeros((len(array), 28, 28), np.uint8))
    else:
        for size in ((1, 1), (2, 2), (27, 28), (28, 29), (14, 56), (784, 1), (1, 784), (256, 256)):
            yield f"pictures of {size}", idx(np.zeros((len(array), *size), np.uint8))
        yield "labels", idx(array[:, 0, 0])


def bad_gzip(array: NDArray[np.uint8]) -> Files:
    """Damaged and truncated gzip, several members, and other ways to pack."""
    whole = idx(array)
    packed = gzip.compress(whole, mtime=0)
    for length in (2, 3, 9, 10, 12, len(packed) // 2, *(len(packed) - n for n in (9, 8, 5, 4, 1))):
        yield f"gzip, the first {length} bytes", packed[:length]
    for name, place in {"method": 2, "sum": -8, "length": -1}.items():
        changed = bytearray(packed)
        changed[place] ^= 4
        yield f"gzip, {name} changed", bytes(changed)
    for flags in (4, 8, 16, 31, 0xE0):
        yield f"gzip, flags {flags:#x}", packed[:3] + bytes([flags]) + packed[4:]
    stored = bytearray(gzip.compress(whole, 0, mtime=0))
    stored[len(stored) // 2] ^= 1
    yield "gzip, a bit of the data", bytes(stored)
    yield "gzip, not deflate", packed[:10] + b"\xff" * 40
    yield "gzip of nothing", gzip.compress(b"")
    yield "gzip, two members", packed + packed
    yield "gzip, a member of nothing after", packed + gzip.compress(b"")
    yield "gzip, a member of nothing before", gzip.compress(b"") + packed
    yield "gzip, divided", gzip.compress(whole[:40]) + gzip.compress(whole[40:])
    yield "gzip, zeros after", packed + bytes(512)
    yield "gzip, junk after", packed + b"\x1b[2Jjunk"
    yield "gzip in gzip", gzip.compress(packed)
    yield "gzip of a byte more", gzip.compress(whole + b"\0")
    yield "gzip of a byte less", gzip.compress(whole[:-1])
    yield "zlib", zlib.compress(whole)
    yield "bzip2", bz2.compress(whole)
    yield "xz", lzma.compress(whole)
    yield "a zip archive", b"PK\x03\x04" + bytes(26) + whole
    yield "a page that says no", b"<!DOCTYPE html><title>404 Not Found</title>\x1b[2J\n"
    yield "steers the terminal", b"\x1b]0;owned\x07\x1b[2J\x9b31m\n" * 9
    yield "a pickle", b"cos\nsystem\n(S'touch ran'\ntR."


def bombs(dimensions: int) -> Files:
    """Packed to a thousandth: true, false and huge headers."""
    ones = [1] * (dimensions - 1)
    for cases, true in ((1000, False), (60 * MIB, True), (60 * MIB, False), (500 * MIB, True)):
        size = cases if true else 200 * MIB
        yield (
            f"bomb of {size // MIB} MiB that claims {cases:,}",
            gzipped_zeros(header(cases, *ones), size),
        )
    for sizes in ([HUGE] * dimensions, [1 << 31, *ones], [64 * MIB + 1, *ones]):
        yield f"bomb that claims {sizes}", gzipped_zeros(header(*sizes), 200 * MIB)


def gzipped_zeros(head: bytes, zeros: int) -> bytes:
    """A gzip stream of `head` and then so many zeros, whole MiB of them copied when packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)]
    mebibyte = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    parts += [mebibyte] * (zeros // MIB)
    parts.append(packer.compress(bytes(zeros % MIB)) + packer.flush())
    crc = zlib.crc32(head)
    for size in [MIB] * (zeros // MIB) + [zeros % MIB]:
        crc = zlib.crc32(bytes(size), crc)
    end = struct.pack("<II", crc, (len(head) + zeros) & HUGE)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"".join(parts) + end


def hostile_digits(stem: str) -> dict[str, bytes]:
    """Every bad file to put in the place of the one called `stem`."""
    array = sound_digits()[stem]
    kinds = (bad_headers, bad_lengths, bad_contents)
    plain = {name: data for kind in kinds for name, data in kind(array)}
    packed = {f"gzip, {name}": gzip.compress(data, 1) for name, data in plain.items()}
    return plain | packed | dict(bad_gzip(array)) | dict(bombs(array.ndim))
