"""Encodes documents as pickles of eighteen opcodes, decodes them, and detects damage."""

import struct
from collections.abc import Callable
from hashlib import sha256
from typing import Any, ClassVar

from digitnet.registry.files import DamagedSave, NewerFormat

MAGIC = b"DIGITNET"

VERSION = 2
"""The format version written. All versions from 1 on are read."""

_FIELDS = struct.Struct(">8sHQ")

_SUM_BYTES = 32

FOOTER_BYTES = _FIELDS.size + _SUM_BYTES


def seal(payload: bytes) -> bytes:
    """Returns the payload with its footer."""
    fields = _FIELDS.pack(MAGIC, VERSION, len(payload))
    return payload + fields + _sum(payload, fields)


def unseal(data: bytes) -> bytes:
    """Returns the payload of sealed data. Raises DamagedSave, naming what is wrong."""
    payload = data[:-FOOTER_BYTES]
    footer = data[-FOOTER_BYTES:]
    if len(footer) < FOOTER_BYTES or not footer.startswith(MAGIC):
        raise DamagedSave("it is cut short or has something after its end (no footer)")
    fields, found_sum = footer[: _FIELDS.size], footer[_FIELDS.size :]
    _, version, length = _FIELDS.unpack(fields)
    if length != len(payload):
        raise DamagedSave(f"it should have {length:,} bytes and has {len(payload):,}")
    if found_sum != _sum(payload, fields):
        raise DamagedSave("its content changed after it was written (SHA-256 differs)")
    if not 1 <= version <= VERSION:
        raise NewerFormat(
            f"it has format {version}, and this digitnet reads formats 1 to {VERSION}: "
            "a newer digitnet can open it"
        )
    return payload


def _sum(payload: bytes, fields: bytes) -> bytes:
    """SHA-256 of `payload` followed by `fields`."""
    digest = sha256(payload)
    digest.update(fields)
    return digest.digest()


Document = dict[str, Any]

MAX_DEPTH = 16

MAX_VALUES = 250_000

MAX_ITEMS = 100_000

MAX_STRING = 65_536

PROTO, STOP = b"\x80\x03", b"."

NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"

BININT, BININT1, BININT2, LONG1, BINFLOAT = b"J", b"K", b"M", b"\x8a", b"G"

BINUNICODE, SHORT_BINBYTES, BINBYTES = b"X", b"C", b"B"

EMPTY_LIST, EMPTY_DICT, MARK, APPENDS, SETITEMS = b"]", b"}", b"(", b"e", b"u"


def encode(document: Document, max_values: int = 0) -> bytes:
    """Returns the document as a pickle that `decode` reads.

    Raises TypeError or ValueError for a value that a document cannot hold.
    """
    parts = [PROTO]
    _write(document, parts, MAX_DEPTH)
    parts.append(STOP)
    data = b"".join(parts)
    try:
        decode(data, max_values)
    except DamagedSave as error:
        raise ValueError(f"no document can be like this: {error}") from None
    return data


def _write(value: Any, parts: list[bytes], depth: int) -> None:
    """Appends the opcodes of one value to `parts`."""
    if depth == 0:
        raise ValueError(f"a document is at most {MAX_DEPTH} levels deep")
    match value:
        case None:
            parts.append(NONE)
        case bool():
            parts.append(TRUE if value else FALSE)
        case int():
            parts.append(_whole(value))
        case float():
            parts.append(BINFLOAT + struct.pack(">d", value))
        case str():
            text = value.encode()
            parts.append(BINUNICODE + struct.pack("<I", len(text)) + text)
        case bytes():
            short = len(value) < 256
            head = SHORT_BINBYTES + bytes([len(value)]) if short else b""
            parts += [head or BINBYTES + struct.pack("<I", len(value)), value]
        case list():
            parts += [EMPTY_LIST, MARK] if value else [EMPTY_LIST]
            for item in value:
                _write(item, parts, depth - 1)
            parts += [APPENDS] if value else []
        case dict():
            parts += [EMPTY_DICT, MARK] if value else [EMPTY_DICT]
            for key, item in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"keys are strings, not {type(key).__name__}")
                _write(key, parts, depth - 1)
                _write(item, parts, depth - 1)
            parts += [SETITEMS] if value else []
        case _:
            raise TypeError(f"a document cannot hold a {type(value).__name__}")


