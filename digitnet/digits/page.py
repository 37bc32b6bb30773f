"""Reads a picture of one digit or of a page of them: where each is, and how sure that it is one.

Pieces of ink that belong together are found and put in reading order; the page is turned if it
reads better so; digits that touch are cut apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import scipy

from digitnet.digits.cuts import WIDE, CutDigit, Judge, cut_apart, probability_of_digit
from digitnet.digits.ink import find_ink
from digitnet.digits.prepare import SIDE, NoDigit, Picture, box_of, is_prepared, prepare
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report, ignore

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions of a picture's width and height."""

SEVERAL = 11  # the judge's answer for several digits
# from the first probability of being several digits on, a piece is cut if that reads better; from
# the second on, or if it is too wide and no digit, in any case
MIN_SEVERAL, SURELY_SEVERAL = 0.1, 0.5
# a piece more than so many times as wide as high is taken for several: the judge has seen few
ROW = 2.2
# a page is turned if it has so many pieces, and reads better by this mean log-probability, to which
# the worst quarter of them does not count: upside down, a Euro sign is a 3
MIN_TURNED, TURN_GAIN = 4, 0.25
# what is a digit with a probability below the first is called none; so is what is one with less
# than the second, unless the network is as sure of its guess as the third says
NO_DIGIT, UNSURE, SURE = 0.15, 0.5, 0.95
# the fraction of the pieces that must be left when it is turned; pieces that decide
MIN_LEFT, SAMPLE = 0.7, 60


@dataclass(frozen=True)
class Digit:
    """A piece of a page that was read.

    box: in the picture as it is. row: from 0. probability: that it is a single digit. judged: the
    judge's outputs for the digits, (10,), if it was cut from others.
    """

    picture: Picture
    box: Box
    row: int
    probability: float = 1.0
    judged: Array | None = None

    def read(self, outputs: Array) -> Array:
        """A network's outputs for it; if it was cut from others, times those of the judge, which
        has seen what was cut.
        """
        if self.judged is None or len(outputs) != len(self.judged):
            return outputs
        both: Array = outputs * self.judged
        return both / both.sum() if both.sum() > 0 else outputs

    def is_digit(self, outputs: Sequence[float] | Array) -> bool:
        """Whether it is called a digit, by its probability and the network's outputs."""
        return self.probability >= (NO_DIGIT if max(outputs) >= SURE else UNSURE)


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


def page_in(colours: Array, judge: Judge | None = None, report: Report = ignore) -> Page:
    """The digits in a picture, (rows, columns, channels) of 0 to 255, each prepared like MNIST's; a
    picture that is like them already is not changed.

    judge: decides where digits that touch are cut, whether the page is turned, and how probably
    each piece is a digit; without one, none of this is done. Reports the pieces done, of how many.
    Raises NoDigit.
    """
    plain = as_plain(colours)
    if plain is not None:
        light = 255 - plain if np.median(plain[0]) > 127 else plain
        if is_prepared(light):
            p = 1.0 if judge is None else float(probability_of_digit(judge([light]))[0])
            return Page([Digit(light, (0, 0, 1, 1), 0, p)], ink=light / np.float32(255))
    return page_of(find_ink(colours), judge, report)


def page_of(ink: Array, judge: Judge | None = None, report: Report = ignore) -> Page:
    """The digits in a drawing, (rows, columns) of at least 0.5 in strokes; like page_in."""
    figures, left_out = _figures_in(ink)
    turn = 0 if judge is None or len(figures) < MIN_TURNED else _turn(ink, figures, judge)
    if turn:
        figures, left_out = _figures_in(np.rot90(ink, turn))
    shape = np.rot90(ink, turn).shape
    digits: list[Digit] = []
    for done, figure in enumerate(figures):
        digits += _digits_of(figure, shape, judge, partial(report, (done, len(figures))))
    if judge is not None and len(figures) <= FEW:
        digits = _as_one(ink, figures, digits, judge)
    if judge is not None:
        digits = _among(digits)
    digits = [replace(digit, box=_turned_back(digit.box, turn)) for digit in digits]
    return Page(digits, left_out, 90 * turn, ink)


def as_plain(colours: Array) -> Picture | None:
    """A grey picture of 28 x 28 pixels; None if it is no such picture."""
    if colours.shape[:2] != (SIDE, SIDE) or (colours != colours[..., :1]).any():
        return None
    return np.round(colours[..., 0]).astype(np.uint8)


