"""Reads tables written as text: CSV files, with a column of answers or without one."""

import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from math import isqrt
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, ReadSoFar, open_bounded
from digitnet.digits.recognize import Contents, Part
from digitnet.engine.report import Report, ignore

MAX_BYTES = 2 << 30
MAX_CELLS = 1 << 28
CHUNK = 1 << 22  # characters read at a time, and the maximum length of a line
DELIMITERS = ";\t, "
# headings of a column of answers
ANSWERS = ("label", "labels", "answer", "answers", "class", "target", "digit", "species", "y")
# headings of a column that numbers the rows, which is left out
NUMBERINGS = ("", "id", "index", "imageid", "unnamed: 0")

_DECIMAL_COMMA = re.compile(r'(^|[;\t"]) *([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)(?=\s*(?:[;\t"]|$))')
_PIXEL = re.compile(r"(pixel|px|p|x)?[ _]?\d+([x_.,]\d+)?")


def read_table(
    path: Path, part: int | None, report: Report = ignore, inputs: int | None = None
) -> Contents:
    """Reads a table, gzipped or not, with notes on which column was taken for what.

    part: that its name speaks of. inputs: the numbers a case is to have, by which a column of
    answers is told where its heading does not. Reports ReadSoFar. Raises BadFile for what
    is not a table of numbers, and OSError if it cannot be read.
    """
    with open_bounded(path, MAX_BYTES) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        chunks = _chunks(file, lambda: report(ReadSoFar(path.name, file.tell(), size)))
        lines = next(chunks, [])
        if not lines:
            raise BadFile("holds no table")
        delimiter = next((d for d in DELIMITERS if d in lines[:3][-1]), ",")
        notes = []
        if delimiter in ";\t" and any(map(_DECIMAL_COMMA.search, lines)):
            lines, chunks = _with_points(lines), map(_with_points, chunks)
            notes.append("commas in numbers taken for decimal points")
        rows = [*_cells(lines[:3], delimiter)]
        names, samples = [], rows
        texts = [sum(map(_is_text, row)) for row in rows]
        are_numbers = len(rows[0]) > 2 and _number_columns(rows[0])  # 0, 1 may be a case of two
        if are_numbers or texts[0] > texts[-1] or texts == [len(rows[0])]:
            names = [name.strip(" #").lower() for name in rows[0]]  # numpy.savetxt writes a #
            samples, lines = rows[1:], lines[1:]
        if not samples:
            raise BadFile("has headings but no rows")
        if len(samples[0]) != len(rows[0]):
            raise BadFile(
                f"has {len(rows[0])} columns in its first row, {len(samples[0])} in the next"
            )
        reader = _Reader(delimiter, samples[0], names)
        reader.add(lines)
        for lines in chunks:
            reader.add(lines)
    reader.notes += notes
    return reader.contents(part, inputs)


def _with_points(lines: list[str]) -> list[str]:
    return [_DECIMAL_COMMA.sub(r"\1\2.\3", line) for line in lines]


