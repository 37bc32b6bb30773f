"""Separates the digits in a drawing, in reading order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitnet.digits.prepare import NoDigit
from digitnet.engine.arrays import Array
from digitnet.lazy import lazy

ndimage = lazy("scipy.ndimage")

DUST, SPECK, SMALL, LARGE = 0.1, 0.2, 0.4, 3.0
"""As fractions of the usual height: smaller pieces are not counted, or no strokes; lower ones are
points and dashes; higher ones are frames and lines."""

WHOLE = 0.7
"""Two pieces at least this high, as a fraction of the usual one, are not strokes of one digit."""

NEAR, NEAR_LOW = 0.15, 0.04
"""A small piece belongs to another if it is nearer than the first fraction of the usual height; one
as low as a point or a dash, beside another, if it is nearer than the second."""

FEW = 3
"""In so few pieces there may be one digit alone, whose strokes are all as high."""

SOLID = 0.7
"""A piece is a filled shape if twice its largest distance to the edge exceeds this fraction of its
longer side,"""

FULL, LONG = 0.8, 2.5
"""or if it covers this fraction of its box, unless that is so many times as long as wide (a 1)."""

MAX_PIECES = 1000

MAX_SLOPE = 0.25
"""Maximum slope of the lines of writing: 14 degrees."""


class Solid(NoDigit):
    """Only a filled shape was found, no strokes."""

    def __init__(self) -> None:
        """The message is the same for all."""
        super().__init__("what stands out is a filled shape, not a drawn digit")


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


@dataclass(frozen=True)
class Drawn:
    """The ink of one digit, its place in the picture, and its row, from 0."""

    ink: Array
    top: int
    left: int
    row: int


def drawn_in(ink: Array) -> tuple[list[Drawn], int]:
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
        Piece(frozenset([label]), box[0].start, box[0].stop, box[1].start, box[1].stop)
        for label, box in enumerate(ndimage.find_objects(labels), 1)
    ]
    if max(piece.size for piece in pieces) < 5:
        raise NoDigit("there are only specks")
    pieces = _without_edges(pieces, mask.shape)
    usual = _usual([piece.height for piece in pieces])
    pieces = [piece for piece in pieces if piece.size >= DUST * usual]
    strokes = [p for p in pieces if p.size >= SPECK * usual and not _is_line(p, usual)] or pieces
    if len(strokes) > MAX_PIECES:
        raise NoDigit("what stands out is scattered all over, as no writing is")
    joined = _joined(strokes, usual)
    usual = _usual([piece.height for piece in joined])
    digits = [piece for piece in joined if piece.height >= SMALL * usual]
    left_out = len(pieces) - len(strokes) + len(joined) - len(digits)
    drawings = {piece: _alone(ink, labels, piece) for piece in digits}
    lines = [piece for piece in digits if not _is_solid(drawings[piece])]
    if not lines:
        raise Solid
    return [
        Drawn(drawings[piece], max(0, piece.top - 1), max(0, piece.left - 1), row)
        for row, line in enumerate(_in_rows(lines, usual))
        for piece in line
    ], left_out + len(digits) - len(lines)


def _is_line(piece: Piece, usual: float) -> bool:
    """Whether a piece is a line, a frame or part of a table."""
    is_flat = piece.height < SMALL * usual and piece.width > LONG * usual
    return is_flat or piece.height > LARGE * usual


def _usual(sizes: Sequence[int]) -> float:
    """The size of the usual piece: half of all sizes, added up, belong to larger ones."""
    ordered = np.sort(sizes)[::-1]
    return float(ordered[int(np.searchsorted(ordered.cumsum(), ordered.sum() / 2))])


def _without_edges(pieces: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """The pieces without what touches the picture's border and is unlike the others: the edge of a
    scan, a shadow, a table. Without others, all of them.
    """

    def touches(piece: Piece) -> bool:
        return (
            min(piece.top, piece.left) == 0 or piece.bottom == shape[0] or piece.right == shape[1]
        )

    inner = [piece for piece in pieces if not touches(piece)]
    usual = _usual([piece.height for piece in inner]) if inner else 0.0
    whole = [piece for piece in inner if piece.size >= max(8, usual / 2)]
    if not whole or (len(whole) < 3 and usual < 0.1 * max(shape)):
        return pieces
    return [
        piece
        for piece in pieces
        if not touches(piece) or usual / 1.6 < piece.height < 1.6 * usual > piece.width
    ]


def _overlap(a: int, b: int, c: int, d: int) -> int:
    """The overlap of the intervals a to b and c to d; negative for a gap."""
    return min(b, d) - max(a, c)


def _belong_together(a: Piece, b: Piece, usual: float, *, few: bool) -> bool:
    """Whether two pieces are strokes of one digit."""
    beside = _overlap(a.left, a.right, b.left, b.right)
    over = _overlap(a.top, a.bottom, b.top, b.bottom)
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


def _joined(pieces: list[Piece], usual: float) -> list[Piece]:
    """Joins the pieces that belong together."""
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


def _in_rows(pieces: list[Piece], usual: float) -> list[list[Piece]]:
    """The pieces in reading order, row by row; the rows may slope."""
    x, y = (
        np.array([getattr(p, a) + getattr(p, b) for p in pieces]) / 2
        for a, b in (("left", "right"), ("top", "bottom"))
    )

    def sharpness(slope: float) -> float:
        levels = (y - slope * x) / (usual / 2)
        counts = [np.unique(np.floor(levels + shift), return_counts=True)[1] for shift in (0, 0.5)]
        return float(sum((count**2).sum() for count in counts)) * (1 - abs(slope) / 5)

    slope = max(np.linspace(-MAX_SLOPE, MAX_SLOPE, 51), key=sharpness) if len(pieces) > 5 else 0.0
    level = y - slope * x
    rows: list[list[int]] = []
    for at in np.argsort(level):
        row = rows[-1] if rows else []
        reach = [(pieces[at].height + pieces[k].height) / 2 - level[at] + level[k] for k in row]
        if any(
            reached > 0.4 * min(pieces[at].height, pieces[k].height)
            for reached, k in zip(reach, row, strict=True)
        ):
            row.append(at)
        else:
            rows.append([at])
    return [[pieces[k] for k in sorted(row, key=lambda k: pieces[k].left)] for row in rows]


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
