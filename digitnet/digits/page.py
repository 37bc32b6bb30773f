"""Reads a picture of one digit or of a page of them: where each is, and how sure that it is one.

Pieces of ink that belong together are found and put in reading order; the page is turned if it
reads better so; digits that touch are cut apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.ink import find_ink
from digitnet.digits.pictures import read_picture
from digitnet.digits.prepare import (
    SIDE,
    NoDigit,
    Picture,
    box_of,
    in_blocks,
    is_prepared,
    prepare,
)
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report, ignore
from digitnet.lazy import lazy

ndimage = lazy("scipy.ndimage")

Judge = Callable[[Sequence[Picture]], Array]
"""Outputs (pictures, 12) for prepared pictures: 0 to 9, "no digit", "several digits"."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions of a picture's width and height."""

ODDS = 10  # how many times as probable it is that a part is a digit if it was cut from several
SEVERAL = 11  # the judge's answer for several digits
# from the first probability of being several digits on, a piece is cut if that reads better; from
# the second on, or if it is so many times as wide as high, in any case
MIN_SEVERAL, SURELY_SEVERAL, WIDE = 0.1, 0.5, 1.4
# a page is turned if it has so many pieces, and reads better by this mean log-probability, to which
# the worst quarter of them does not count: upside down, a Euro sign is a 3
MIN_TURNED, TURN_GAIN = 4, 0.25
# the fraction of the pieces that must be left when it is turned; pieces that decide
MIN_LEFT, SAMPLE = 0.7, 60


@dataclass(frozen=True)
class Digit:
    """A piece of a page that was read.

    box: in the picture as it is. row: from 0. probability: that it is a single digit. cut: whether
    it was cut from others.
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

    A picture that is like MNIST's already is not changed. Raises BadFile if the file cannot be read
    as a picture, NoDigit if it contains no digit.
    """
    return [digit.picture for digit in page_in(read_picture(data)).digits]


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
        report((done, len(figures)))
        digits += _digits_of(figure, shape, judge)
    if judge is not None and 1 < len(figures) <= FEW:
        digits = _as_one(ink, digits, judge)
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


def _of_digit(outputs: Array) -> Array:
    probabilities: Array = outputs[:, :10].sum(axis=1) / outputs.sum(axis=1)
    return probabilities


def _digits_of(figure: _Figure, shape: tuple[int, ...], judge: Judge | None) -> list[Digit]:
    """The digits in a figure: itself, or those that it is cut into."""
    whole = prepare(figure.ink)
    parts, probabilities = [(figure.ink, whole)], [1.0]
    if judge is not None:
        outputs = judge([whole])
        probabilities = [float(_of_digit(outputs)[0])]
        is_wide = figure.ink.shape[1] > WIDE * len(figure.ink)
        if outputs[0, SEVERAL] > MIN_SEVERAL or is_wide:
            is_one = not is_wide and outputs[0, SEVERAL] < SURELY_SEVERAL
            best = float(outputs[0, :10].max()) if is_one else 0.0
            better = _cut_apart(figure.ink, judge, best)
            if better:
                parts = better
                alone = _of_digit(judge([picture for _, picture in parts]))
                probabilities = (alone / (alone + (1 - alone) / ODDS)).tolist()
    digits = []
    for (ink, picture), p in zip(parts, probabilities, strict=True):
        rows, columns = box_of(ink >= 0.5)
        edges = columns.start, rows.start, columns.stop, rows.stop
        places = zip(edges, 2 * (figure.left, figure.top), 2 * shape[1::-1], strict=True)
        left, top, right, bottom = (float((edge + at) / side) for edge, at, side in places)
        box = left, top, right, bottom
        digits.append(Digit(picture, box, figure.row, p, cut=len(parts) > 1))
    return digits