@dataclass(frozen=True)
class _Figure:
    """The ink of one digit, its place in the picture, and its row, from 0."""

    ink: Array
    top: int
    left: int
    row: int


def _digits_of(
    figure: _Figure,
    shape: tuple[int, ...],
    judge: Judge | None,
    report: Callable[[], None] = lambda: None,
) -> list[Digit]:
    """The digits in a figure: itself, or those that it is cut into."""
    report()
    whole = prepare(figure.ink)
    parts = [CutDigit(figure.ink, whole)]
    if judge is not None:
        outputs = judge([whole])
        parts = [CutDigit(figure.ink, whole, float(probability_of_digit(outputs)[0]))]
        is_wide = figure.ink.shape[1] > WIDE * len(figure.ink)
        if outputs[0, SEVERAL] > MIN_SEVERAL or figure.ink.shape[1] > ROW * len(figure.ink):
            is_one = outputs[0, SEVERAL] < SURELY_SEVERAL
            is_one &= not is_wide or parts[0].probability > 0.5
            best = float(outputs[0, :10].max()) if is_one else 0.0
            parts = cut_apart(figure.ink, judge, best, report) or parts
    digits = []
    for part in parts:
        rows, columns = box_of(part.ink >= 0.5)
        edges = columns.start, rows.start, columns.stop, rows.stop
        places = zip(edges, 2 * (figure.left, figure.top), 2 * shape[1::-1], strict=True)
        left, top, right, bottom = (float((edge + at) / side) for edge, at, side in places)
        box = left, top, right, bottom
        digits.append(Digit(part.picture, box, figure.row, part.probability, part.judged))
    return digits


def _among(digits: list[Digit]) -> list[Digit]:
    """The pieces of a page, each with its probability of being a digit, given the others.

    The judge was trained with as many digits as others, f = 1/2. With f the fraction of digits on
    this page, p' = f p / (f p + (1 - f)(1 - p)); f is the mean of p', and of two digits and two
    others more (Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier").
    """
    alone = np.array([digit.probability for digit in digits])
    here = alone
    for _ in range(10):
        fraction = (here.sum() + 2) / (len(here) + 4)
        digit, other = fraction * alone, (1 - fraction) * (1 - alone)
        here = digit / (digit + other)
    return [replace(each, probability=float(p)) for each, p in zip(digits, here, strict=True)]


def _as_one(ink: Array, figures: list[_Figure], digits: list[Digit], judge: Judge) -> list[Digit]:
    """One digit, if all ink, left out or not, is one more probably than each of the pieces."""
    rows, columns = box_of(ink >= 0.5)
    whole = _Figure(ink[rows, columns], rows.start, columns.start, 0)
    is_all_there = len(figures) == 1 and (figures[0].ink >= 0.5).sum() == (ink >= 0.5).sum()
    if is_all_there or whole.ink.shape[1] > WIDE * len(whole.ink):
        return digits
    (outputs,) = judge([prepare(whole.ink)])
    apart = judge([digit.picture for digit in digits])[:, :10].max(axis=1).prod()
    if outputs[:10].max() <= apart:
        return digits
    (digit,) = _digits_of(whole, ink.shape, None)
    return [replace(digit, probability=float(probability_of_digit(outputs[None])[0]))]


