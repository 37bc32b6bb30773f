"""Recognises what arrays of cases hold: layout, scale, polarity, orientation, and the answers.

Whatever is changed is said in a note. What cannot be recognised is refused with BadFile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isqrt, prod
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from digitnet.digits.files import BadFile, Bytes
from digitnet.digits.own import MAX_ANSWERS
from digitnet.digits.prepare import BOX, SIDE, areas
from digitnet.engine.arrays import Array

SMALL = (11, 11)  # rows and columns of sample11's pictures
SMALLEST, LARGEST = 8, 256  # pixels of the side of pictures in arrays
# paper and ink, or ink and paper, in usual scales of pixels
SCALES = ((0, 255), (0, 1), (-1, 1), (-0.5, 0.5), (0, 15), (0, 16), (0, 65535))
OVERSHOOT = 0.3  # fraction of the scale by which resized pictures may exceed it
SAMPLE = 2000  # pictures looked at where a sample will do
CHUNK = 4096
MAX_WORD = 40  # characters of an answer in words
SURE = 0.2  # minimum difference of correlations at which pictures are turned


@dataclass(frozen=True)
class Part:
    """Inputs, answers, what part of a data set they are, and, if their file says so, the names of
    the cases and the headings of the inputs.
    """

    part: int | None
    inputs: NDArray[Any]
    answers: NDArray[Any] | None
    row_names: Sequence[str] = ()
    headings: Sequence[str] = ()


@dataclass
class Contents:
    """What files hold: arrays as they are there, or, from `recognized`, as digitnet uses them.

    notes: how they were understood and what was changed. left_out: files that could not be used,
    with reasons. is_picture: None if only the shapes tell. names: of the files that were read.
    words: the name of each answer, from 0, if the answers are words.
    """

    sets: list[Part]
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    is_picture: bool | None = None
    names: list[str] = field(default_factory=list)
    words: tuple[str, ...] = ()


def recognized(contents: Contents, digits: Array | None, pixels: int | None = None) -> Contents:
    """The cases in arrays, as digitnet uses them: pictures as bytes or tables, and their answers.

    digits: (10, 28, 28), the mean picture of each digit, by which sideways ones are told. pixels:
    those that a network takes; if they are 121, pictures of 11 x 11 stay as they are.
    """
    notes = list(contents.notes)
    inputs: list[NDArray[Any]] = []
    for each in contents.sets:
        count = None if each.answers is None else len(each.answers)
        cases = _arranged(each.inputs, count, notes, contents.is_picture)
        if count is not None and count != len(cases):
            raise BadFile(f"has {count:,} answers for {len(cases):,} cases")
        inputs.append(cases)
    shapes = {cases.shape[1:] for cases in inputs}
    if len(shapes) > 1:
        raise BadFile("has cases of several sizes")
    is_picture = len(shapes.pop()) == 2
    if is_picture:
        groups = [inputs] if _have_one_scale(inputs) else [[each] for each in inputs]
        may_be_table = contents.is_picture is None and contents.sets[0].inputs.ndim == 2
        try:
            inputs = [each for group in groups for each in _as_ink(group, notes)]
        except BadFile:  # in no scale of pixels
            if not may_be_table:
                raise
            is_picture, notes = False, list(contents.notes)
            inputs = [each.reshape(len(each), -1) for each in inputs]
    given = [_flat(each.answers, notes) for each in contents.sets if each.answers is not None]
    answers: list[Bytes | None] = [None] * len(inputs)
    words: tuple[str, ...] = ()
    if len(given) == len(inputs):
        every, words = _as_answers(np.concatenate(given), is_picture=is_picture)
        answers = list(np.split(every, np.cumsum([len(each) for each in given])[:-1]))
    if is_picture:
        if inputs[0].shape[1:] != SMALL or pixels != prod(SMALL):
            inputs = [_resized(each, notes) for each in inputs]
        sideways = _is_sideways(inputs[0], answers[0], digits)
        if sideways is None:
            sideways = any("emnist" in name.lower() for name in contents.names)
        if sideways:
            notes.append("turned upright")
            inputs = [np.ascontiguousarray(each.transpose(0, 2, 1)) for each in inputs]
    else:
        headings = contents.sets[0].headings
        named = f": {', '.join(headings[:5])}" + ", ..." * (len(headings) > 5) if headings else ""
        ending = "s" * (inputs[0].shape[1] > 1)
        notes.append(f"a table of {inputs[0].shape[1]:,} number{ending} a case{named}")
        inputs = [np.ascontiguousarray(each, np.float32) for each in inputs]
        if not all(np.isfinite(each).all() for each in inputs):
            raise BadFile("has numbers that are not finite")
    made = zip(contents.sets, inputs, answers, strict=True)
    sets = [replace(each, inputs=cases, answers=its) for each, cases, its in made]
    return Contents(sets, [*dict.fromkeys(notes)], contents.left_out, is_picture, words=words)


def _arranged(
    array: NDArray[Any], count: int | None, notes: list[str], is_picture: bool | None
) -> NDArray[Any]:
    """Pictures (cases, rows, columns) or a table (cases, columns) in an array of any usual layout:

    (N, rows, columns), with 1, 3 or 4 channels before or after, (N, pixels), (N, pixels, 1), or
    with the cases last. count: the number of answers, if known. is_picture: None if that is to be
    told from the number of columns: a square from 8 x 8 on.
    """
    if array.ndim > 1 and array.shape[-1] == count != array.shape[0]:
        array = np.moveaxis(array, -1, 0)
        notes.append("cases taken from the last axis")
    if array.ndim == 4:
        axis = 1 if array.shape[1] in (1, 3, 4) and array.shape[3] not in (1, 3, 4) else 3
        channels = array.shape[axis]
        if channels not in (1, 3, 4):
            raise BadFile(f"has arrays of {_times(array.shape)}, not of pictures")
        if channels == 1:
            array = array.take(0, axis)
        else:
            array = array.take(range(3), axis).mean(axis, dtype=np.float32)
            notes.append("colours made grey")
    if array.ndim == 3 and 1 in array.shape[1:]:
        array = array.reshape(len(array), -1)
    if array.ndim == 2:
        side = isqrt(array.shape[1])
        if is_picture and not is_square(array.shape[1]):
            raise BadFile(f"has pictures of {array.shape[1]:,} pixels, which are no square")
        if is_square(array.shape[1]) and is_picture is not False:
            array = array.reshape(-1, side, side)
    if array.ndim not in (2, 3) or array.size == 0:
        raise BadFile(f"has an array of {_times(array.shape)}, not of cases")
    sides = array.shape[1:]
    if array.ndim == 3 and not SMALLEST <= min(sides) <= max(sides) <= LARGEST:
        raise BadFile(
            f"has pictures of {_times(sides)} pixels; {SMALLEST} to {LARGEST} a side are read"
        )
    return array


def is_square(pixels: int) -> bool:
    return isqrt(pixels) ** 2 == pixels >= SMALLEST**2


def _times(sides: Sequence[int]) -> str:
    return " x ".join(f"{n:,}" for n in sides)


# scale and polarity


def _have_one_scale(arrays: Sequence[NDArray[Any]]) -> bool:
    """Whether arrays of pictures may be on one scale: not, say, 0 to 1 and 0 to 255."""
    usual = [_usual_scale(float(each.min()), float(each.max())) for each in arrays]
    widths = [scale[1] - scale[0] for scale in usual if scale is not None]
    return len(widths) < len(arrays) or max(widths) <= 2 * min(widths)


def _usual_scale(low: float, high: float) -> tuple[float, float] | None:
    """The scale in which pixels from `low` to `high` fit, and not in half of it."""
    return next((scale for scale in SCALES if _covers(scale, low, high, 1e-6)), None)


def _covers(scale: tuple[float, float], low: float, high: float, excess: float) -> bool:
    """Whether they do; excess: the fraction of the scale by which they may exceed it."""
    start, end = scale
    width = end - start
    # the darkest paper of a scan may be far from 0, but standardised pixels are near -1 by chance
    highest_low = start + (0.5 if start == 0 else 0.05) * width
    return (
        start - excess * width <= low <= highest_low
        and end - 0.5 * width < high <= end + excess * width
    )


def _as_ink(arrays: Sequence[NDArray[Any]], notes: list[str]) -> list[Bytes]:
    """Pictures (cases, rows, columns) of one scale as bytes: 0 for paper, 255 for full ink."""
    low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
    if not np.isfinite([low, high]).all():
        raise BadFile("has pixels that are not finite numbers")
    if low == high:
        raise BadFile(f"has pictures whose pixels are all {low:g}")
    start, end = _usual_scale(low, high) or _linear_scale(arrays, low, high)
    made = [_bytes(a, start, end) for a in arrays]
    notes.append(f"pixels {round(start, 3):g} to {round(end, 3):g}, {inverted(made)}")
    return made


def _linear_scale(arrays: Sequence[NDArray[Any]], low: float, high: float) -> tuple[float, float]:
    """Paper and ink, or ink and paper, in no usual scale: on any linear one, most pixels are paper.

    Resized pictures exceed the usual scales a little, but their paper does not. Raises BadFile if
    no scale is recognised.
    """
    some = np.concatenate([a[:: max(1, len(a) // SAMPLE)].ravel() for a in arrays])
    counts, edges = np.histogram(some, 100, (low, high))
    first, last = edges[counts.argmax() : counts.argmax() + 2]
    means = np.average([a.mean(axis=0, dtype=float) for a in arrays], 0, [*map(len, arrays)])
    is_standardised = np.abs(means).max() < 1e-3 * (high - low)
    for scale in () if is_standardised else SCALES:
        if _covers(scale, low, high, OVERSHOOT) and any(first <= end <= last for end in scale):
            return scale
    if is_standardised or (low < first and last < high):
        raise BadFile(
            f"has pixels from {low:.3g} to {high:.3g} in no scale that can be recognised: "
            "0 to 255, 0 to 1 and other linear ones are; standardising each pixel cannot be undone"
        )
    return low, high


def _bytes(array: NDArray[Any], start: float, end: float) -> Bytes:
    """Pixels from `start` to `end` as 0 to 255."""
    if array.dtype == np.uint8 and (start, end) == (0, 255):
        return array.copy()
    made = np.empty(array.shape, np.uint8)
    for at in range(0, len(array), CHUNK):
        scaled = np.subtract(array[at : at + CHUNK], start, dtype=float) * (255 / (end - start))
        made[at : at + CHUNK] = np.round(np.clip(scaled, 0, 255))
    return made


def inverted(pictures: Sequence[Bytes]) -> str:
    """Makes dark ink on light paper light on dark, in place; says which it was.

    Paper is what the border of a picture is. Most pictures decide for all, unless every border is
    clearly light or dark.
    """
    borders = [np.median(_border(each), axis=1) for each in pictures]
    every = np.concatenate(borders)
    light = every > 127
    if 0.1 < light.mean() < 0.9 and (np.abs(every - 127) > 90).mean() > 0.95:
        for each, border in zip(pictures, borders, strict=True):
            each[border > 127] = 255 - each[border > 127]
        return f"{light.sum():,} of {len(light):,} dark on light, inverted"
    most = light.mean() >= 0.5
    for each in pictures if most else ():
        np.subtract(255, each, out=each)
    others = np.count_nonzero(light != most)
    also = f", also {others:,} of {len(light):,} that look otherwise" * bool(others)
    return ("dark on light, inverted" if most else "light on dark") + also


def _border(pictures: Bytes) -> Bytes:
    sides = pictures[:, 0], pictures[:, -1], pictures[:, 1:-1, 0], pictures[:, 1:-1, -1]
    return np.concatenate(sides, axis=1)


# size and orientation


def _resized(pictures: Bytes, notes: list[str]) -> Bytes:
    """The pictures at 28 x 28; those up to 20 x 20 keep MNIST's margin of 4 pixels."""
    sides = pictures.shape[1:]
    if sides == (SIDE, SIDE):
        return pictures
    notes.append(f"resized from {_times(sides)} to {SIDE} x {SIDE}")
    longest = max(sides)
    margins = [(0, 0), *(((longest - n) // 2, -(-(longest - n) // 2)) for n in sides)]
    inner = BOX if longest <= BOX else SIDE
    made = np.zeros((len(pictures), SIDE, SIDE), np.uint8)
    place = np.s_[(SIDE - inner) // 2 : (SIDE + inner) // 2]
    for at in range(0, len(pictures), CHUNK):
        square = np.pad(pictures[at : at + CHUNK], margins).astype(np.float32)
        if longest > inner:
            averages = areas(longest, inner)
            small = averages @ square @ averages.T
        else:
            zoom = inner / longest
            small = scipy.ndimage.zoom(
                square, (1, zoom, zoom), order=1, grid_mode=True, mode="nearest"
            )
        made[at : at + CHUNK, place, place] = np.round(small)
    return made


def _is_sideways(pictures: Bytes, answers: Bytes | None, digits: Array | None) -> bool | None:
    """Whether pictures look more like digits when rows and columns are swapped; None if unclear.

    Compared are the differences of the digits from their mean, in which clothes and letters are
    like none.
    """
    if answers is None or digits is None or answers.max() > 9 or pictures.shape[1] != SIDE:
        return None
    present = np.unique(answers)
    if len(present) < 5:
        return None
    means = np.stack([pictures[answers == digit].mean(axis=0) for digit in present])
    means, wanted = means - means.mean(axis=0), digits[present] - digits[present].mean(axis=0)
    if not means.any():
        return None
    upright, swapped = (
        float(np.corrcoef(each.ravel(), wanted.ravel())[0, 1])
        for each in (means, means.transpose(0, 2, 1))
    )
    if max(upright, swapped) < 2 * SURE or abs(upright - swapped) < SURE:
        return None
    return swapped > upright


# answers


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _flat(answers: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    """An answer for each case; of several columns, that of the one large number in each row."""
    columns = answers.reshape(len(answers), -1)
    if columns.shape[1] == 1:
        return columns[:, 0]
    if columns.dtype.kind == "U":
        raise BadFile(f"has {columns.shape[1]} words as the answer of a case")
    low, high = columns.min(), columns.max()
    is_large = columns > (float(low) + float(high)) / 2
    if not (is_large.sum(axis=1) == 1).all() or not np.isin(columns, (low, high)).all():
        count = columns.shape[1]
        raise BadFile(f"has {count} numbers as the answer of a case, which is not one-hot")
    notes.append("answers were one-hot")
    largest: NDArray[np.intp] = is_large.argmax(axis=1)
    return largest


def _as_answers(answers: NDArray[Any], *, is_picture: bool) -> tuple[Bytes, tuple[str, ...]]:
    """Answers, numbers or words, as whole numbers from 0, and the words that they stand for."""
    if answers.dtype.kind == "U":
        small = [word.strip().lower() for word in answers.tolist()]
        if {*small} <= {*DIGITS}:
            return np.array([DIGITS.index(word) for word in small], np.uint8), ()
        try:
            answers = answers.astype(float)
        except ValueError:
            return _numbered(answers)
    if answers.dtype.kind == "f":
        bad = answers[~np.isfinite(answers) | (answers != np.round(answers))]
        if len(bad):
            raise BadFile(f"has the answer {bad[0]:g}; answers are whole numbers")
    low, high = answers.min(), answers.max()
    if not 0 <= low <= high < MAX_ANSWERS:
        if not is_picture:
            return _numbered(answers.astype(int))
        bad = low if low < 0 else high
        raise BadFile(f"has answers other than 0 to {MAX_ANSWERS - 1}: {bad:g}")
    if is_picture and (low, high) == (1, 10):
        raise BadFile("has the answers 1 to 10: it is unclear which is 0. Use 0 to 9")
    return answers.astype(np.uint8), ()


def _numbered(answers: NDArray[Any]) -> tuple[Bytes, tuple[str, ...]]:
    names, numbers = np.unique(answers, return_inverse=True)
    if len(names) > MAX_ANSWERS:
        raise BadFile(f"has {len(names):,} different answers; at most {MAX_ANSWERS} are told apart")
    words = tuple("".join(filter(str.isprintable, str(each)))[:MAX_WORD] for each in names)
    if len(set(words)) < len(words):
        raise BadFile(f"has different answers whose first {MAX_WORD} characters are the same")
    return numbers.astype(np.uint8), words
