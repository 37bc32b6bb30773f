"""Reads tables written as text: CSV files, with a column of answers or without one."""

import codecs
import csv
import gzip
import io
import re
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, zip_longest
from math import isqrt
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, ReadSoFar, open_bounded
from digitnet.digits.own import MAX_ANSWERS
from digitnet.digits.recognize import Contents, Part, is_square
from digitnet.engine.report import Report, ignore

MAX_BYTES = 2 << 30
MAX_CELLS = 1 << 28
CHUNK = 1 << 22  # characters read at a time, and the maximum length of a line
DELIMITERS = ";\t, "
# headings of a column of answers
ANSWERS = ("label", "labels", "answer", "answers", "class", "target", "digit", "species", "y")
# headings of a column that numbers or names the rows, in letters and figures alone
ROW_NAMES = ("", "id", "index", "nr", "imageid", "unnamed0", "filename", "imagename", "file")
MISSING = ("", "na", "nan", "null", "?")  # cells without a value, in small letters
MANY = 20  # rows without headings that a first column numbers if it rises by one
NAMES_ROWS, EMPTY = "it names the rows", "it is empty"  # why a column is left out
LOOKED_AT = 200  # rows by which it is told what a column holds
MAX_WORD = 200  # characters of a word that are read

_DECIMAL_COMMA = re.compile(r'(^|[;\t"]) *([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)(?=\s*(?:[;\t"]|$))')
_BAD_NUMBER = re.compile(r"[-+]?[\d.,'’ ]*\d[\d.,'’ ]*%?")  # such as 1,100 or 40%
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
        declared = re.match('"?sep=(.)', lines[0]) if lines else None  # by Excel
        lines = lines[bool(declared) :]
        if not lines:
            raise BadFile("holds no table")
        guessed = next((d for d in DELIMITERS if d in lines[:3][-1]), ",")
        delimiter = declared[1] if declared else guessed
        notes = []
        if delimiter in ";\t" and any(map(_DECIMAL_COMMA.search, lines)):
            lines, chunks = _with_points(lines), map(_with_points, chunks)
            notes.append("commas in numbers taken for decimal points")
        rows = [*_cells(lines[:LOOKED_AT], delimiter)]
        names = []
        if _are_headings(rows[0], rows[:3][-1]):
            names = [name.strip(" #").lower() for name in rows[0]]  # numpy.savetxt writes a #
            rows, lines = rows[1:], lines[1:]
            if not rows:
                raise BadFile("has headings but no rows")
            if len(names) == len(rows[0]) + 1 and not names[-1]:
                names.pop()  # only the headings end with a delimiter, or only the rows
            elif len(rows[0]) == len(names) + 1 and not rows[0][-1].strip():
                names.append("")
            if len(rows[0]) != len(names):
                raise BadFile(
                    f"has {len(names)} columns in its first row, {len(rows[0])} in the next"
                )
        reader = _Reader(delimiter, rows, names, inputs)
        reader.add(lines)
        for lines in chunks:
            reader.add(lines)
    reader.notes += notes
    return reader.contents(part, inputs)


def _with_points(lines: list[str]) -> list[str]:
    return [_DECIMAL_COMMA.sub(r"\1\2.\3", line) for line in lines]