def _turn(ink: Array, figures: list[_Figure], judge: Judge) -> int:
    """The quarter turns, counterclockwise, after which the page is read best."""

    def score(figures: Sequence[_Figure]) -> float:
        outputs = judge([prepare(f.ink) for f in figures[:: 1 + len(figures) // SAMPLE]])
        readable = np.sort(outputs[:, :10].max(axis=1) + outputs[:, SEVERAL])
        return float(np.log(readable[len(readable) // 4 :] + 0.01).mean())

    upright = score(figures)
    if upright > -TURN_GAIN:
        return 0
    scores = [upright + TURN_GAIN]
    for turn in (1, 2, 3):
        try:
            turned = _figures_in(np.rot90(ink, turn))[0]
        except NoDigit:
            turned = []
        is_whole = len(turned) >= MIN_LEFT * len(figures)
        scores.append(score(turned) if is_whole else -np.inf)
    return int(np.argmax(scores))


def _turned_back(box: Box, turn: int) -> Box:
    for _ in range(turn):
        left, top, right, bottom = box
        box = 1 - bottom, left, 1 - top, right
    return box


# pieces that belong together, in reading order

# as fractions of the usual height: smaller pieces are not counted, or no strokes; lower ones are
# points and dashes; higher ones are frames and lines
DUST, SPECK, SMALL, LARGE = 0.1, 0.2, 0.4, 3.0
# two pieces at least this high, as a fraction of the usual one, are not strokes of one digit
WHOLE = 0.7
# a small piece belongs to another if it is nearer than the first fraction of the usual height; one
# as low as a point or a dash, beside another, if it is nearer than the second
NEAR, NEAR_LOW = 0.15, 0.04
FEW = 3  # in so few pieces there may be one digit alone, whose strokes are all as high
# a piece is a filled shape if twice its largest distance to the edge exceeds this fraction of its
# longer side,
SOLID = 0.7
# or if it covers this fraction of its box, unless that is so many times as long as wide (a 1)
FULL, LONG = 0.8, 2.5
# a piece more than so many times as wide as high is a line, not digits that touch
RULE = 15
MAX_PIECES = 1000

MAX_SLOPE = 0.25  # maximum slope of the lines of writing: 14 degrees


@dataclass(frozen=True)
class _Piece:
    """Connected components that belong together, and their bounding box."""

    labels: frozenset[int]
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def size(self) -> int:
        return max(self.height, self.width)

    def with_(self, other: "_Piece") -> "_Piece":
        return _Piece(
            self.labels | other.labels,
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def is_line(self, usual: float) -> bool:
        is_flat = self.height < SMALL * usual and self.width > LONG * usual
        return is_flat or self.height > LARGE * usual

    def touches_edge(self, shape: tuple[int, ...]) -> bool:
        return min(self.top, self.left) == 0 or self.bottom == shape[0] or self.right == shape[1]


def _figures_in(ink: Array) -> tuple[list[_Figure], int]:
    """The digits in a drawing, each as a drawing of its own, by row and from left to right; and the
    number of other pieces, such as points, dashes, lines and blots.

    ink: (rows, columns), at least 0.5 in strokes. Strokes of one digit that do not touch, such as
    the bar of a 5, stay together. Raises NoDigit if there are no digits.
    """
    mask = ink >= 0.5
    if not mask.any():
        raise NoDigit("nothing stands out from its background")
    labels, _ = scipy.ndimage.label(mask, np.ones((3, 3)))
    pieces = [
        _Piece(frozenset([label]), box[0].start, box[0].stop, box[1].start, box[1].stop)
        for label, box in enumerate(scipy.ndimage.find_objects(labels), 1)
    ]
    if max(piece.size for piece in pieces) < 5:
        raise NoDigit("there are only specks")
    pieces = _without_edges(pieces, mask.shape)
    usual = _usual([piece.height for piece in pieces])
    pieces = [piece for piece in pieces if piece.size >= DUST * usual]
    strokes = [p for p in pieces if p.size >= SPECK * usual and not p.is_line(usual)] or pieces
    if len(strokes) > MAX_PIECES:
        raise NoDigit("what stands out is scattered all over, as no writing is")
    joined = _joined(strokes, usual)
    usual = _usual([piece.height for piece in joined])
    drawings = {p: _alone(ink, labels, p) for p in joined if p.height >= SMALL * usual}
    digits = [piece for piece, drawing in drawings.items() if not _is_solid(drawing)]
    if not digits:
        raise NoDigit("what stands out is a line or a filled shape, not a drawn digit")
    figures = [
        _Figure(drawings[piece], max(0, piece.top - 1), max(0, piece.left - 1), row)
        for row, line in enumerate(_in_rows(digits, usual))
        for piece in line
    ]
    return figures, len(pieces) - len(strokes) + len(joined) - len(digits)


def _usual(sizes: Sequence[int]) -> float:
    """The size of the usual piece: half of all sizes, added up, belong to larger ones."""
    ordered = np.sort(sizes)[::-1]
    return float(ordered[int(np.searchsorted(ordered.cumsum(), ordered.sum() / 2))])


def _without_edges(pieces: list[_Piece], shape: tuple[int, ...]) -> list[_Piece]:
    """The pieces without what touches the picture's border and is unlike the others: the edge of a
    scan, a shadow, a table. Without others, all of them.
    """
    inner = [piece for piece in pieces if not piece.touches_edge(shape)]
    usual = _usual([piece.height for piece in inner]) if inner else 0.0
    whole = [piece for piece in inner if piece.size >= max(8, usual / 2)]
    if not whole or (len(whole) < 3 and usual < 0.1 * max(shape)):
        return pieces
    return [
        piece
        for piece in pieces
        if not piece.touches_edge(shape) or usual / 1.6 < piece.height < 1.6 * usual > piece.width
    ]


def _belong_together(a: _Piece, b: _Piece, usual: float, *, few: bool) -> bool:
    beside = min(a.right, b.right) - max(a.left, b.left)  # the overlap; negative for a gap
    over = min(a.bottom, b.bottom) - max(a.top, b.top)
    narrower, smaller = min(a.width, b.width), min(a.height, b.height)
    is_near = -over <= NEAR * usual
    are_whole = smaller >= WHOLE * usual
    if are_whole and not few:
        return beside >= 0.8 * narrower and over > 0.8 * smaller
    if over <= 0.3 * smaller and is_near and beside >= 0.1 * narrower:  # one is above the other
        return True
    if over > 0.3 * smaller and beside >= 0.5 * narrower:  # one is within the other
        return True
    gap = NEAR_LOW if smaller < SMALL * usual else NEAR
    return not are_whole and is_near and -beside <= gap * usual and over > -NEAR * usual / 2


def _joined(pieces: list[_Piece], usual: float) -> list[_Piece]:
    few = len(pieces) <= FEW
    rest, joined = sorted(pieces, key=lambda piece: piece.left), []
    while rest:
        piece = rest.pop(0)
        partner = next((p for p in rest if _belong_together(piece, p, usual, few=few)), None)
        if partner is None:
            joined.append(piece)
        else:
            rest.remove(partner)
            rest.insert(0, piece.with_(partner))
    return joined


def _in_rows(pieces: list[_Piece], usual: float) -> list[list[_Piece]]:
    """The pieces in reading order, row by row; the rows may slope."""
    x = np.array([piece.left + piece.right for piece in pieces]) / 2
    y = np.array([piece.top + piece.bottom for piece in pieces]) / 2

    def sharpness(slope: float) -> float:
        levels = (y - slope * x) / (usual / 2)
        counts = [np.unique(np.floor(levels + shift), return_counts=True)[1] for shift in (0, 0.5)]
        return float(sum((count**2).sum() for count in counts)) * (1 - abs(slope) / 5)

    slope = max(np.linspace(-MAX_SLOPE, MAX_SLOPE, 51), key=sharpness) if len(pieces) > 5 else 0.0
    level = y - slope * x

    def are_beside(a: int, b: int) -> bool:
        heights = pieces[a].height, pieces[b].height
        return bool(sum(heights) / 2 - level[a] + level[b] > 0.4 * min(heights))

    rows: list[list[int]] = []
    for at in np.argsort(level):
        if rows and any(are_beside(at, other) for other in rows[-1]):
            rows[-1].append(at)
        else:
            rows.append([at])
    return [[pieces[k] for k in sorted(row, key=lambda k: pieces[k].left)] for row in rows]


def _alone(ink: Array, labels: Array, piece: _Piece) -> Array:
    """The drawing of one piece without its neighbours, with a margin of one pixel."""
    place = np.s_[
        max(0, piece.top - 1) : piece.bottom + 1, max(0, piece.left - 1) : piece.right + 1
    ]
    around = labels[place]
    return np.where((around == 0) | np.isin(around, list(piece.labels)), ink[place], 0)


def _is_solid(drawing: Array) -> bool:
    """Whether it is a filled shape or a line from side to side."""
    if drawing.shape[1] > RULE * len(drawing):
        return True
    block = -(-max(drawing.shape) // 200)
    mask = drawing[::block, ::block] >= 0.5
    if mask.mean() > FULL and max(mask.shape) < LONG * min(mask.shape):
        return True
    filled = np.pad(mask, 1)
    widest = 2 * float(scipy.ndimage.distance_transform_edt(filled).max())
    return bool(widest > SOLID * max(filled.shape))
