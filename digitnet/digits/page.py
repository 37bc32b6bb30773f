"""Reads a picture of one digit or of a page of them: where each is, and how sure that it is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from digitnet.digits.cuts import cut_apart
from digitnet.digits.ink import find_ink
from digitnet.digits.pictures import read_picture
from digitnet.digits.pieces import FEW, Drawn, drawn_in
from digitnet.digits.prepare import SIDE, NoDigit, Picture, box_of, is_prepared, prepare
from digitnet.digits.sheet import on_sheet
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report, ignore

Judge = Callable[[Sequence[Picture]], Array]
"""Outputs (pictures, 12) for prepared pictures: 0 to 9, "no digit", "several digits"."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions of a picture's width and height."""

ODDS = 10
"""How many times as probable it is that a part is a digit if it was cut from several."""

SEVERAL = 11
"""The judge's answer for several digits."""

MIN_SEVERAL, WIDE = 0.1, 1.4
"""From this probability of being several digits on, or if it is so many times as wide as high, a
piece is cut."""

MIN_TURNED, TURN_GAIN = 4, 0.25
"""A page is turned if it has so many pieces, and reads better by this mean log-probability."""

MIN_LEFT, SAMPLE = 0.7, 60
"""The fraction of the pieces that must be left when it is turned; pieces that decide."""


@dataclass(frozen=True)
class Digit:
    """A piece of a page that was read.

    box: in the picture as it is. row: from 0.
    probability: that it is a single digit. cut: whether it was cut from others.
    """

    picture: Picture
    box: Box
    row: int
    probability: float = 1.0
    cut: bool = False


@dataclass(frozen=True)
class Page:
    """The pieces of a picture in reading order.

    left_out: the number of other pieces: points, dashes, lines, blots. turned: the degrees,
    counterclockwise, by which the picture was turned to be read. ink: of the picture as it is.
    """

    digits: list[Digit]
    left_out: int = 0
    turned: int = 0
    ink: Array = field(default_factory=lambda: np.zeros((1, 1), np.float32))


def read_digits(data: bytes) -> list[Picture]:
    """The digits in a picture file, each 28 x 28 bytes like MNIST's, in reading order.

    A picture that is like MNIST's already is not changed. Raises BadPicture if the file cannot be
    read as a picture, NoDigit if it contains no digit.
    """
    return digits_in(read_picture(data))


def digits_in(colours: Array) -> list[Picture]:
    """The digits in a picture, (rows, columns, channels) of 0 to 255; like read_digits."""
    return [digit.picture for digit in page_in(colours).digits]


def page_in(colours: Array, judge: Judge | None = None, report: Report = ignore) -> Page:
    """The digits in a picture, (rows, columns, channels) of 0 to 255.

    judge: decides where digits that touch are cut, whether the page is turned, and how probably
    each piece is a digit; without one, none of this is done. Reports the pieces done, of how many.
    Raises NoDigit.
    """
    plain = as_plain(colours)
    if plain is not None:
        light = 255 - plain if np.median(plain[0]) > 127 else plain
        if is_prepared(light):
            p = 1.0 if judge is None else float(_of_digit(judge([light]))[0])
            return Page([Digit(light, (0, 0, 1, 1), 0, p)], ink=light / np.float32(255))
    paper, sheet = on_sheet(colours)
    ink = find_ink(paper)
    return page_of(ink if sheet is None else np.where(sheet, ink, 0), judge, report)


def page_of(ink: Array, judge: Judge | None = None, report: Report = ignore) -> Page:
    """The digits in a drawing, (rows, columns) of at least 0.5 in strokes; like page_in."""
    drawn, left_out = drawn_in(ink)
    turn = 0 if judge is None or len(drawn) < MIN_TURNED else _turn(ink, drawn, judge)
    if turn:
        drawn, left_out = drawn_in(np.rot90(ink, turn))
    shape = np.rot90(ink, turn).shape
    digits: list[Digit] = []
    for done, piece in enumerate(drawn):
        report((done, len(drawn)))
        digits += _digits_of(piece, shape, judge)
    if judge is not None and 1 < len(drawn) <= FEW:
        digits = _as_one(ink, digits, judge)
    digits = [replace(digit, box=_turned_back(digit.box, turn)) for digit in digits]
    return Page(digits, left_out, 90 * turn, ink)


