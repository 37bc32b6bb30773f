"""Separates the digits in a drawing, in reading order, and prepares each for a network."""

from dataclasses import dataclass

import numpy as np

from digitnet.digits.ink import find_ink
from digitnet.digits.pictures import read_picture
from digitnet.digits.prepare import SIDE, NoDigit, Picture, box_of, is_prepared, prepare
from digitnet.engine.arrays import Array
from digitnet.lazy import lazy

ndimage = lazy("scipy.ndimage")

SPECK = 0.2
"""A piece smaller than this fraction of the tallest is a speck."""

WHOLE = 0.7
"""A piece at least this fraction of the tallest is a digit, unless it is above others."""

GAP = 0.01
"""Gaps up to this fraction of the ink's longer side are closed: hairlines and pencil break up."""

NEAR = 0.15
"""A small piece belongs to another if it is nearer than this fraction of the tallest piece."""

SOLID = 0.7
"""A piece is a filled shape if twice its largest distance to the edge exceeds this fraction of its
longer side,"""

FULL, LONG = 0.8, 2.5
"""or if it covers this fraction of its box, unless that is so many times as long as wide (a 1)."""

MAX_PIECES = 50


class Solid(NoDigit):
    """Only a filled shape was found, no strokes."""

    def __init__(self, place: tuple[slice, slice], covered: float) -> None:
        """place: rows and columns of its box. covered: the fraction of it that is ink."""
        super().__init__("what stands out is a filled shape, not a drawn digit")
        self.place, self.covered = place, covered