def _cells(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _chunks(file: BinaryIO, report: Callable[[], None]) -> Iterator[list[str]]:
    """The lines of a text file, some megabytes at a time. Raises BadFile if it is not text."""
    head = file.read(4)
    file.seek(0)
    packed = gzip.GzipFile(fileobj=file) if head[:2] == b"\x1f\x8b" else file
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        with io.TextIOWrapper(packed, encoding, errors="replace", newline=None) as text:
            rest, total = "", 0
            while piece := text.read(CHUNK):
                report()
                total += len(piece)
                whole, end, begun = piece.rpartition("\n")
                if (not end and len(rest) > CHUNK) or "\0" in piece:
                    raise BadFile("is not text")
                if total > MAX_BYTES:
                    raise BadFile(f"would unpack to more than {MAX_BYTES >> 20} MiB")
                if end:
                    yield [line for line in (rest + whole).split("\n") if line.strip()]
                    rest = begun
                else:
                    rest += piece
            if rest.strip():
                yield [rest]
    except (UnicodeError, EOFError, gzip.BadGzipFile, zlib.error):
        raise BadFile("is neither text nor a whole gzip file of text") from None


def _number_columns(headings: Sequence[str]) -> bool:
    """Whether headings only count the columns, from 0 or 1, as pandas writes them."""
    starts = [[str(k + start) for k in range(len(headings))] for start in (0, 1)]
    return bool(headings) and [*headings] in starts


def _is_text(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return True
    return False


class _Reader:
    """Reads rows of numbers, and one column of words if the first row has one."""

    def __init__(self, delimiter: str, first: Sequence[str], names: Sequence[str]) -> None:
        self.columns, self.delimiter, self.names = len(first), delimiter, names
        numbered = [k for k, name in enumerate(names) if name in NUMBERINGS]
        if not names and not first[-1].strip():  # each row ends with a delimiter
            numbered = [self.columns - 1]
        words = [k for k, cell in enumerate(first) if _is_text(cell) and k not in numbered]
        if len(words) > 1:
            raise BadFile(f"has the row {_shown(delimiter.join(first))}: not numbers")
        if words and names and names[words[0]] not in ANSWERS and _called_answers(names):
            raise BadFile(f"has words in column {_shown(names[words[0]])}, not numbers")
        self.words = words[0] if words else None
        self.numbers = [k for k in range(self.columns) if k not in (*numbered, *words)]
        if not self.numbers:
            raise BadFile("has no column of numbers")
        self.notes = [
            f"column {_shown(names[k]) if names and names[k] else 'without a heading'} left out"
            for k in numbered
        ]
        self.blocks: list[NDArray[Any]] = []
        self.answers: list[str] = []
        self.rows = 0

    def add(self, lines: list[str]) -> None:
        """Reads these lines. Raises BadFile, naming the first bad one."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                block = np.loadtxt(
                    lines,
                    np.float32,
                    comments=None,
                    delimiter=None if self.delimiter == " " else self.delimiter,
                    usecols=None if len(self.numbers) == self.columns else self.numbers,
                    quotechar='"',
                    ndmin=2,
                )
        except (ValueError, Warning):
            raise BadFile(self._problem(lines)) from None
        if block.shape != (len(lines), len(self.numbers)):
            raise BadFile(self._problem(lines))
        with np.errstate(invalid="ignore"):
            small = block.astype(np.uint8)
        self.blocks.append(small if (small == block).all() else block)
        self.rows += len(lines)
        if self.rows * self.columns > MAX_CELLS:
            raise BadFile(f"has more than {MAX_CELLS:,} numbers")
        if self.words is not None:
            self.answers += [row[self.words].strip()[:40] for row in _cells(lines, self.delimiter)]

    def _problem(self, lines: list[str]) -> str:
        for number, cells in enumerate(_cells(lines, self.delimiter), self.rows + 1):
            if len(cells) != self.columns:
                return f"has {len(cells)} columns in row {number:,}, not {self.columns}"
            for k in self.numbers:
                if _is_text(cells[k]):
                    said = _shown(cells[k]) if cells[k].strip() else "nothing"
                    return f"has {said} in column {k + 1} of row {number:,}, not a number"
        return "is not a table of numbers"

    def contents(self, part: int | None, inputs: int | None) -> Contents:
        numbers = np.concatenate(self.blocks)
        self.blocks.clear()
        headings = [self.names[k] for k in self.numbers] if self.names else []
        if _number_columns(headings):
            self.notes.append(f"{headings[0]} to {headings[-1]} in the first row are headings")
            headings = []
        called = {self.names[k] for k in _called_answers(self.names)}
        answers: NDArray[Any] | None = None
        if self.words is not None:
            where = self.names[self.words] if self.names else f"{self.words + 1}"
            self.notes.append(f"answers from column {_shown(where)}")
            answers = np.array(self.answers)
        elif inputs is None and (count := _one_hot_columns(numbers, headings)):
            self.notes.append(f"answers from the last {count} columns")
            numbers, answers = numbers[:, :-count], numbers[:, -count:]
            headings = headings[:-count]
        else:
            has_answers = inputs is None or numbers.shape[1] == inputs + 1
            place = _place_of_answers(numbers, headings, has_answers)
            if place is not None:
                end = "first" if place == 0 else "last"
                where = f"column {_shown(headings[place])}" if headings else f"the {end} column"
                self.notes.append(f"answers from {where}")
                answers = numbers[:, place].copy()
                numbers = numbers[:, 1:] if place == 0 else np.delete(numbers, place, 1)
                headings = headings[:place] + headings[place + 1 :]
        others = [
            k
            for k, name in enumerate(headings)
            if answers is not None and name in called and _may_be_answers(numbers[:, k])
        ]
        if others:
            names = ", ".join(_shown(headings[k]) for k in others)
            self.notes.append(f"column {names} left out: answers too")
            numbers = np.delete(numbers, others, 1)
            headings = [name for k, name in enumerate(headings) if k not in others]
        if not numbers.shape[1]:
            raise BadFile("has no column of numbers but the answers")
        sets = [Part(part, numbers, answers)]
        return Contents(sets, self.notes, is_picture=_are_pixels(headings))


def _are_pixels(headings: Sequence[str]) -> bool | None:
    """Whether these are headings of pixels; None without headings."""
    if not headings:
        return None
    named = sum(bool(_PIXEL.fullmatch(name)) for name in headings)
    return named > 0.9 * len(headings) and isqrt(len(headings)) ** 2 == len(headings) >= 16


def _place_of_answers(
    numbers: NDArray[Any], headings: Sequence[str], has_answers: bool
) -> int | None:
    """The column of the answers: the one so called, or the only one that is not a pixel.

    Without headings it is the first or the last, whichever has several whole numbers; the last if
    both have and the others are no pictures. None if there is none, as where all are a picture.
    """
    if called := _called_answers(headings):
        return called[0]
    last = numbers.shape[1] - 1
    has_pixels, has_more = (n >= 64 and isqrt(n) ** 2 == n for n in (last, last + 1))
    if has_more and numbers.dtype == np.uint8 and all(map(_PIXEL.fullmatch, headings)):
        return None
    if headings:
        others = [k for k, name in enumerate(headings) if not _PIXEL.fullmatch(name)]
        if len(others) == 1:
            return others[0]
        return last if has_answers and len(others) > 1 else None
    if not has_answers and not has_pixels:
        return None
    possible = [k for k in ((0, last) if has_pixels else (last,)) if _may_be_answers(numbers[:, k])]
    return possible[0] if possible else None if has_pixels or has_more else last


def _called_answers(headings: Sequence[str]) -> list[int]:
    """The columns called so, the likeliest first; with an x and others, y is a number of a case."""
    is_place = "x" in headings and len(headings) > 2
    called = [k for k, name in enumerate(headings) if name in ANSWERS[: -1 if is_place else None]]
    return sorted(called, key=lambda k: ANSWERS.index(headings[k]))


def _one_hot_columns(numbers: NDArray[Any], headings: Sequence[str]) -> int:
    """How many of the last columns are one-hot answers: three or more, each the answer of a row."""
    for count in range(3, min(100, numbers.shape[1] - 1) + 1):
        last = numbers[:, -count:]
        if _called_answers(headings) or last[:, 0].max() != 1 or last[:, 0].min() != 0:
            return 0
        if (last.sum(axis=1) == 1).all():
            return count
    return 0


def _may_be_answers(column: NDArray[Any]) -> bool:
    different = np.unique(column[:5000])
    return 1 < len(different) <= 100 and bool((different == np.round(different)).all())


def _shown(text: str) -> str:
    return repr(text[:40])