def as_plain(colours: Array) -> Picture | None:
    """A grey picture of 28 x 28 pixels; None if it is no such picture."""
    if colours.shape[:2] != (SIDE, SIDE) or (colours != colours[..., :1]).any():
        return None
    return np.round(colours[..., 0]).astype(np.uint8)


def _of_digit(outputs: Array) -> Array:
    """The probability that each picture shows one digit."""
    probabilities: Array = outputs[:, :10].sum(axis=1) / outputs.sum(axis=1)
    return probabilities


def _digits_of(piece: Drawn, shape: tuple[int, ...], judge: Judge | None) -> list[Digit]:
    """The digits in a piece: itself, or those that it is cut into."""
    whole = prepare(piece.ink)
    parts, probabilities = [(piece.ink, whole)], [1.0]
    if judge is not None:
        outputs = judge([whole])
        probabilities = [float(_of_digit(outputs)[0])]
        is_wide = piece.ink.shape[1] > WIDE * len(piece.ink)
        if outputs[0, SEVERAL] > MIN_SEVERAL or is_wide:
            better = cut_apart(piece.ink, judge, 0.0 if is_wide else float(outputs[0, :10].max()))
            if better:
                parts = better
                alone = _of_digit(judge([picture for _, picture in parts]))
                probabilities = (alone / (alone + (1 - alone) / ODDS)).tolist()
    digits = []
    for (ink, picture), p in zip(parts, probabilities, strict=True):
        rows, columns = box_of(ink >= 0.5)
        edges = columns.start, rows.start, columns.stop, rows.stop
        places = zip(edges, 2 * (piece.left, piece.top), 2 * shape[1::-1], strict=True)
        left, top, right, bottom = (float((edge + at) / side) for edge, at, side in places)
        box = left, top, right, bottom
        digits.append(Digit(picture, box, piece.row, p, cut=len(parts) > 1))
    return digits


def _as_one(ink: Array, digits: list[Digit], judge: Judge) -> list[Digit]:
    """One digit, if all pieces together are one more probably than each of them alone."""
    rows, columns = box_of(ink >= 0.5)
    whole = Drawn(ink[rows, columns], rows.start, columns.start, 0)
    if whole.ink.shape[1] > WIDE * len(whole.ink):
        return digits
    (outputs,) = judge([prepare(whole.ink)])
    apart = judge([digit.picture for digit in digits])[:, :10].max(axis=1).prod()
    return _digits_of(whole, ink.shape, None) if outputs[:10].max() > apart else digits


def _turn(ink: Array, drawn: list[Drawn], judge: Judge) -> int:
    """The quarter turns, counterclockwise, after which the page is read best."""

    def score(drawn: Sequence[Drawn]) -> float:
        outputs = judge([prepare(d.ink) for d in drawn[:: 1 + len(drawn) // SAMPLE]])
        return float(np.log(outputs[:, :10].max(axis=1) + 0.01).mean())

    upright = score(drawn)
    if upright > -TURN_GAIN:
        return 0
    scores = [upright + TURN_GAIN]
    for turn in (1, 2, 3):
        try:
            turned = drawn_in(np.rot90(ink, turn))[0]
        except NoDigit:
            turned = []
        is_whole = len(turned) >= MIN_LEFT * len(drawn)
        scores.append(score(turned) if is_whole else -np.inf)
    return int(np.argmax(scores))


def _turned_back(box: Box, turn: int) -> Box:
    """A box in a page that was turned, as it is in the picture."""
    for _ in range(turn):
        left, top, right, bottom = box
        box = 1 - bottom, left, 1 - top, right
    return box
