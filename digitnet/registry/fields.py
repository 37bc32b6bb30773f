"""Reads the fields of an untrusted document: each with its type and its bounds."""

import re
from math import isfinite, prod
from typing import Any

import numpy as np

from digitnet.engine.types import Array
from digitnet.registry.codec import Document
from digitnet.registry.errors import DamagedSave

DTYPES = {"<f4": np.float32, "<f8": np.float64}
"""The kinds of number an array may hold: little-endian real numbers of 32 or 64 bits."""
LARGEST_WHOLE = 1 << 62
MOST_DIMENSIONS = 3
LARGEST_SIZE = 1 << 31
LONGEST_TEXT = 200
MOST_TEXTS = 100
_WORD = re.compile(r"[A-Za-z0-9_.-]{0,40}")


class Fields:
    """One dict of a document. Each method takes one field out and checks it; `end` wants no more.

    Raises DamagedSave, naming the field.
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
        """The error for a field whose value cannot be."""
        return DamagedSave(f"its {self._where}: {name!r} {why}")

    def text(self, name: str, choices: Any = None) -> str:
        """A string, one of `choices` if given."""
        value: str = self._take(name, str)
        if len(value) > LONGEST_TEXT or not value.isprintable():
            raise self.bad(name, "is too long or holds control characters")
        if choices is not None and value not in choices:
            raise self.bad(name, "is not one that digitnet knows")
        return value

    def whole(self, name: str, low: int = 0, high: int = LARGEST_WHOLE) -> int:
        """A whole number from `low` to `high`."""
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

    def texts(self, name: str, most: int = MOST_TEXTS) -> list[str]:
        """A list of at most so many strings."""
        values: list[Any] = self._take(name, list)
        if len(values) > most:
            raise self.bad(name, f"holds more than {most:,}")
        if not all(type(v) is str and len(v) <= LONGEST_TEXT and v.isprintable() for v in values):
            raise self.bad(name, "should hold short printable strings only")
        return values

    def inner(self, name: str) -> "Fields":
        """A dict within this one."""
        return Fields(self._take(name, dict), f"{self._where}.{name}")

    def inners(self, name: str) -> list["Fields"]:
        """A list of dicts within this one."""
        values = self._take(name, list)
        return [Fields(value, f"{self._where}.{name}[{k}]") for k, value in enumerate(values)]

    def share(self, name: str) -> float:
        """A number from 0 to 1."""
        value = self.real(name)
        if not 0 <= value <= 1:
            raise self.bad(name, "is not between 0 and 1")
        return value

    def maybe(self, name: str) -> bool:
        """Whether the field is more than None; a None is taken out."""
        if self._rest.get(name, "") is not None:
            return True
        del self._rest[name]
        return False

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._rest

    def split(self, names: list[str]) -> "Fields":
        """Some of the fields, as a dict of their own."""
        return Fields({name: self._take(name, dict) for name in names}, self._where)

    def truth(self, name: str) -> bool:
        """Yes or no."""
        value: bool = self._take(name, bool)
        return value

    def wholes(self, name: str, low: int, high: int) -> list[int]:
        """A short list of whole numbers."""
        values: list[Any] = self._take(name, list)
        if len(values) > MOST_DIMENSIONS or not all(
            type(v) is int and low <= v <= high for v in values
        ):
            raise self.bad(name, "should hold a few whole numbers within bounds")
        return values

    def rest(self) -> Document:
        """All fields not yet taken."""
        rest, self._rest = self._rest, {}
        return rest

    def array(self, name: str, shape: tuple[int, ...] | None, dtype: Any = None) -> Array:
        """An array (a dict of dtype, shape and data) of finite numbers, writable and our own.

        It must have `shape` (where None: two dimensions, any) and `dtype` (where None: either).
        Nothing is allocated before the shape is known to fit the bytes that are there.
        """
        return self._array(name, self.inner(name), shape, dtype)

    def peek_shape(self, name: str) -> tuple[int, ...]:
        """The two sizes that an array says it has; it is left where it is."""
        sizes = self._peek(name).get("shape")
        if not isinstance(sizes, list) or len(sizes) != 2:
            raise self.bad(name, "has not the shape it should have")
        if any(type(n) is not int or not 0 < n < LARGEST_SIZE for n in sizes):
            raise self.bad(name, "has an impossible shape")
        return tuple(sizes)

    def peek_dtype(self, name: str) -> Any:
        """The kind of number that an array says it has; it is left where it is."""
        return DTYPES[Fields(self._peek(name), f"{self._where}.{name}").text("dtype", DTYPES)]

    def _peek(self, name: str) -> Document:
        inner = self._rest.get(name)
        if not isinstance(inner, dict):
            raise self.bad(name, "should be a dict")
        return inner

    def arrays(self, name: str, shapes: list[tuple[int, ...]], dtype: Any) -> list[Array]:
        """A list of arrays with just these shapes."""
        inners = self.inners(name)
        if len(inners) != len(shapes):
            raise self.bad(name, f"should hold {len(shapes)} arrays")
        return [self._array(name, f, s, dtype) for f, s in zip(inners, shapes, strict=True)]

    def table(self, name: str, columns: int, most: int) -> Array:
        """An array of real numbers with so many columns and at most so many rows."""
        table = self.array(name, None, np.float64)
        if table.shape[1] != columns or len(table) > most:
            raise self.bad(name, f"should have {columns} columns and at most {most:,} rows")
        return table

    def _array(
        self, name: str, fields: "Fields", shape: tuple[int, ...] | None, dtype: Any
    ) -> Array:
        """The array in a dict within this one."""
        kind = DTYPES[fields.text("dtype", DTYPES)]
        sizes = tuple(fields._take("shape", list))
        data = fields._take("data", bytes)
        fields.end()
        if any(type(n) is not int or not 0 <= n < LARGEST_SIZE for n in sizes):
            raise self.bad(name, "has an impossible shape")
        if (sizes != shape) if shape is not None else (len(sizes) != 2):
            raise self.bad(name, "has not the shape it should have")
        if dtype is not None and kind is not dtype:
            raise self.bad(name, "has not the precision it should have")
        if prod(sizes) * np.dtype(kind).itemsize != len(data):
            raise self.bad(name, "has not as many bytes as its shape asks for")
        result = np.frombuffer(data, np.dtype(kind).newbyteorder("<")).reshape(sizes).astype(kind)
        if not np.isfinite(result).all():
            raise self.bad(name, "holds something that is not a finite number")
        return result

    def end(self) -> None:
        """Raises DamagedSave if a field is left."""
        if self._rest:
            raise DamagedSave(f"its {self._where} has fields that digitnet does not know")


def array_document(array: Array) -> Document:
    """An array as a document: dtype, shape, and the numbers as little-endian bytes."""
    kind = array.dtype.newbyteorder("<")
    return {
        "dtype": kind.str,
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array, kind).tobytes(),
    }