def _whole(value: int) -> bytes:
    """Encodes an integer in its shortest form."""
    if 0 <= value < 1 << 8:
        return BININT1 + bytes([value])
    if 0 <= value < 1 << 16:
        return BININT2 + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return BININT + struct.pack("<i", value)
    if -(1 << 63) <= value < 1 << 63:
        return LONG1 + b"\x08" + struct.pack("<q", value)
    raise ValueError("a whole number in a document has at most 64 bits")


def decode(data: bytes, max_values: int = 0) -> Document:
    """Returns the document in a pickle that `encode` has written.

    max_values: the maximum number of values in it; 0 stands for MAX_VALUES. Raises DamagedSave for
    anything else.
    """
    document = _Reader(data, max_values).document()
    if not isinstance(document, dict):
        raise DamagedSave("its outermost value is not a dict")
    return document


class _Reader:
    """Reads values from bytes in memory, and checks each length first."""

    def __init__(self, data: bytes, max_values: int) -> None:
        self.data, self.at = data, 0
        self.values, self.max_values = 0, max_values or MAX_VALUES

    def document(self) -> Any:
        if self.take(2) != PROTO:
            raise DamagedSave("it does not begin as a pickle of protocol 3")
        value = self.value(MAX_DEPTH)
        if self.take(1) != STOP or self.at != len(self.data):
            raise DamagedSave("its pickle does not end where the file does")
        return value

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > len(self.data) - self.at:
            raise DamagedSave("it announces more bytes than it has")
        self.at += count
        return self.data[self.at - count : self.at]

    def unpack(self, form: str) -> Any:
        """The next number, in the `struct` format `form`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def long(self) -> int:
        if self.take(1) != b"\x08":
            raise DamagedSave("it has a whole number that is not of 64 bits")
        return int(self.unpack("<q"))

    def text(self) -> str:
        length = self.unpack("<I")
        if length > MAX_STRING:
            raise DamagedSave(f"it has a string longer than {MAX_STRING:,} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise DamagedSave("it has a string that is not UTF-8") from None

    def value(self, depth: int) -> Any:
        """The next value, nested at most `depth` levels deep."""
        self.values += 1
        if self.values > self.max_values:
            raise DamagedSave(f"it has more than {self.max_values:,} values")
        if depth == 0:
            raise DamagedSave(f"it is more than {MAX_DEPTH} levels deep")
        opcode = self.take(1)
        if opcode == EMPTY_LIST:
            return self.items(depth - 1)
        if opcode == EMPTY_DICT:
            return self.pairs(depth - 1)
        if opcode not in self.ATOMS:
            raise DamagedSave(f"it has the opcode 0x{opcode.hex()}, which no save uses")
        return self.ATOMS[opcode](self)

    def next_is(self, opcode: bytes) -> bool:
        """Whether the next byte is `opcode`; if so, skips it."""
        found = self.data[self.at : self.at + 1] == opcode
        self.at += found
        return found

    def items(self, depth: int) -> list[Any]:
        result: list[Any] = []
        if self.next_is(MARK):
            while not self.next_is(APPENDS):
                self.has_room(result)
                result.append(self.value(depth))
        return result

    def pairs(self, depth: int) -> Document:
        result: Document = {}
        if self.next_is(MARK):
            while not self.next_is(SETITEMS):
                self.has_room(result)
                key = self.value(depth)
                if not isinstance(key, str):
                    raise DamagedSave("it has a key that is not a string")
                if key in result:
                    raise DamagedSave("it has the same key twice")
                result[key] = self.value(depth)
        return result

    def has_room(self, container: list[Any] | Document) -> None:
        if len(container) >= MAX_ITEMS:
            raise DamagedSave(f"it has a list of more than {MAX_ITEMS:,} items")

    ATOMS: ClassVar[dict[bytes, Callable[["_Reader"], Any]]] = {
        NONE: lambda reader: None,
        TRUE: lambda reader: True,
        FALSE: lambda reader: False,
        BININT1: lambda reader: reader.unpack("<B"),
        BININT2: lambda reader: reader.unpack("<H"),
        BININT: lambda reader: reader.unpack("<i"),
        LONG1: long,
        BINFLOAT: lambda reader: reader.unpack(">d"),
        BINUNICODE: text,
        SHORT_BINBYTES: lambda reader: reader.take(reader.unpack("<B")),
        BINBYTES: lambda reader: reader.take(reader.unpack("<I")),
    }
    """Readers of scalar values. A class attribute: bound methods would form a reference cycle that
    keeps the data alive."""
