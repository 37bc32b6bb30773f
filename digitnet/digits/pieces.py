"""Several digits in one drawing, told apart: a drawing for each, in the order they are read."""

from dataclasses import dataclass

import numpy as np

from digitnet.digits.image import NoDigit, box_of
from digitnet.engine.types import Array

SPECK = 0.2
"""What is smaller than this part of the tallest piece is a speck, a dot or dirt."""
WHOLE = 0.7
"""A piece as tall as this part of the tallest is a digit, unless it stands over others."""
GAP = 0.01
"""Of all ink's longer side: what is as near as that is joined. Hairlines and pencils break."""
NEAR = 0.15
"""Of the tallest piece: a smaller piece that is as near to another one belongs to it."""
SOLID = 0.7
"""Twice the greatest distance to the edge, as a part of the longer side, of what is no stroke."""
FULL, LONG = 0.8, 2.5
"""So is what covers this part of its box, unless that is so many times as long as wide (a 1)."""
MOST = 50


class Solid(NoDigit):
    """What was found is a filled shape."""

    def __init__(self, place: tuple[slice, slice], covered: float) -> None:
        """Where it is, and how much of that it covers."""
        super().__init__("what stands out is a filled shape, not a drawn digit")
        self.place, self.covered = place, covered


@dataclass(frozen=True)
class Piece:
    """Ink that belongs together: its components, and the box around them."""

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
        """Both as one."""
        return Piece(
            self.labels | other.labels,
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


def one_by_one(ink: Array) -> list[Array]:
    """The digits in a drawing, line by line, each from left to right, each alone.

    ink: (rows, columns), a stroke from 0.5. Strokes of one digit that do not touch, as the bar of a
    5, stay together. Raises NoDigit where there are none, or what there is cannot be digits.
    """
    from scipy import ndimage

    mask = ink >= 0.5
    if not mask.any():
        raise NoDigit("nothing stands out from its background")
    reach = 1 + round(GAP * max(side.stop - side.start for side in box_of(mask)))
    touching = ndimage.maximum_filter(mask, reach + 1)
    labels, _ = ndimage.label(touching, np.ones((3, 3)))
    labels *= mask
    boxes = ndimage.find_objects(labels)
    pieces = [
        Piece(frozenset([label]), rows.start, rows.stop, columns.start, columns.stop)
        for label, box in enumerate(boxes, 1)
        if box is not None
        for rows, columns in [box]
    ]
    tallest = max((piece.size for piece in pieces), default=0)
    if tallest < 5:
        raise NoDigit("there are only specks")
    pieces = _joined([piece for piece in pieces if piece.size >= SPECK * tallest])
    tallest = max(piece.height for piece in pieces)
    pieces = [piece for piece in pieces if piece.height >= 2 * SPECK * tallest] or pieces
    if len(pieces) > MOST:
        raise NoDigit("what stands out is scattered all over, as no writing is")
    solid = [piece for piece in pieces if _is_solid(_alone(ink, labels, piece))]
    if len(solid) == len(pieces):
        largest = max(solid, key=lambda piece: piece.size)
        place = np.s_[largest.top : largest.bottom, largest.left : largest.right]
        raise Solid(place, float(mask[place].mean()))
    strokes = [piece for piece in pieces if piece not in solid]  # less shadows and blots
    return [_alone(ink, labels, piece) for piece in _in_lines(strokes)]


def _overlap(a: int, b: int, c: int, d: int) -> int:
    """How much of a to b lies in c to d; negative for the gap between them."""
    return min(b, d) - max(a, c)


def _belong_together(a: Piece, b: Piece, tallest: int) -> bool:
    """Whether two pieces are strokes of one digit."""
    beside = _overlap(a.left, a.right, b.left, b.right)
    over = _overlap(a.top, a.bottom, b.top, b.bottom)
    narrower, smaller = min(a.width, b.width), min(a.height, b.height)
    is_near = -over <= NEAR * tallest
    if over <= 0.3 * smaller and is_near and beside >= 0.1 * narrower:  # one stands over the other
        return True
    if over > 0.3 * smaller and beside >= 0.5 * narrower:  # one is within the other
        return True
    are_whole = smaller >= WHOLE * tallest
    return not are_whole and is_near and -beside <= NEAR * tallest and over > -NEAR * tallest / 2


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The pieces, those that belong together as one."""
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
    """The pieces in the order they are read."""
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
    """The drawing of one piece, without those beside it, and a margin of a pixel."""
    place = np.s_[
        max(0, piece.top - 1) : piece.bottom + 1, max(0, piece.left - 1) : piece.right + 1
    ]
    around = labels[place]
    return np.where((around == 0) | np.isin(around, list(piece.labels)), ink[place], 0)


def _is_solid(drawing: Array) -> bool:
    """Whether a drawing is a filled shape."""
    from scipy import ndimage

    block = -(-max(drawing.shape) // 200)
    mask = drawing[::block, ::block] >= 0.5
    if mask.mean() > FULL and max(mask.shape) < LONG * min(mask.shape):
        return True
    filled = np.pad(mask, 1)
    widest = 2 * float(ndimage.distance_transform_edt(filled).max())
    return bool(widest > SOLID * max(filled.shape))
