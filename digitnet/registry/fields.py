"""Reads the fields of an untrusted document, and checks their types and bounds."""

import re
from math import isfinite, prod
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.registry.codec import Document
from digitnet.registry.files import DamagedSave

DTYPES = {"<f4": np.float32, "<f8": np.float64}
"""The dtypes an array may have: little-endian float32 and float64."""

MAX_INTEGER = 1 << 62

MAX_DIMENSIONS = 3

MAX_SIZE = 1 << 31

MAX_TEXT = 200

MAX_TEXTS = 100

_WORD = re.compile(r"[A-Za-z0-9_.-]{0,40}")


class Fields:
    """A dict of a document. Each method removes one field and checks it; `end` checks that none is
    left.

    All raise DamagedSave, naming the field.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise DamagedSave(f"its {where} should be a dict")
        self._rest: Document = dict(value)
        self._where = where

    def _take(self, name: str, *kinds: type) -> Any:
        if name not in self._rest:
            raise DamagedSave(f"its {self._where} has no {name!r}")
        value = self._rest.pop(name)
        if type(value) not in kinds:
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise DamagedSave(f"its {self._where}: {name!r} should be a {expected}")
        return value

    def bad(self, name: str, why: str) -> DamagedSave:
        """The error for a field with an invalid value."""
        return DamagedSave(f"its {self._where}: {name!r} {why}")

    def text(self, name: str, choices: Any = None) -> str:
        """A string, one of `choices` if given."""
        value: str = self._take(name, str)
        if len(value) > MAX_TEXT or not value.isprintable():
            raise self.bad(name, "is too long or holds control characters")
        if choices is not None and value not in choices:
            raise self.bad(name, "is not one that digitnet knows")
        return value

    def whole(self, name: str, low: int = 0, high: int = MAX_INTEGER) -> int:
        """An integer from `low` to `high`."""
        value: int = self._take(name, int)
        if not low <= value <= high:
            raise self.bad(name, "is out of bounds")
        return value

    def real(self, name: str) -> float:
        """A finite number."""
        value = float(self._take(name, int, float))
        if not isfinite(value):
            raise self.bad(name, "is not a finite number")
        return value

    def word(self, name: str) -> str:
        """A name that digitnet gives, such as that of a data set; or none."""
        value = self.text(name)
        if not _WORD.fullmatch(value):
            raise self.bad(name, "is not one word")
        return value

    def words(self, name: str) -> list[str]:
        """A list of words."""
        values = self.texts(name)
        if not all(_WORD.fullmatch(value) for value in values):
            raise self.bad(name, "should hold words")
        return values

    def texts(self, name: str, maximum: int = MAX_TEXTS) -> list[str]:
        """A list of at most `maximum` strings."""
        values: list[Any] = self._take(name, list)
        if len(values) > maximum:
            raise self.bad(name, f"holds more than {maximum:,}")
        if not all(type(v) is str and len(v) <= MAX_TEXT and v.isprintable() for v in values):
            raise self.bad(name, "should hold short printable strings only")
        return values

    def inner(self, name: str) -> "Fields":
        """A dict within this one."""
        return Fields(self._take(name, dict), f"{self._where}.{name}")

    def inners(self, name: str) -> list["Fields"]:
        """A list of dicts within this one."""
        values = self._take(name, list)
        return [Fields(value, f"{self._where}.{name}[{k}]") for k, value in enumerate(values)]

    def fraction(self, name: str) -> float:
        """A number from 0 to 1."""
        value = self.real(name)
        if not 0 <= value <= 1:
            raise self.bad(name, "is not between 0 and 1")
        return value

    def maybe(self, name: str) -> bool:
        """Whether the field is not None; if it is None, removes it."""
        if self._rest.get(name, "") is not None:
            return True
        del self._rest[name]
        return False

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._rest

    def split(self, names: list[str]) -> "Fields":
        """Moves these fields, which are dicts, to a new `Fields`."""
        return Fields({name: self._take(name, dict) for name in names}, self._where)

    def boolean(self, name: str) -> bool:
        """True or False."""
        value: bool = self._take(name, bool)
        return value

    def names(self) -> list[str]:
        """The names of the fields that are left."""
        return [*self._rest]

    def bytes(self, name: str) -> bytes:
        """Bytes."""
        value: bytes = self._take(name, bytes)
        return value

    def wholes(self, name: str, low: int, high: int) -> list[int]:
        """A short list of integers from `low` to `high`."""
        values: list[Any] = self._take(name, list)
        if len(values) > MAX_DIMENSIONS or not all(
            type(v) is int and low <= v <= high for v in values
        ):
            raise self.bad(name, "should hold a few whole numbers within bounds")
        return values

    def rest(self) -> Document:
        """Removes and returns all remaining fields, unchecked."""
        rest, self._rest = self._rest, {}
        return rest

    def array(self, name: str, shape: tuple[int, ...] | None, dtype: Any = None) -> Array:
        """A new writable array of finite numbers, from a dict of dtype, shape and data.

        It must have `shape` (any two-dimensional shape if None) and `dtype` (either if None).
        Nothing is allocated before the shape has been checked against the number of bytes.
        """
        return self._array(name, self.inner(name), shape, dtype)

    def peek_shape(self, name: str) -> tuple[int, ...]:
        """The declared shape of a two-dimensional array, which is not removed."""
        sizes = self._peek(name).get("shape")
        if not isinstance(sizes, list) or len(sizes) != 2:
            raise self.bad(name, "does not have the shape it should have")
        if any(type(n) is not int or not 0 < n < MAX_SIZE for n in sizes):
            raise self.bad(name, "has an impossible shape")
        return tuple(sizes)

    def peek_dtype(self, name: str) -> Any:
        """The declared dtype of an array, which is not removed."""
        return DTYPES[Fields(self._peek(name), f"{self._where}.{name}").text("dtype", DTYPES)]

    def _peek(self, name: str) -> Document:
        inner = self._rest.get(name)
        if not isinstance(inner, dict):
            raise self.bad(name, "should be a dict")
        return inner

    def arrays(self, name: str, shapes: list[tuple[int, ...]], dtype: Any) -> list[Array]:
        """A list of arrays with these shapes."""
        inners = self.inners(name)
        if len(inners) != len(shapes):
            raise self.bad(name, f"should hold {len(shapes)} arrays")
        return [self._array(name, f, s, dtype) for f, s in zip(inners, shapes, strict=True)]

    def table(self, name: str, columns: int, maximum: int) -> Array:
        """A float64 array with this number of columns and at most `maximum` rows."""
        table = self.array(name, None, np.float64)
        if table.shape[1] != columns or len(table) > maximum:
            raise self.bad(name, f"should have {columns} columns and at most {maximum:,} rows")
        return table

    def _array(
        self, name: str, fields: "Fields", shape: tuple[int, ...] | None, dtype: Any
    ) -> Array:
        """Converts the dict `fields`, which is this dict's field `name`, to an array."""
        kind = DTYPES[fields.text("dtype", DTYPES)]
        sizes = tuple(fields._take("shape", list))
        data = fields._take("data", bytes)
        fields.end()
        if any(type(n) is not int or not 0 <= n < MAX_SIZE for n in sizes):
            raise self.bad(name, "has an impossible shape")
        if (sizes != shape) if shape is not None else (len(sizes) != 2):
            raise self.bad(name, "does not have the shape it should have")
        if dtype is not None and kind is not dtype:
            raise self.bad(name, "does not have the precision it should have")
        if prod(sizes) * np.dtype(kind).itemsize != len(data):
            raise self.bad(name, "has not as many bytes as its shape asks for")
        result = np.frombuffer(data, np.dtype(kind).newbyteorder("<")).reshape(sizes).astype(kind)
        if not np.isfinite(result).all():
            raise self.bad(name, "holds something that is not a finite number")
        return result

    def end(self) -> None:
        """Raises DamagedSave if any field is left."""
        if self._rest:
            raise DamagedSave(f"its {self._where} has fields that digitnet does not know")


def array_document(array: Array) -> Document:
    """An array as a dict of dtype, shape, and its numbers as little-endian bytes."""
    kind = array.dtype.newbyteorder("<")
    return {
        "dtype": kind.str,
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array, kind).tobytes(),
    }
