"""Documents as bytes and back: sealed, pickled with eighteen opcodes, and read field by field.

Nothing in a file is trusted: all errors are DamagedSave, with a reason that a person can act on.
"""

import dataclasses
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import count
from math import isfinite, prod
from typing import Any, ClassVar

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.registry.files import DamagedSave, NewerFormat

Document = dict[str, Any]

Reader = Callable[["Fields", str], Any]
"""Removes a field from others, checks it and returns its value."""

# the seal: a footer that detects damage

MAGIC, VERSION = b"DIGITNET", 2  # the version that is written; all from 1 on are read
_FIELDS = struct.Struct(">8sHQ")
FOOTER_BYTES = _FIELDS.size + sha256().digest_size


def seal(payload: bytes) -> bytes:
    fields = _FIELDS.pack(MAGIC, VERSION, len(payload))
    return payload + fields + _sum(payload, fields)


def unseal(data: bytes) -> bytes:
    """The payload of sealed data. Raises DamagedSave, naming what is wrong."""
    payload, footer = data[:-FOOTER_BYTES], data[-FOOTER_BYTES:]
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
    digest = sha256(payload)
    digest.update(fields)
    return digest.digest()


# the pickle

MAX_DEPTH, MAX_VALUES, MAX_ITEMS, MAX_STRING = 16, 250_000, 100_000, 65_536
PROTO, STOP, MARK = b"\x80\x03", b".", b"("
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
BININT, BININT1, BININT2, LONG1, BINFLOAT = b"J", b"K", b"M", b"\x8a", b"G"
BINUNICODE, SHORT_BINBYTES, BINBYTES = b"X", b"C", b"B"
EMPTY_LIST, EMPTY_DICT, APPENDS, SETITEMS = b"]", b"}", b"e", b"u"
INTEGERS = {BININT1: "<B", BININT2: "<H", BININT: "<i", LONG1 + b"\x08": "<q"}


def encode(document: Document) -> bytes:
    """The document as a pickle. Raises TypeError or ValueError for a value that none can hold."""
    parts = [PROTO]
    _write(document, parts, MAX_DEPTH)
    return b"".join([*parts, STOP])


def _write(value: Any, parts: list[bytes], depth: int) -> None:
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
            parts.append(SHORT_BINBYTES if short else BINBYTES)
            parts += [struct.pack("<B" if short else "<I", len(value)), value]
        case list():
            parts.append(EMPTY_LIST)
            _write_all(value, parts, depth, APPENDS)
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("keys are strings")
            parts.append(EMPTY_DICT)
            _write_all([half for item in value.items() for half in item], parts, depth, SETITEMS)
        case _:
            raise TypeError(f"a document cannot hold a {type(value).__name__}")


def _write_all(items: list[Any], parts: list[bytes], depth: int, end: bytes) -> None:
    if items:
        parts.append(MARK)
        for item in items:
            _write(item, parts, depth - 1)
        parts.append(end)


def _whole(value: int) -> bytes:
    """An integer in its shortest form."""
    for opcode, form in INTEGERS.items():
        with suppress(struct.error):
            return opcode + struct.pack(form, value)
    raise ValueError("a whole number in a document has at most 64 bits")