@dataclass(frozen=True)
class Piece:
    """Connected components that belong together, and their bounding box."""

    labels: frozenset[int]
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows from top to bottom."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns from left to right."""
        return self.right - self.left

    @property
    def size(self) -> int:
        """The longer side."""
        return max(self.height, self.width)

    def with_(self, other: "Piece") -> "Piece":
        """The union of both pieces."""
        return Piece(
            self.labels | other.labels,
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


def one_by_one(ink: Array) -> list[Array]:
    """The digits in a drawing, each as a drawing of its own, by line and from left to right.

    ink: (rows, columns), at least 0.5 in strokes. Strokes of one digit that do not touch, such as
    the bar of a 5, stay together. Raises NoDigit if there are no digits.
    """
    mask = ink >= 0.5
    if not mask.any():
        raise NoDigit("nothing stands out from its background")
    reach = 1 + round(GAP * max(side.stop - side.start for side in box_of(mask)))
    touching = ndimage.maximum_filter(mask, reach + 1)
    labels, _ = ndimage.label(touching, np.ones((3, 3)))
    labels *= mask
    boxes = ndimage.find_objects(labels)
    pieces = [
        Piece(frozenset([label]), box[0].start, box[0].stop, box[1].start, box[1].stop)
        for label, box in enumerate(boxes, 1)
        if box is not None
    ]
    tallest = max((piece.size for piece in pieces), default=0)
    if tallest < 5:
        raise NoDigit("there are only specks")
    pieces = _joined([piece for piece in pieces if piece.size >= SPECK * tallest])
    tallest = max(piece.height for piece in pieces)
    pieces = [piece for piece in pieces if piece.height >= 2 * SPECK * tallest] or pieces
    if len(pieces) > MAX_PIECES:
        raise NoDigit("what stands out is scattered all over, as no writing is")
    solid = [piece for piece in pieces if _is_solid(_alone(ink, labels, piece))]
    if len(solid) == len(pieces):
        largest = max(solid, key=lambda piece: piece.size)
        place = np.s_[largest.top : largest.bottom, largest.left : largest.right]
        raise Solid(place, float(mask[place].mean()))
    strokes = [piece for piece in pieces if piece not in solid]  # without shadows and blots
    return [_alone(ink, labels, piece) for piece in _in_lines(strokes)]


def _overlap(a: int, b: int, c: int, d: int) -> int:
    """The overlap of the intervals a to b and c to d; negative for a gap."""
    return min(b, d) - max(a, c)


def _belong_together(a: Piece, b: Piece, tallest: int) -> bool:
    """Whether two pieces are strokes of one digit."""
    beside = _overlap(a.left, a.right, b.left, b.right)
    over = _overlap(a.top, a.bottom, b.top, b.bottom)
    narrower, smaller = min(a.width, b.width), min(a.height, b.height)
    is_near = -over <= NEAR * tallest
    if over <= 0.3 * smaller and is_near and beside >= 0.1 * narrower:  # one is above the other
        return True
    if over > 0.3 * smaller and beside >= 0.5 * narrower:  # one is within the other
        return True
    are_whole = smaller >= WHOLE * tallest
    return not are_whole and is_near and -beside <= NEAR * tallest and over > -NEAR * tallest / 2


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Joins the pieces that belong together."""
    tallest = max(piece.height for piece in pieces)
    rest, joined = sorted(pieces, key=lambda piece: piece.left), []
    while rest:
        piece = rest.pop(0)
        partner = next((other for other in rest if _belong_together(piece, other, tallest)), None)
        if partner is None:
            joined.append(piece)
        else:
            rest.remove(partner)
            rest.insert(0, piece.with_(partner))
    return joined


def _in_lines(pieces: list[Piece]) -> list[Piece]:
    """Sorts the pieces in reading order."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.top + piece.bottom):
        line = lines[-1] if lines else []
        overlaps = [_overlap(piece.top, piece.bottom, p.top, p.bottom) for p in line]
        if any(o > 0.4 * min(piece.height, p.height) for o, p in zip(overlaps, line, strict=True)):
            line.append(piece)
        else:
            lines.append([piece])
    return [piece for line in lines for piece in sorted(line, key=lambda piece: piece.left)]


def _alone(ink: Array, labels: Array, piece: Piece) -> Array:
    """The drawing of one piece without its neighbours, with a margin of one pixel."""
    place = np.s_[
        max(0, piece.top - 1) : piece.bottom + 1, max(0, piece.left - 1) : piece.right + 1
    ]
    around = labels[place]
    return np.where((around == 0) | np.isin(around, list(piece.labels)), ink[place], 0)


def _is_solid(drawing: Array) -> bool:
    """Whether a drawing is a filled shape."""
    block = -(-max(drawing.shape) // 200)
    mask = drawing[::block, ::block] >= 0.5
    if mask.mean() > FULL and max(mask.shape) < LONG * min(mask.shape):
        return True
    filled = np.pad(mask, 1)
    widest = 2 * float(ndimage.distance_transform_edt(filled).max())
    return bool(widest > SOLID * max(filled.shape))


MIN_SHEET, MIN_COVERED = 0.15, 0.85
"""Minimum area of a sheet of paper as a fraction of the picture, and the minimum fraction of its
bounding box that it covers."""


def read_digits(data: bytes) -> list[Picture]:
    """The digits in a picture file, each 28 x 28 bytes like MNIST's, in reading order.

    A picture that is like MNIST's already is not changed. Raises BadPicture if the file cannot be
    read as a picture, NoDigit if it contains no digit.
    """
    return digits_in(read_picture(data))


def digits_in(colours: Array) -> list[Picture]:
    """The digits in a picture, (rows, columns, channels) of 0 to 255; like read_digits."""
    plain = as_plain(colours)
    if plain is not None:
        ink = 255 - plain if np.median(plain[0]) > 127 else plain
        if is_prepared(ink):
            return [ink]
    return [prepare(drawing) for drawing in _drawings(colours)]


def as_plain(colours: Array) -> Picture | None:
    """A grey picture of 28 x 28 pixels; None if it is no such picture."""
    if colours.shape[:2] != (SIDE, SIDE) or (colours != colours[..., :1]).any():
        return None
    return np.round(colours[..., 0]).astype(np.uint8)


def _drawings(colours: Array) -> list[Array]:
    """The ink of each digit. A sheet of paper on a dark table is cropped first."""
    try:
        return one_by_one(find_ink(colours))
    except Solid as solid:
        rows, columns = solid.place
        height, width = rows.stop - rows.start, columns.stop - columns.start
        is_large = height * width > MIN_SHEET * colours.shape[0] * colours.shape[1]
        if not is_large or solid.covered < MIN_COVERED:
            raise
        inner = np.s_[
            rows.start + height // 20 : rows.stop - height // 20,
            columns.start + width // 20 : columns.stop - width // 20,
        ]
        try:
            return one_by_one(find_ink(colours[inner]))
        except NoDigit:
            raise solid from None
