"""Reads tables written as text: CSV files, with a column of answers or without one."""

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import DELIMITERS, BadFile, lines_of
from digitnet.digits.own import MAX_ANSWERS
from digitnet.digits.recognize import Contents, Part, is_square
from digitnet.engine.report import Report, ignore

MAX_CELLS, MAX_COLUMNS = 1 << 28, 100_000
# headings of a column of answers
ANSWERS = ("label", "labels", "answer", "answers", "class", "target", "digit", "species", "y")
# headings of a column that numbers or names the rows, in letters and figures alone
ROW_NAMES = ("", "id", "index", "nr", "imageid", "unnamed0", "filename", "imagename", "file")
LOGICAL = {"true": 1, "false": 0}
MISSING = ("", "na", "nan", "null", "?")  # cells without a value, in small letters
MANY = 20  # rows without headings that a first column numbers if it rises by one
# why a column is left out
NAMES_ROWS, EMPTY, MORE_ANSWERS = "it names the rows", "it is empty", "answers too"
LOOKED_AT = 500  # rows, about, by which it is told what a column holds
MAX_WORD = 200  # characters of a word that are read

_DECIMAL_COMMA = re.compile(r'(^|[;\t"]) *([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)(?=\s*(?:[;\t"]|$))')
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
# such as 1,100 or 40% or ($5), but no date, and neither >5 nor 5+
_BAD_NUMBER = re.compile(r"[-+−($€£¥ ]*\d[\d.,'’ _]*[%$€£¥) ]*")
_PIXEL = re.compile(r"(pixel|px|p|x)?[ _]?\d+([x_.,]\d+)?")


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
    if delimiter in ";\t" and _has_decimal_commas(looked_at, delimiter):
        looked_at, lines = _with_points(looked_at), _with_points(lines)
        chunks = map(_with_points, chunks)
        notes.append("commas in numbers taken for decimal points")
    rows = [*_cells(looked_at, delimiter)]
    if len(rows[0]) > MAX_COLUMNS:
        raise BadFile(f"has more than {MAX_COLUMNS:,} columns")
    headings: list[str | None] = [None] * len(rows[0])
    if _are_headings(rows[0], rows[:3][-1]):
        headings, rows, lines = _headings(rows, notes), rows[1:], lines[1:]
    cells = zip_longest(*rows, fillvalue="")
    columns = [Column(k, *each) for k, each in enumerate(zip(headings, cells, strict=False))]
    reader = _Reader(delimiter, columns, inputs, notes)
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
    most = max((_number(cell) for cell in cells if _is_number(cell)), default=0)
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
    numbers = [cell for cell in row if _is_number(cell)]
    if not numbers and row == later:
        return True
    changed = (name for name, cell in zip(row, later, strict=False) if name != cell)
    if any(name.strip(" #").lower() in ANSWERS[:-1] for name in changed):
        return True
    least = 5 if any(map(_is_word, row)) else 3  # 0, 1 may be a case of two; yes, 0, 1 too
    count_columns = len(row) >= least and _number_columns(numbers)
    return count_columns or any(map(_is_number, compress(later, map(_is_word, row))))


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