def decode(data: bytes, max_values: int = 0) -> Document:
    """The document in a pickle that `encode` has written. Raises DamagedSave for anything else.

    max_values: the maximum number of values in it; 0 stands for MAX_VALUES.
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

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise DamagedSave("it announces more bytes than it has")
        self.at += size
        return self.data[self.at - size : self.at]

    def unpack(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def long(self) -> Any:
        if self.take(1) != b"\x08":
            raise DamagedSave("it has a whole number that is not of 64 bits")
        return self.unpack("<q")

    def text(self) -> str:
        length = self.unpack("<I")
        if length > MAX_STRING:
            raise DamagedSave(f"it has a string longer than {MAX_STRING:,} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise DamagedSave("it has a string that is not UTF-8") from None

    def value(self, depth: int) -> Any:
        self.values += 1
        if self.values > self.max_values:
            raise DamagedSave(f"it has more than {self.max_values:,} values")
        if depth == 0:
            raise DamagedSave(f"it is more than {MAX_DEPTH} levels deep")
        opcode = self.take(1)
        if opcode == EMPTY_LIST:
            return [self.value(depth - 1) for _ in self.items(APPENDS)]
        if opcode == EMPTY_DICT:
            return self.pairs(depth - 1)
        if opcode not in self.ATOMS:
            raise DamagedSave(f"it has the opcode 0x{opcode.hex()}, which no save uses")
        return self.ATOMS[opcode](self)

    def next_is(self, opcode: bytes) -> bool:
        """Whether the next byte is `opcode`; then skips it."""
        found = self.data[self.at : self.at + 1] == opcode
        self.at += found
        return found

    def items(self, end: bytes) -> Iterator[int]:
        if self.next_is(MARK):
            for number in count():
                if self.next_is(end):
                    return
                if number == MAX_ITEMS:
                    raise DamagedSave(f"it has a list of more than {MAX_ITEMS:,} items")
                yield number

    def pairs(self, depth: int) -> Document:
        result: Document = {}
        for _ in self.items(SETITEMS):
            key = self.value(depth)
            if not isinstance(key, str):
                raise DamagedSave("it has a key that is not a string")
            if key in result:
                raise DamagedSave("it has the same key twice")
            result[key] = self.value(depth)
        return result

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


# the fields

DTYPES = {"<f4": np.float32, "<f8": np.float64}
"""The dtypes an array may have: little-endian float32 and float64."""

MAX_INTEGER, MAX_DIMENSIONS, MAX_SIZE, MAX_TEXT = 1 << 62, 4, 1 << 31, 200
MAX_COUNT = 1 << 52  # of mini-batches or cases: exact in float64
WRONG_SHAPE = "does not have the shape it should have"
WRONG_PRECISION = "does not have the precision it should have"
_WORD = re.compile(r"[A-Za-z0-9_.-]{0,40}")


class Fields:
    """A dict of a document. Each method removes one field and checks it; `end` checks that none is
    left. All raise DamagedSave, naming the field.
    """

    def __init__(self, value: Any, where: str) -> None:
        """where: what the dict is called in messages."""
        if not isinstance(value, dict):
            raise DamagedSave(f"its {where} should be a dict")
        self._rest: Document = dict(value)
        self._where = where

    def take(self, name: str, *kinds: type) -> Any:
        """A value of one of these types, otherwise unchecked."""
        if name not in self._rest:
            raise DamagedSave(f"its {self._where} has no {name!r}")
        value = self._rest.pop(name)
        if type(value) not in kinds:
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise self.bad(name, f"should be a {expected}")
        return value

    def bad(self, name: str, why: str) -> DamagedSave:
        return DamagedSave(f"its {self._where}: {name!r} {why}")

    def check(self, is_sound: object, name: str, why: str) -> None:
        if not is_sound:
            raise self.bad(name, why)

    def has(self, name: str) -> bool:
        return name in self._rest

    def rest(self) -> Document:
        rest, self._rest = self._rest, {}
        return rest

    def end(self) -> None:
        if self._rest:
            raise DamagedSave(f"its {self._where} has fields that digitnet does not know")

    def maybe(self, name: str, read: Reader) -> Any:
        """None, or what `read` returns."""
        return self.take(name, type(None)) if self._rest.get(name, 0) is None else read(self, name)

    def text(self, name: str, choices: Any = None) -> str:
        """A short printable string, one of `choices` if given."""
        value: str = self.take(name, str)
        is_plain = len(value) <= MAX_TEXT and value.isprintable()
        self.check(is_plain, name, "is too long or holds control characters")
        self.check(choices is None or value in choices, name, "is not one that digitnet knows")
        return value

    def word(self, name: str) -> str:
        """A name that digitnet gives, such as that of a data set; or none."""
        value = self.text(name)
        self.check(_WORD.fullmatch(value), name, "is not one word")
        return value

    def whole(self, name: str, low: int = 0, high: int = MAX_COUNT) -> int:
        value: int = self.take(name, int)
        self.check(low <= value <= high, name, "is out of bounds")
        return value

    def real(self, name: str) -> float:
        value = float(self.take(name, int, float))
        self.check(isfinite(value), name, "is not a finite number")
        return value

    def fraction(self, name: str) -> float:
        value = self.real(name)
        self.check(0 <= value <= 1, name, "is not between 0 and 1")
        return value

    def boolean(self, name: str) -> bool:
        return bool(self.take(name, bool))

    def inner(self, name: str) -> "Fields":
        return Fields(self.take(name, dict), f"{self._where}.{name}")

    def items(self, name: str, maximum: int = MAX_ITEMS) -> Iterator[tuple["Fields", str]]:
        """The items of a list, each to be read as the field of that name."""
        values: list[Any] = self.take(name, list)
        self.check(len(values) <= maximum, name, f"holds more than {maximum:,}")
        named = ((f"{name}[{number}]", value) for number, value in enumerate(values))
        return ((Fields({item: value}, self._where), item) for item, value in named)

    def inners(self, name: str, maximum: int = MAX_ITEMS) -> Iterator["Fields"]:
        return (fields.inner(item) for fields, item in self.items(name, maximum))

    def record(self, of: type, **readers: Reader) -> dict[str, Any]:
        """The fields of a dataclass, and no others, each read according to its type or by a reader
        of its own.
        """
        by_type: dict[Any, Reader]
        by_type = {int: Fields.whole, float: Fields.real, str: Fields.text, bool: Fields.boolean}
        values = {
            field.name: (readers.get(field.name) or by_type[field.type])(self, field.name)
            for field in dataclasses.fields(of)
        }
        self.end()
        return values

    def array(self, name: str) -> Array:
        """The array of finite numbers in a dict of dtype, shape and data, whose memory it shares,
        so that it cannot be written to.
        """
        fields = self.inner(name)
        kind = np.dtype(fields.text("dtype", DTYPES))
        sizes, data = fields.take("shape", list), fields.take("data", bytes)
        fields.end()
        are_sizes = all(type(n) is int and 0 <= n < MAX_SIZE for n in sizes)
        self.check(are_sizes, name, "has an impossible shape")
        self.check(0 < len(sizes) <= MAX_DIMENSIONS, name, WRONG_SHAPE)
        expected = prod(sizes) * kind.itemsize
        self.check(len(data) == expected, name, "has not as many bytes as its shape asks for")
        result = np.frombuffer(data, kind).reshape(sizes)
        self.check(np.isfinite(result).all(), name, "holds something that is not a finite number")
        return result

    def table(self, name: str, columns: int, maximum: int) -> Array:
        """A float64 array with this number of columns and at most `maximum` rows."""
        table = self.array(name)
        fits = table.ndim == 2 and table.shape[1] == columns and len(table) <= maximum
        self.check(fits, name, f"should have {columns} columns and at most {maximum:,} rows")
        self.check(table.dtype == np.float64, name, WRONG_PRECISION)
        return table

    def like(self, name: str, other: Array) -> Array:
        """An array of the same shape and precision as another."""
        array = self.array(name)
        self.check(array.shape == other.shape, name, WRONG_SHAPE)
        self.check(array.dtype == other.dtype, name, WRONG_PRECISION)
        return array

    def all_like(self, name: str, others: list[Array]) -> list[Array]:
        """A list of arrays like these."""
        items = [*self.items(name, len(others))]
        self.check(len(items) == len(others), name, f"should hold {len(others)} arrays")
        pairs = zip(items, others, strict=True)
        return [fields.like(item, other) for (fields, item), other in pairs]

    def fill(self, arrays: Mapping[str, Array]) -> None:
        """Copies the arrays in all remaining fields, which have these names, into others."""
        for name, array in arrays.items():
            array[...] = self.like(name, array)
        self.end()


def array_document(array: Array) -> Document:
    """An array as a dict of dtype, shape, and its numbers as little-endian bytes."""
    kind = array.dtype.newbyteorder("<")
    data = np.ascontiguousarray(array, kind).tobytes()
    return {"dtype": kind.str, "shape": list(array.shape), "data": data}
