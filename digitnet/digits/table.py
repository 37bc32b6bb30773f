"""Reads tables written as text: CSV files, with a column of answers or without one."""

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, compress, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.columns import (
    ANSWERS,
    MANY,
    NAMES_ROWS,
    Column,
    Columns,
    are_pixels,
    is_missing,
    is_number,
    is_word,
    number_in,
    roles,
)
from digitnet.digits.files import DELIMITERS, BadFile, lines_of
from digitnet.digits.own import MAX_ANSWERS, MAX_WORD
from digitnet.digits.recognize import Contents, Part
from digitnet.engine.report import Report, ignore

MAX_CELLS, MAX_COLUMNS = 1 << 28, 100_000
LOOKED_AT = 500  # about how many rows decide what a column is

_DECIMAL_COMMA = re.compile(r'(^|[;\t"]) *([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)(?=\s*(?:[;\t"]|$))')
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_POINTS = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")


def read_table(
    path: Path, part: int | None, report: Report = ignore, inputs: int | None = None
) -> Contents:
    """Reads a table, gzipped or not, with notes on which column was taken for what.

    part: that its name speaks of. inputs: the numbers a case is to have, by which a column of
    answers is told where its heading does not. Reports ReadSoFar. Raises BadFile for what
    is not a table of numbers, and OSError if it cannot be read.
    """
    chunks = lines_of(path, report)
    lines = next(chunks, [])
    declared = re.match('"?sep=(.)', lines[0]) if lines else None  # by Excel
    lines = lines[bool(declared) :]
    if not lines:
        raise BadFile("holds no table")
    guessed = next((d for d in DELIMITERS if d in lines[:3][-1]), ",")
    delimiter, notes = declared[1] if declared else guessed, list[str]()
    while lines[0].startswith("#") and lines[0].count(delimiter) != lines[-1].count(delimiter):
        del lines[0]  # a remark
    looked_at = [*lines[:MANY], *_various(lines[MANY:], delimiter, LOOKED_AT)]
    for later in islice(lines_of(path, ignore), 1, None):
        looked_at += _various(later, delimiter, LOOKED_AT // 10)
    has_commas = delimiter in ";\t" and _has_decimal_commas(looked_at, delimiter)
    if has_commas:
        looked_at = _with_points(looked_at)
        notes.append("commas in numbers taken for decimal points")
    rows = [*_cells(looked_at, delimiter)]
    if len(rows[0]) > MAX_COLUMNS:
        raise BadFile(f"has more than {MAX_COLUMNS:,} columns")
    headings: list[str | None] = [None] * len(rows[0])
    if _are_headings(rows[0], rows[:3][-1]):
        headings, rows, lines = _headings(rows, notes), rows[1:], lines[1:]
    cells = zip_longest(*rows, fillvalue="")
    columns = [Column(k, *each) for k, each in enumerate(zip(headings, cells, strict=False))]
    reader = _Reader(delimiter, columns, inputs, notes, has_commas=has_commas)
    for some in chain([lines], chunks):
        reader.add(some)
    return reader.contents(part)


def _various(lines: Sequence[str], delimiter: str, count: int) -> list[str]:
    """About so many of the lines, evenly, and one for each value in the first and last column."""
    firsts = {line.partition(delimiter)[0]: k for k, line in enumerate(lines)}
    lasts = {line.rpartition(delimiter)[2]: k for k, line in enumerate(lines)}
    ends = [each.values() for each in (firsts, lasts) if len(each) <= MAX_ANSWERS]
    chosen = {*range(0, len(lines), 1 + len(lines) // count), *chain(*ends)}
    return [lines[k] for k in sorted(chosen)]


def _has_decimal_commas(lines: Sequence[str], delimiter: str) -> bool:
    if not any(map(_DECIMAL_COMMA.search, lines)):
        return False
    columns = zip_longest(*_cells(lines[1:], delimiter), fillvalue="")
    return not any(map(_has_thousands, columns))


def _has_thousands(cells: Sequence[str]) -> bool:
    """Whether all commas in a column are for thousands, as in 1,100 beside 900."""
    commas = [cell for cell in cells if "," in cell]
    most = max((number_in(cell) for cell in cells if is_number(cell)), default=0)
    return most >= 100 and bool(commas) and all(map(_THOUSANDS.fullmatch, commas))


def _with_points(lines: list[str]) -> list[str]:
    return [_DECIMAL_COMMA.sub(r"\1\2.\3", line) for line in lines]


def _cells(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    except csv.Error:
        raise BadFile("has a cell that is too long") from None


def _are_headings(row: Sequence[str], later: Sequence[str]) -> bool:
    """Whether a row has words over numbers, nothing but words, numbers that count the columns, or a
    word that heads answers, but y, which may be yes.

    later: one of the next rows, or the same one.
    """
    numbers = [cell for cell in row if is_number(cell)]
    if not numbers and row == later:
        return True
    changed = (name for name, cell in zip(row, later, strict=False) if name != cell)
    if any(name.strip(" #").lower() in ANSWERS[:-1] for name in changed):
        return True
    least = 5 if any(map(is_word, row)) else 3  # 0, 1 may be a case of two; yes, 0, 1 too
    count_columns = len(row) >= least and _number_columns(numbers)
    return count_columns or any(map(is_number, compress(later, map(is_word, row))))


def _headings(rows: Sequence[Sequence[str]], notes: list[str]) -> list[str | None]:
    """The headings in the first row, in small letters; None for those that count the columns."""
    names: list[str | None] = [name.strip(" #").lower() for name in rows[0]]  # numpy writes a #
    if len(rows) < 2:
        raise BadFile("has headings but no rows")
    more = len(rows[1]) - len(names)
    if more == -1 and not names[-1]:
        names.pop()  # only the headings end with a delimiter, or only the rows
    elif more == 1 and not rows[1][-1].strip():
        names.append("")
    elif more == 1 and len({row[0] for row in rows[1:]}) == len(rows) - 1:
        names.insert(0, "")  # R names the rows without a heading
    elif more:
        raise BadFile(f"has {len(names)} columns in its first row, {len(rows[1])} in the next")
    counted = [name for name in names if name and name.isdigit()]
    if len(counted) < 2 or not _number_columns(counted):
        return names
    notes.append(f"{counted[0]} to {counted[-1]} in the first row are headings")
    return [None if name in counted else name for name in names]


def _number_columns(headings: Sequence[str]) -> bool:
    """Whether headings only count the columns, from 0 or 1, as pandas writes them."""
    starts = [[str(k + start) for k in range(len(headings))] for start in (0, 1)]
    return bool(headings) and [*headings] in starts


class _Reader:
    """Reads the numbers, the answers, and one column that names the rows."""

    def __init__(
        self,
        delimiter: str,
        columns: Columns,
        inputs: int | None,
        notes: list[str],
        *,
        has_commas: bool,
    ) -> None:
        self.has_commas = has_commas
        self.width, self.delimiter = len(columns), delimiter
        self.inputs, self.answers, left_out = roles(columns, inputs)
        told = [f"{column} left out: {reason}" for column, reason in left_out.items()]
        if len(told) > 5:
            told[5:] = [f"{len(told) - 5:,} other columns left out"]
        self.notes = told + notes
        self.words, self.row_names = list[str](), list[str]()
        is_one = len(self.answers) == 1
        self.texts = [(each, self.words) for each in self.answers if is_one and each.has_words]
        numbers = [*self.inputs, *(() if self.texts else self.answers)]
        self.numbers = sorted(numbers, key=lambda column: column.place)
        if inputs is not None:  # to import a table, no names of rows are needed
            named = [column for column, reason in left_out.items() if reason == NAMES_ROWS]
            self.texts += [(column, self.row_names) for column in named[:1]]
        self.blocks, self.rows = list[NDArray[Any]](), 0

    def add(self, lines: list[str]) -> None:
        """Reads these lines. Raises BadFile, naming the first bad one."""
        is_whole = len(self.numbers) == self.width  # else np.loadtxt does not look at the others
        if self.has_commas:
            some = _cells([line for line in lines if _POINTS.search(line)], self.delimiter)
            cells = (
                row[each.place] for row in some for each in self.numbers if each.place < len(row)
            )
            if found := next(filter(_POINTS.fullmatch, map(str.strip, cells)), None):
                raise BadFile(f"has decimal commas, and {found!r}: write thousands without points")
            lines = _with_points(lines)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                block = np.loadtxt(
                    lines,
                    np.float32,
                    comments=None,
                    delimiter=None if self.delimiter == " " else self.delimiter,
                    converters={each.place: number_in for each in self.numbers if each.is_logical},
                    usecols=None if is_whole else [each.place for each in self.numbers],
                    quotechar='"',
                    ndmin=2,
                    encoding=None,
                )
        except (ValueError, Warning):
            raise BadFile(self._problem(lines)) from None
        with np.errstate(invalid="ignore"):
            small = block.astype(np.uint8)
        self.blocks.append(small if (small == block).all() else block)
        if (self.rows + len(lines)) * self.width > MAX_CELLS:
            raise BadFile(f"has more than {MAX_CELLS:,} numbers")
        rows = [] if is_whole else [*_cells(lines, self.delimiter)]
        is_ragged = any(len(row) != self.width for row in rows)
        if is_ragged or block.shape != (len(lines), len(self.numbers)):
            raise BadFile(self._problem(lines))
        for column, texts in self.texts:
            texts += [row[column.place].strip() for row in rows]
        for number, word in enumerate(self.words[self.rows :], self.rows + 1):
            if is_missing(word):
                raise BadFile(f"has no answer in row {number:,}")
            if len(word) > MAX_WORD:
                raise BadFile(f"has an answer of over {MAX_WORD} characters in row {number:,}")
        self.rows += len(lines)

    def _problem(self, lines: list[str]) -> str:
        for number, cells in enumerate(_cells(lines, self.delimiter), self.rows + 1):
            if len(cells) != self.width:
                return f"has {len(cells)} columns in row {number:,}, not {self.width}"
            for k in (column.place for column in self.numbers):
                if not is_number(cells[k]):
                    said = repr(cells[k][:40]) if cells[k].strip() else "nothing"
                    return f"has {said} in column {k + 1} of row {number:,}, not a number"
        is_quoted = any('"' in line for line in lines)
        return "has a quoted cell that does not end in its line" if is_quoted else "is not a table"

    def contents(self, part: int | None) -> Contents:
        """All that was read."""
        numbers, answers = np.concatenate(self.blocks), None
        self.blocks.clear()
        if self.answers:
            answer, many = self.answers[0], len(self.answers)
            end = {0: "the first", self.width - many: "the last"}.get(answer.place)
            where = f"{end} {many} columns" if many > 1 else f"{end} column" if end else f"{answer}"
            self.notes.append(f"answers from {answer if answer.heading and many == 1 else where}")
            is_answer = np.array([column in self.answers for column in self.numbers])
            answers = np.array(self.words) if self.words else numbers[:, is_answer]
            numbers = numbers[:, ~is_answer]
        headings = [column.heading or "" for column in self.inputs]
        sets = [Part(part, numbers, answers, self.row_names, headings if all(headings) else [])]
        return Contents(sets, self.notes, is_picture=are_pixels(self.inputs))
