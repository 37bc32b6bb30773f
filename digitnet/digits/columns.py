"""What each column of a table is: an input, an answer, or the name of a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import BadFile
from digitnet.digits.own import MAX_ANSWERS
from digitnet.digits.recognize import is_square

# headings of a column of answers
ANSWERS = ("label", "labels", "answer", "answers", "class", "target", "digit", "species", "y")
# headings of a column that numbers or names the rows, in letters and figures alone
ROW_NAMES = ("", "id", "index", "nr", "imageid", "unnamed0", "filename", "imagename", "file")
LOGICAL = {"true": 1, "false": 0}
MISSING = ("", "na", "nan", "null", "?")  # cells without a value, in small letters
MANY = 20  # rows without headings that a first column numbers if it rises by one
# why a column is left out
NAMES_ROWS, EMPTY, MORE_ANSWERS = "it names the rows", "it is empty", "answers too"

# such as 1,100 or 40% or ($5), but no date, and neither >5 nor 5+
_BAD_NUMBER = re.compile(r"[-+−($€£¥ ]*\d[\d.,'’ _]*[%$€£¥) ]*")
_PIXEL = re.compile(r"(pixel|px|p|x)?[ _]?\d+([x_.,]\d+)?")


def number_in(cell: str) -> float:
    """The number in a cell; True is 1, and False 0. Raises ValueError for anything else."""
    plain = cell.replace("_", " ")  # Python reads 1_0 as 10
    return float(LOGICAL.get(cell.strip().lower(), plain))


def is_number(cell: str) -> bool:
    try:
        number_in(cell)
    except ValueError:
        return False
    return True


def is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def is_word(cell: str) -> bool:
    return not is_missing(cell) and not is_number(cell)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table and the cells of some of its rows; heading: None if it has none."""

    place: int
    heading: str | None
    cells: Sequence[str]

    @cached_property
    def first(self) -> str:
        """The first cell with a value; empty if none has one."""
        return next((cell.strip() for cell in self.cells if not is_missing(cell)), "")

    @cached_property
    def is_logical(self) -> bool:
        return any(cell.strip().lower() in LOGICAL for cell in self.cells)

    @cached_property
    def has_words(self) -> bool:
        is_bad_number = self.heading not in ANSWERS and _BAD_NUMBER.fullmatch(self.first)
        return self.first.lower() in LOGICAL or (is_word(self.first) and not is_bad_number)

    @property
    def all_differ(self) -> bool:
        return len({*self.cells}) == len(self.cells)

    @cached_property
    def numbers(self) -> NDArray[Any]:
        """The numbers in the cells; NaN for what is none."""
        values = [number_in(cell) if is_number(cell) else np.nan for cell in self.cells]
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
        has_picture = is_square(len(others)) and are_pixels(others) is not False
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


def are_pixels(columns: Columns) -> bool | None:
    """Whether these are headed as pixels; None without headings, and for x1, x2, ..."""
    names = [each.heading for each in columns if each.heading is not None]
    named = [name for name in names if _PIXEL.fullmatch(name)]
    if len(named) < 0.9 * len(names):
        return False
    return True if is_square(len(named)) and re.match(r"pi?x|\d+x", named[0]) else None