def _cells(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    except csv.Error:
        raise BadFile("has a cell that is too long") from None


def _chunks(file: BinaryIO, report: Callable[[], None]) -> Iterator[list[str]]:
    """The lines of a text file, some megabytes at a time. Raises BadFile if it is not text."""
    head = file.read(4)
    file.seek(0)
    packed = gzip.GzipFile(fileobj=file) if head[:2] == b"\x1f\x8b" else file
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        with io.TextIOWrapper(packed, encoding, errors="cp1252", newline=None) as text:
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


def _by_windows(error: Any) -> tuple[str, int]:
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("cp1252", _by_windows)


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


def _number_columns(headings: Sequence[str]) -> bool:
    """Whether headings only count the columns, from 0 or 1, as pandas writes them."""
    starts = [[str(k + start) for k in range(len(headings))] for start in (0, 1)]
    return bool(headings) and [*headings] in starts


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_word(cell: str) -> bool:
    return not _is_missing(cell) and not _is_number(cell)


def _use(heading: str, cells: Sequence[str]) -> str:
    """What the first cells of a column are: numbers, words, or a reason to leave it out."""
    first = next((cell for cell in cells if not _is_missing(cell)), "")
    if not first and not _PIXEL.fullmatch(heading):
        return EMPTY
    if re.sub(r"[\W_]", "", heading) in ROW_NAMES:
        return NAMES_ROWS
    is_bad_number = heading not in ANSWERS and _BAD_NUMBER.fullmatch(first.strip())
    return "words" if _is_word(first) and not is_bad_number else "numbers"


def _words_name_rows(names: Sequence[str], place: int, words: Sequence[str]) -> bool:
    """Whether words that all differ are no answers: others are so called, or they are too many."""
    called = _called_answers(names)
    is_name = place == 0 and bool(names) and names[0].endswith(("name", "date", "id"))
    all_differ = place not in called and len({*words}) == len(words)
    return all_differ and (bool(called) or is_name or len(words) > MAX_ANSWERS)


def _numbers_name_rows(
    names: Sequence[str], numbers: Sequence[Sequence[str]], more: int | None, *, has_words: bool
) -> bool:
    """Whether the first column of numbers numbers the rows.

    With headings: if its heading ends in id, and they are whole and differ. Without them: if it
    rises by one in MANY rows, or rises where there are one or two `more` than a case is to have.
    has_words: whether the answers are words. Raises BadFile if the last may be answers as well.
    """
    first, last = numbers[0], numbers[-1]
    values = np.array([float(cell) if _is_number(cell) else np.nan for cell in first])
    if not np.isfinite(values).all():
        return False
    if names:
        is_id = names[0].endswith("id") and len({*first}) == len(first)
        return is_id and not (values % 1).any()
    steps = np.diff(values)
    if more is None:
        return len(numbers) > 2 and len(steps) >= MANY - 1 and bool((steps == 1).all())
    if more not in (1, 2) or not len(steps) or not (steps >= 1).all() or (steps % 1).any():
        return False
    is_clear = more == 2 or has_words or is_square(len(numbers) - 1)
    if not is_clear and all(map(_is_number, last)) and _may_be_answers(np.array(last, float)):
        raise BadFile(
            "has a first column that may number its rows, and a last one that may be answers: "
            "head them with id and label"
        )
    return True


class _Reader:
    """Reads numbers, one column of words, which are answers, and one that names the rows."""

    def __init__(
        self, delimiter: str, rows: list[list[str]], names: Sequence[str], inputs: int | None
    ) -> None:
        self.columns, self.delimiter, self.names = len(rows[0]), delimiter, names
        self.notes, uses = list[str](), defaultdict[str, list[int]](list)
        # without headings, only the first and the last column may be no pixels
        called = names or ["first", *["0"] * (self.columns - 2), "last"][: self.columns]
        columns = [*zip_longest(*rows, fillvalue="")][: self.columns]
        for k, (heading, cells) in enumerate(zip(called, columns, strict=True)):
            use = _use(heading, cells)
            if use == "words" and _words_name_rows(names, k, cells):
                use = NAMES_ROWS
            uses[use].append(k)
        words, self.numbers = uses["words"], uses["numbers"]
        more = None if inputs is None else len(self.numbers) - inputs
        numbers = [columns[k] for k in self.numbers]
        if self.numbers[:1] == [0] and _numbers_name_rows(
            names, numbers, more, has_words=bool(words)
        ):
            uses[NAMES_ROWS].insert(0, self.numbers.pop(0))
        for reason in (NAMES_ROWS, EMPTY):
            for k in uses[reason]:
                column = _shown(names[k]) if names and names[k] else "without a heading"
                self.notes.append(f"column {column} left out: {reason}")
        if len(words) > 1:
            raise BadFile(f"has the row {_shown(delimiter.join(rows[0]))}: not numbers")
        if words and names and names[words[0]] not in ANSWERS and _called_answers(names):
            raise BadFile(f"has words in column {_shown(names[words[0]])}, not numbers")
        if not self.numbers:
            raise BadFile("has no column of numbers")
        self.answers, self.row_names = list[str](), list[str]()
        self.texts = [(k, self.answers) for k in words]
        if inputs is not None:  # to import a table, no names of rows are needed
            self.texts += [(k, self.row_names) for k in uses[NAMES_ROWS][:1]]
        self.blocks: list[NDArray[Any]] = []
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
        rows = [*_cells(lines, self.delimiter)] if self.texts else []
        for k, texts in self.texts:
            texts += [row[k].strip()[:MAX_WORD] for row in rows if len(row) == self.columns]
            if len(texts) != self.rows:
                raise BadFile("is not a table of numbers")
        for number, word in enumerate(self.answers[-len(lines) :], self.rows - len(lines) + 1):
            if _is_missing(word):
                raise BadFile(f"has no answer in row {number:,}")

    def _problem(self, lines: list[str]) -> str:
        for number, cells in enumerate(_cells(lines, self.delimiter), self.rows + 1):
            if len(cells) != self.columns:
                return f"has {len(cells)} columns in row {number:,}, not {self.columns}"
            for k in self.numbers:
                if not _is_number(cells[k]):
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
        answers: NDArray[Any] | None = None
        places = list[int]()
        if self.answers:
            where = self.names[self.texts[0][0]] if self.names else f"{self.texts[0][0] + 1}"
            self.notes.append(f"answers from column {_shown(where)}")
            answers = np.array(self.answers)
        elif places := _answer_columns(numbers, headings, inputs):
            end = "last" if places[0] else "first"
            where = f"column {_shown(headings[places[0]])}" if headings else f"the {end} column"
            where = f"the {end} {len(places)} columns" if len(places) > 1 else where
            self.notes.append(f"answers from {where}")
            answers = numbers[:, places]
        called = {self.names[k] for k in _called_answers(self.names) if answers is not None}
        others = [
            k
            for k, name in enumerate(headings)
            if name in called and k not in places and _may_be_answers(numbers[:, k])
        ]
        if others:
            names = ", ".join(_shown(headings[k]) for k in others)
            self.notes.append(f"column {names} left out: answers too")
        numbers = np.delete(numbers, [*places, *others], 1)
        headings = [name for k, name in enumerate(headings) if k not in (*places, *others)]
        if not numbers.shape[1]:
            raise BadFile("has no column of numbers but the answers")
        sets = [Part(part, numbers, answers, self.row_names)]
        return Contents(sets, self.notes, is_picture=_are_pixels(headings))


def _are_pixels(headings: Sequence[str]) -> bool | None:
    """Whether these are headings of pixels; None without headings."""
    if not headings:
        return None
    named = sum(bool(_PIXEL.fullmatch(name)) for name in headings)
    return named > 0.9 * len(headings) and isqrt(len(headings)) ** 2 == len(headings) >= 16


def _answer_columns(
    numbers: NDArray[Any], headings: Sequence[str], inputs: int | None
) -> list[int]:
    """The column of the answers, or the last or first ones if they are one-hot answers."""
    if called := _called_answers(headings):
        return called[:1]
    width = numbers.shape[1]
    last, first = _one_hot_count(numbers[:, ::-1]), _one_hot_count(numbers)
    for places in (range(width - last, width), range(first)):
        if not places or inputs not in (None, width - len(places)):
            continue
        others = [name for k, name in enumerate(headings) if k not in places]
        has_picture = _are_pixels(others) if headings else is_square(width - len(places))
        stems = {re.sub(r"_[^_]*$|\d+$", "", headings[k]) for k in places if headings}
        may_differ = places.start and len(places) > 2 and len(stems) != 1
        if has_picture or may_differ or stems & {*ANSWERS}:
            return [*places]
        if places.start and len(stems) == 1:  # the values of one column, which is no answer
            return []
    place = _place_of_answers(numbers, headings, inputs in (None, width - 1))
    is_constant = inputs is None and place is not None and len(np.unique(numbers[:, place])) == 1
    return [] if place is None or is_constant else [place]


def _place_of_answers(
    numbers: NDArray[Any], headings: Sequence[str], has_answers: bool
) -> int | None:
    """The column of the answers if none is so called: the only one that is not a pixel.

    Without headings it is the first or the last, whichever has several whole numbers; the last if
    both have and the others are no pictures. None if there is none, as where all are a picture.
    """
    last = numbers.shape[1] - 1
    if headings:
        others = [k for k, name in enumerate(headings) if not _PIXEL.fullmatch(name)]
        return others[-1] if len(others) == 1 or (has_answers and last in others) else None
    has_pixels, has_more = map(is_square, (last, last + 1))
    if (has_more and numbers.dtype == np.uint8) or not (has_answers or has_pixels):
        return None
    possible = [k for k in ((0, last) if has_pixels else (last,)) if _may_be_answers(numbers[:, k])]
    return possible[0] if possible else None if has_pixels or has_more else last


def _called_answers(headings: Sequence[str]) -> list[int]:
    """The columns called so, the likeliest first; with an x and others, y is a number of a case."""
    is_place = "x" in headings and len(headings) > 2
    called = [k for k, name in enumerate(headings) if name in ANSWERS[: -1 if is_place else None]]
    return sorted(called, key=lambda k: ANSWERS.index(headings[k]))


def _one_hot_count(columns: NDArray[Any]) -> int:
    """How many columns, from the first on, have a 1 in one of them in each row; 0 if none have."""
    total = np.zeros(len(columns))
    for count in range(1, min(MAX_ANSWERS, columns.shape[1] - 1) + 1):
        column = columns[:, count - 1]
        total += column
        if column.min() != 0 or column.max() != 1 or total.max() > 1:
            return 0
        if total.min() == 1:
            return count
    return 0


def _may_be_answers(column: NDArray[Any]) -> bool:
    different = np.unique(column[:5000])
    return 1 < len(different) <= 100 and bool((different == np.round(different)).all())


def _shown(text: str) -> str:
    return repr(text[:40])