def _as_one(ink: Array, digits: list[Digit], judge: Judge) -> list[Digit]:
    """One digit, if all pieces together are one more probably than each of them alone."""
    rows, columns = box_of(ink >= 0.5)
    whole = _Figure(ink[rows, columns], rows.start, columns.start, 0)
    if whole.ink.shape[1] > WIDE * len(whole.ink):
        return digits
    (outputs,) = judge([prepare(whole.ink)])
    apart = judge([digit.picture for digit in digits])[:, :10].max(axis=1).prod()
    return _digits_of(whole, ink.shape, None) if outputs[:10].max() > apart else digits


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
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    pieces = [
        _Piece(frozenset([label]), box[0].start, box[0].stop, box[1].start, box[1].stop)
        for label, box in enumerate(ndimage.find_objects(labels), 1)
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
        raise NoDigit("what stands out is a filled shape, not a drawn digit")
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
    block = -(-max(drawing.shape) // 200)
    mask = drawing[::block, ::block] >= 0.5
    if mask.mean() > FULL and max(mask.shape) < LONG * min(mask.shape):
        return True
    filled = np.pad(mask, 1)
    widest = 2 * float(ndimage.distance_transform_edt(filled).max())
    return bool(widest > SOLID * max(filled.shape))


# digits that touch: over-segmentation and a lattice of segments, as in LeCun et al.,
# "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998,
# sections V to VII

Seams = NDArray[np.intp]
"""Cuts from top to bottom, (cuts, rows): the first column to the right of the cut in each row."""

ROWS = 80  # rows at which cuts are searched for; taller drawings are reduced
# heights through which cuts are tried where they are cheap, as fractions of the drawing's; and the
# one through which they are tried everywhere
LEVELS, EVERYWHERE = (0.3, 0.5, 0.7), 0.5
# the cost of a pixel of paper, where one of full ink costs 1, and of a step aside
PAPER, ASIDE = 0.02, 0.1
CUT = 0.75  # the logarithm of the probability that a cut costs
NARROW = 0.12  # minimum width of a segment, as a fraction of the drawing's height


def _cut_apart(ink: Array, judge: Judge, whole: float) -> list[tuple[Array, Picture]]:
    """The drawing cut into digits, each with its prepared picture; empty if it is better whole.

    whole: the probability of the most probable digit for the whole drawing. The best of all ways to
    cut has the largest sum of log-probabilities of its segments.
    """
    cuts = seams(ink)
    bounds = [None, *cuts, None]
    places = [0.0, *cuts.mean(axis=1), float(ink.shape[1])]
    ends, segments = [], []
    for i, j in combinations(range(len(bounds)), 2):
        if NARROW * len(ink) <= places[j] - places[i] <= WIDE * len(ink) and j - i <= len(cuts):
            segment = between(ink, bounds[i], bounds[j])
            if (segment >= 0.5).any():
                ends.append((i, j))
                segments.append((segment, prepare(segment)))
    if not segments:
        return []
    gains = np.log(judge([picture for _, picture in segments])[:, :10].max(axis=1) + 1e-6) - CUT
    best: list[tuple[float, list[int]]] = [(0.0, []), *((-np.inf, []) for _ in bounds[1:])]
    for number, (i, j) in sorted(enumerate(ends), key=lambda each: each[1][1]):
        score = best[i][0] + float(gains[number])
        if score > best[j][0]:
            best[j] = score, [*best[i][1], number]
    score, chosen = best[-1]
    return [segments[number] for number in chosen] if score > np.log(whole + 1e-6) else []


def seams(ink: Array) -> Seams:
    """The cheapest cuts through each neighbourhood, from left to right.

    ink: (rows, columns), 0 to 1. A cut goes down from row to row, straight or one column aside, so
    that the sum of the ink it crosses is least (dynamic programming from both ends).
    """
    block = max(1, round(len(ink) / ROWS))
    cost = in_blocks(ink, block).mean(axis=(1, 3)) + PAPER
    rows, columns = cost.shape
    down, steps_up = _cheapest(cost)
    up, steps_down = _cheapest(cost[::-1])
    through = down + up[::-1] - cost
    near, step = max(1, round(0.05 * rows)), max(1, round(0.12 * rows))
    cheapest: dict[int, tuple[float, Seams]] = {}  # by neighbourhood
    for level in LEVELS:
        row = int(level * rows)
        around = np.lib.stride_tricks.sliding_window_view(
            np.pad(through[row], near, constant_values=np.inf), 2 * near + 1
        )
        is_tried = through[row] == around.min(axis=1)
        is_tried[::step] |= level == EVERYWHERE
        for column in np.flatnonzero(is_tried):
            seam = np.empty(rows, np.intp)
            seam[row] = column
            for above in range(row, 0, -1):
                seam[above - 1] = seam[above] + steps_up[above, seam[above]]
            for below in range(row, rows - 1):
                seam[below + 1] = seam[below] + steps_down[rows - 1 - below, seam[below]]
            place, price = int(seam.mean()) // near, float(through[row, column])
            if place not in cheapest or price < cheapest[place][0]:
                cheapest[place] = price, seam
    margin = 0.1 * rows
    inner = [s for _, s in cheapest.values() if margin <= s.mean() <= columns - margin]
    inner.sort(key=lambda seam: seam.mean())
    fine = np.repeat(np.array(inner, np.intp).reshape(-1, rows), block, axis=1)[:, : len(ink)]
    return fine * block + block // 2


def _cheapest(cost: Array) -> tuple[Array, Seams]:
    """The cost of the cheapest way from the first row to each pixel, and its last step's columns
    (-1 to 1) backwards.
    """
    total, steps = cost.copy(), np.zeros(cost.shape, np.intp)
    aside = np.array([[ASIDE], [0], [ASIDE]])
    for row in range(1, len(cost)):
        before = np.pad(total[row - 1], 1, constant_values=np.inf)
        ways = np.stack([before[:-2], before[1:-1], before[2:]]) + aside
        best = ways.argmin(axis=0)
        steps[row] = best - 1
        total[row] += np.take_along_axis(ways, best[None], axis=0)[0]
    return total, steps


def between(ink: Array, left: Seams | None, right: Seams | None) -> Array:
    """The ink between two cuts; None stands for the drawing's edge."""
    columns = np.arange(ink.shape[1])
    from_left = True if left is None else columns >= left[:, None]
    to_right = True if right is None else columns < right[:, None]
    return np.where(from_left & to_right, ink, 0)