def _number(cell: str) -> float:
    """The number in a cell; True is 1, and False 0. Raises ValueError for anything else."""
    return float(
        LOGICAL.get(cell.strip().lower(), cell.replace("_", " "))
    )  # Python reads 1_0 as 10


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_word(cell: str) -> bool:
    return not _is_missing(cell) and not _is_number(cell)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table, told by the cells of some rows; heading: None if it has none."""

    place: int
    heading: str | None
    cells: Sequence[str]

    @cached_property
    def first(self) -> str:
        """The first cell with a value; empty if none has one."""
        return next((cell.strip() for cell in self.cells if not _is_missing(cell)), "")

    @cached_property
    def is_logical(self) -> bool:
        return any(cell.strip().lower() in LOGICAL for cell in self.cells)

    @cached_property
    def has_words(self) -> bool:
        is_bad_number = self.heading not in ANSWERS and _BAD_NUMBER.fullmatch(self.first)
        return self.first.lower() in LOGICAL or (_is_word(self.first) and not is_bad_number)

    @property
    def all_differ(self) -> bool:
        return len({*self.cells}) == len(self.cells)

    @cached_property
    def numbers(self) -> NDArray[Any]:
        """The numbers in the cells; NaN for what is none."""
        values = [_number(cell) if _is_number(cell) else np.nan for cell in self.cells]
        return np.where(np.isfinite(values), values, np.nan)

    @cached_property
    def different(self) -> int:
        """How many answers its numbers may stand for; 0 if they are not whole, or too many."""
        values = np.unique(self.numbers)
        return 0 if (values % 1).any() or len(values) > MAX_ANSWERS else len(values)

    def __str__(self) -> str:
        return f"column {repr(self.heading[:40]) if self.heading else self.place + 1}"


Columns = list[Column]


def roles(columns: Columns, inputs: int | None) -> tuple[Columns, Columns, dict[Column, str]]:
    """The columns of inputs and of answers, and those left out, with reasons.

    inputs: the numbers a case is to have, if known. In this order, each for the columns left:

    1. Empty columns, and those headed as names of the rows (id, filename, ...), are left out.
    2. The answers are the column headed so (label, class, ...); others headed so are left out.
    3. Words that all differ name the rows if other columns may be the answers, or there are too
       many of them, or they come first and are headed ...name, ...date or ...id.
    4. The answers are the one column of words. True and False are numbers beside others.
    5. The first column numbers the rows if `_numbers_rows` says so.
    6. The answers are at the end or the beginning: see `_at_an_end`.
    """
    left_out = dict[Column, str]()
    for each in columns:
        if not each.first and not _PIXEL.fullmatch(each.heading or ""):
            left_out[each] = EMPTY
        elif each.heading is not None and re.sub(r"[\W_]", "", each.heading) in ROW_NAMES:
            left_out[each] = NAMES_ROWS
    is_place = len(columns) > 2 and any(each.heading == "x" for each in columns)  # and y another
    names = ANSWERS[: -1 if is_place else None]
    called = [each for name in names for each in columns if each.heading == name and each.first]
    called.sort(key=lambda each: not each.has_words)
    answers = called[:1]
    left_out |= {each: MORE_ANSWERS for each in called[1:] if each.has_words or each.different > 1}
    taken = {*left_out, *called}
    words = [each for each in columns if each.has_words and each not in taken]
    if len(words) > (not answers):
        words = [each for each in words if not each.is_logical]
    others = answers or [each for each in words if not each.all_differ]
    for each in words:
        is_name = not each.place and (each.heading or "").endswith(("name", "date", "id"))
        if each.all_differ and (others or is_name or len(each.cells) > MAX_ANSWERS):
            left_out[each] = NAMES_ROWS
    answers = [*answers, *(each for each in words if each not in left_out)]
    if len(answers) > 1:
        raise BadFile(f"has words in {answers[-1]}, not numbers")
    taken = {*left_out, *answers}
    rest = [each for each in columns if each not in taken]
    if rest and _numbers_rows(rest, inputs, is_answered=bool(answers)):
        left_out[rest.pop(0)] = NAMES_ROWS
    if rest and not answers:
        answers = _at_an_end(rest, inputs)
        rest = [each for each in rest if each not in answers]
    if not rest:
        raise BadFile("has no column of numbers" + " but the answers" * bool(answers))
    return rest, answers, left_out


def _numbers_rows(columns: Columns, inputs: int | None, *, is_answered: bool) -> bool:
    """Whether the first column of a table, if it is one of numbers, numbers the rows.

    With a heading: if that ends in id, and they are whole and differ. Without one: if it rises by
    one in MANY rows, or rises where there are one or two more than a case is to have. Raises
    BadFile if the last may be answers as well.
    """
    first, last = columns[0], columns[-1]
    if first.place or (first.numbers % 1).any():
        return False
    if first.heading is not None:
        return first.heading.endswith("id") and first.all_differ
    steps = np.diff(first.numbers)
    if inputs is None:
        return len(columns) > 2 and len(steps) >= MANY - 1 and bool((steps[: MANY - 1] == 1).all())
    more = len(columns) - inputs
    if more not in (1, 2) or not len(steps) or steps.min() < 1:
        return False
    if more == 1 and not is_answered and not is_square(inputs) and last.different > 1:
        raise BadFile(
            "has a first column that may number its rows, and a last one that may be answers: "
            "head them with id and label"
        )
    return True


def _at_an_end(columns: Columns, inputs: int | None) -> Columns:
    """The answers that neither headings nor words tell: columns that are one-hot, at the end or
    beside a picture; else what is left over of a picture; else the last column, or the first if
    only that has few different numbers.
    """
    size, first, last = len(columns), columns[0], columns[-1]
    for places in (columns[size - _one_hot(columns[::-1]) :], columns[: _one_hot(columns)]):
        if not places or inputs not in (None, size - len(places)):
            continue
        others = [each for each in columns if each not in places]
        has_picture = is_square(len(others)) and _are_pixels(others) is not False
        stems = {re.sub(r"_[^_]*$|\d+$", "", each.heading) for each in places if each.heading}
        may_differ = places[-1] is last and len(places) > 2 and len(stems) != 1
        if has_picture or may_differ or stems & {*ANSWERS}:
            return places
        if places[-1] is last and len(stems) == 1:  # the values of one column, which is no answer
            return []
    headed = [each for each in columns if each.heading is not None]
    others = [each for each in headed if not _PIXEL.fullmatch(each.heading or "")]
    has_answers = inputs in (None, size - 1)
    chosen = None
    if len(others) == 1:
        chosen = others[0]
    elif headed:
        chosen = last if has_answers and last in others else None
    elif is_square(size - 1):
        chosen = next((each for each in (first, last) if each.different > 1), None)
    elif has_answers and is_square(size):
        has_pixels = all(
            ((each.numbers % 1 == 0) & (each.numbers <= 255)).all() for each in columns
        )
        chosen = last if not has_pixels and last.different > 1 else None
    elif has_answers:
        is_first = 0 < 10 * first.different <= len(first.cells) and not last.different
        chosen = first if is_first else last
    is_constant = inputs is None and chosen and len({*chosen.cells}) == 1
    return [] if chosen is None or is_constant else [chosen]


def _one_hot(columns: Columns) -> int:
    """How many columns, from the first on, have a 1 in one of them in each row; 0 if none have."""
    some = columns[: min(MAX_ANSWERS, len(columns) - 1)]
    sums = np.cumsum([each.numbers for each in some], axis=0)
    count = next((k for k, total in enumerate(sums, 1) if (total == 1).all()), 0)
    return count if all({*each.numbers.tolist()} == {0, 1} for each in some[:count]) else 0


def _are_pixels(columns: Columns) -> bool | None:
    """Whether these are headed as pixels; None without headings, and for x1, x2, ..."""
    names = [each.heading for each in columns if each.heading is not None]
    named = [name for name in names if _PIXEL.fullmatch(name)]
    if len(named) < 0.9 * len(names):
        return False
    return True if is_square(len(named)) and re.match(r"pi?x|\d+x", named[0]) else None


class _Reader:
    """Reads the numbers, the answers, and one column that names the rows."""

    def __init__(
        self, delimiter: str, columns: Columns, inputs: int | None, notes: list[str]
    ) -> None:
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
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                block = np.loadtxt(
                    lines,
                    np.float32,
                    comments=None,
                    delimiter=None if self.delimiter == " " else self.delimiter,
                    converters={each.place: _number for each in self.numbers if each.is_logical},
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
            texts += [row[column.place].strip()[:MAX_WORD] for row in rows]
        for number, word in enumerate(self.words[self.rows :], self.rows + 1):
            if _is_missing(word):
                raise BadFile(f"has no answer in row {number:,}")
        self.rows += len(lines)

    def _problem(self, lines: list[str]) -> str:
        for number, cells in enumerate(_cells(lines, self.delimiter), self.rows + 1):
            if len(cells) != self.width:
                return f"has {len(cells)} columns in row {number:,}, not {self.width}"
            for k in (column.place for column in self.numbers):
                if not _is_number(cells[k]):
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
        return Contents(sets, self.notes, is_picture=_are_pixels(self.inputs))
